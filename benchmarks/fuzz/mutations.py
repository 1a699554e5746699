"""Mutations: requests that nobody would send, made from ordinary and hostile ones, from a seed."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from urllib.parse import quote

from benchmarks.attackers import Attackers
from benchmarks.visitors import Visitors
from topics.requests import Request

START_S, CLIENTS = 1_700_000_000.0, 500
FIELDS = ("path", "path", "path", "body", "body", "agent", "referer", "user", "cookie", "header")
SEEDS = 4
"""A request has up to so many mutations, one after the other."""
LONGEST, HUGE, DEEP = 4_000, 200_000, 5_000
ODD = 400
"""One request of so many is as large as a source may send it."""
PIECES = (
    "%", "%25", "%u", "%uff", "%c0%ae", "%00", "&#", "&#x", "&lt", "\\u", "\\x", "\\u{", "0x", "/*", "*/", "/*!",
    "<!--", "<!", "<",
    ">", "<![CDATA[", "<!DOCTYPE a [", "<!ENTITY", "]]>", "<?xml", "--", "'", '"', "`", ";", "|", "||", "&&", "&",
    "=", "?", "(", ")", "{{",
    "}}", "${", "${${", "{", "[", "]", "\n", "\r\n", "\t", "\x00", "../", "..\\", "é", "／", "\ufffd", "\U0001f600",
    " or ", " select ", " from ",
    "on", "onload=", "script", "java", "union ", "a", "aaaa", "0", "-", "_", "__", ".", ",", ":", "//", "\\", "+",
    " ", "~", "^", "!", "@",
    "#", "$", "*", "system(", "eval(", "if ", "for ", "in (", "concat(", "file://", "http://", "<a ", "<x on",
    "cookie", "\v", "ï¼œ",
)  # fmt: skip


class Mutations:
    """A seeded source of requests; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._visitors, self._attackers = Visitors(seed), Attackers(seed)
        self._ways: tuple[Callable[[str], str], ...] = (
            self.insert, self.insert, self.insert, self.cut, self.double, self.swap, self.percent, self.entities,
            self.escapes,
            self.cased, self.commented, self.noise, self.repeat, self.in_json, self.in_xml, self.in_parts,
            self.in_form, self.in_base64,
        )  # fmt: skip

    def requests(self, n: int) -> Iterator[Request]:
        """Yield n requests."""
        for k in range(n):
            ask = self._attackers.ask() if self.chance.random() < 0.6 else self._visitors.ask()
            kept = {
                name: value
                for name, value in ask.items()
                if name in ("path", "agent", "referer", "body", "method", "status")
            }
            headers: dict[str, str] = {}
            for _ in range(self.chance.choice((1, 1, 2))):
                field = self.chance.choice(FIELDS)
                text = self.mutated(str(kept.get(field, "") or self._attackers.payload()))
                if self.chance.random() * ODD < 1:
                    text = self.huge(text)
                if field in ("cookie", "header"):
                    headers["Cookie" if field == "cookie" else "X-Forwarded-Host"] = text
                else:
                    kept[field] = text
            client = f"10.7.{self.chance.randrange(CLIENTS) >> 8}.{self.chance.randrange(256)}"
            yield Request(client=client, at_s=START_S + k / 100, headers=headers or None, **kept)

    def mutated(self, text: str) -> str:
        """Return a text after some mutations."""
        for _ in range(self.chance.randint(1, SEEDS)):
            text = self.chance.choice(self._ways)(text)[:LONGEST]
        return text

    def insert(self, text: str) -> str:
        """Put a piece somewhere, sometimes often."""
        at = self.chance.randint(0, len(text))
        return text[:at] + self.chance.choice(PIECES) * self.chance.choice((1, 1, 1, 2, 9, 60)) + text[at:]

    def cut(self, text: str) -> str:
        """Leave a part out."""
        first, last = sorted((self.chance.randint(0, len(text)), self.chance.randint(0, len(text))))
        return text[:first] + text[last:]

    def double(self, text: str) -> str:
        """Say a part twice."""
        first, last = sorted((self.chance.randint(0, len(text)), self.chance.randint(0, len(text))))
        return text[:last] + text[first:]

    def swap(self, text: str) -> str:
        """Have one character be another, any there is."""
        if not text:
            return text
        at = self.chance.randrange(len(text))
        code = self.chance.choice((self.chance.randrange(128), self.chance.randrange(0xD800)))
        return text[:at] + chr(code) + text[at + 1 :]

    def percent(self, text: str) -> str:
        """Encode all of it for an address, up to six times."""
        for _ in range(self.chance.randint(1, 6)):
            text = quote(text[:LONGEST], safe="")
        return text

    def entities(self, text: str) -> str:
        """Write it in entities."""
        return "".join(f"&#{ord(one)};" if self.chance.random() < 0.5 else f"&#x{ord(one):x}" for one in text[:500])

    def escapes(self, text: str) -> str:
        """Write it in escapes."""
        form = self.chance.choice(("\\u{:04x}", "\\x{:02x}", "%u{:04x}", "\\u{{{:x}}}"))
        return "".join(form.format(ord(one) & 0xFFFF) for one in text[:500])

    def cased(self, text: str) -> str:
        """Write letters large or small."""
        return "".join(self.chance.choice((one.lower(), one.upper())) for one in text[:500]) + text[500:]

    def commented(self, text: str) -> str:
        """Put comments between words."""
        return text.replace(" ", self.chance.choice(("/**/", "/*!50000", "/*x", "--%0a", "+", "%09")))

    def noise(self, text: str) -> str:
        """Put any bytes behind it."""
        return text + self.chance.randbytes(self.chance.randint(1, 64)).decode("latin-1")

    def repeat(self, text: str) -> str:
        """Say a short piece of it again and again."""
        at = self.chance.randint(0, len(text))
        return text[at : at + self.chance.randint(1, 12)] * self.chance.randint(1, 400) + text

    def in_json(self, text: str) -> str:
        """Put it into JSON, sometimes deep."""
        deep = self.chance.choice((0, 0, 1, 5, 40, 300))
        return (
            '{"a":[' * deep
            + json.dumps({"name": text, text[:20]: [1, text]})
            + "]}" * self.chance.choice((deep, deep // 2))
        )

    def in_xml(self, text: str) -> str:
        """Put it into XML, sometimes deep, sometimes not closed."""
        inside = self.chance.choice(
            ("<a b='{}'/>", "<a>{}</a>", "<![CDATA[{}]]>", "<!DOCTYPE r [<!ENTITY x SYSTEM '{}'>]>", "<a>{}", "{}>")
        )
        return "<?xml version='1.0'?>" + "<n>" * self.chance.choice((1, 1, 9, 300)) + inside.replace("{}", text)

    def in_parts(self, text: str) -> str:
        """Put it into parts of a form."""
        mark = "--" + self.chance.choice(("x", "boundary7", "-" * 60))
        part = f'{mark}\r\nContent-Disposition: form-data; name="{text[:30]}"; filename="{text[:50]}"\r\n\r\n{text}\r\n'
        return part * self.chance.choice((1, 2, 30)) + mark + self.chance.choice(("--", ""))

    def in_form(self, text: str) -> str:
        """Put it into a form, among other fields."""
        return (
            "&".join(f"{chr(97 + k % 26)}{k}={text[:40]}" for k in range(self.chance.choice((1, 3, 400))))
            + f"&q={text}"
        )

    def in_base64(self, text: str) -> str:
        """Write it in base64."""
        return base64.b64encode(text.encode("utf-8", "replace")).decode()

    def huge(self, text: str) -> str:
        """Return something as large as it may be: one piece, or some, for ever; or a document as deep as it can be."""
        kind = self.chance.randrange(4)
        if kind == 0:
            return (self.chance.choice(PIECES) + self.chance.choice(PIECES)) * (HUGE // 8)
        if kind == 1:
            return self.chance.choice(('{"a":', "[", "<n>", "<?xml ?><n>", '[{"a":[')) * DEEP + text
        if kind == 2:
            return "".join(self.chance.choice(PIECES) for _ in range(HUGE // 4))
        return (text or "a") * (HUGE // max(1, len(text)))
