"""Fields: what in a request is to be looked at by itself, however the body is written: form, JSON, parts, or XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import re2

from detectors.security.gate import is_word

LONGEST = 65_536
"""Characters of a field that are looked at."""
MOST_VALUES, MOST_LEAVES = 256, 4_096
"""So many texts are looked at by themselves; of JSON, so many leaves are gone through for them."""
DEEPEST = 32
LONGEST_BOUNDARY = 80

# What every browser sends, in forms of its own, and what is looked at as a field already.
USUAL_HEADERS = frozenset(
    [
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "date",
        "host",
        "if-modified-since",
        "if-none-match",
        "origin",
        "pragma",
        "priority",
        "range",
        "referer",
        "te",
        "upgrade-insecure-requests",
        "user-agent",
    ]
)
_NAMES = re2.compile(r"(?i)\b(name|filename)\*?\s*=\s*(?:\"([^\"]*)\"|([^;\s]*))")
# Elements that do something wherever they stand.
_LIVELY = ("script", "svg", "iframe", "xi:", "xsl:")


class Value(NamedTuple):
    """A text, the field it stood in ("path q", "body user"), and whether a "+" in it is a blank."""

    field: str
    text: str
    blanks: bool


class Values(NamedTuple):
    """The values of a field that are not surely plain; and whether it was what it seemed: if not, it is one value."""

    values: list[Value]
    understood: bool = True


def values_of(field: str, text: str) -> Values:
    """Return the values of a field. What a body is, is told by how it begins: what its header says, anyone can write.

    >>> values_of("body", '{"user": {"name": "x y"}}').values
    [Value(field='body name', text='x y', blanks=False)]
    """
    if field == "path":
        path, question, query = text.partition("?")
        return Values([Value("path", path, False), *(_parameters("path", query) if question else [])])
    if field != "body":
        return Values([Value(field, text, False)])
    start = text.lstrip()
    if start[:1] in ("{", "["):
        found = _leaves(text)
    elif start.startswith("--"):
        found = _parts(start)
    elif start.startswith("<?xml"):
        found = _elements(start)
    elif start[:1] != "<" and _is_form(text.partition("&")[0]):
        return Values(_parameters("body", text))
    else:
        return Values([Value("body", text, " " not in text)])
    if found is None or len(found) > MOST_VALUES:
        return Values([Value("body", text, False)], False)
    return Values(found)


def headers_of(headers: Mapping[str, str]) -> list[Value]:
    """Return the values of header fields that are not looked at otherwise, each cookie by itself."""
    found = []
    for name, value in headers.items():
        low = name.lower()
        if low in USUAL_HEADERS or low.startswith("sec-"):
            continue
        text = value[:LONGEST].encode("utf-8", "replace").decode()
        if low == "cookie":
            found += [Value(f"cookie {key}", inner or key, False) for key, inner in _cookies(text)]
        else:
            found.append(Value(f"header {low}", text, False))
    return found[:MOST_VALUES]


def _cookies(text: str) -> list[tuple[str, str]]:
    """Return names and values of cookies; beyond `MOST_VALUES` the rest is one."""
    parts = (part.partition("=") for part in text.split(";", MOST_VALUES - 1))
    return [(key.strip(), inner) for key, _, inner in parts]


def _parameters(field: str, query: str) -> list[Value]:
    """Return names and values of a query that are no plain words; beyond `MOST_VALUES` the rest is one value."""
    found = []
    for part in query.split("&", MOST_VALUES):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = _encoded(part)
        if name and not is_word(name):
            found.append(Value(f"{field} {name}", name, True))
        if value and not is_word(value):
            found.append(Value(f"{field} {name}", value, True))
    return found


def _encoded(part: str) -> tuple[str, str]:
    """Return name and value of a parameter whose "=" was encoded, too; a name alone where there is none."""
    at = part.lower().find("%3d") if "%3" in part else -1
    return (part, "") if at < 0 else (part[:at], part[at + 3 :])


def _is_form(part: str) -> bool:
    """Say whether the beginning of a body is a parameter."""
    return "=" in part or (part.isascii() and " " not in part and "%3d" in part.lower())


def _leaves(text: str) -> list[Value] | None:
    """Return the texts of a JSON body that are no plain words, names included; None: no JSON, too wide or too deep."""
    try:
        stack: list[tuple[str, Any, int]] = [("", msgspec.json.decode(text), 0)]
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    found, names, seen = list[Value](), dict[str, None](), 0
    while stack:
        name, value, depth = stack.pop()
        kind = type(value)
        if kind is str:
            if value and not is_word(value):
                found.append(Value(f"body {name}".rstrip(), value, False))
        elif kind is dict or kind is list:
            seen += len(value)
            if seen > MOST_LEAVES or depth == DEEPEST or len(found) > MOST_VALUES:
                return None
            if kind is dict:
                names |= dict.fromkeys(value)
                stack += [(key, inner, depth + 1) for key, inner in value.items()]
            else:
                stack += [(name, inner, depth + 1) for inner in value]
    return [Value(f"body {name}".rstrip(), name, False) for name in names if not is_word(name)] + found


def _parts(text: str) -> list[Value] | None:
    """Return what the parts of a body hold, and the names that they give; None where it has no such parts."""
    boundary = text.split("\n", 1)[0].rstrip()
    if not 2 < len(boundary) <= LONGEST_BOUNDARY:
        return None
    pieces = text.split(boundary, MOST_VALUES + 1)[1:]
    if len(pieces) > MOST_VALUES:
        return None
    found = list[Value]()
    for piece in pieces:
        if piece.strip() in ("", "--"):
            continue
        head, blank, content = piece.replace("\r\n", "\n").partition("\n\n")
        if not blank:
            return None
        found += _part(head.strip(), content.removesuffix("\n"))
    return found


def _part(head: str, content: str) -> list[Value]:
    """Return the values of one part: its name and that of its file, odd lines of its head, and what it holds."""
    where, found = "body", list[Value]()
    for line in head.split("\n", MOST_VALUES):
        if not line.lower().startswith("content-disposition:"):
            found.append(Value(where, line.partition(":")[2].strip() or line, False))
            continue
        for match in _NAMES.finditer(line[: LONGEST_BOUNDARY * 16]):
            kind, quoted, bare = match.groups()
            name = quoted if quoted is not None else bare or ""
            if kind.lower() == "name":
                where = f"body {name}"
            found.append(Value(where, name, False))
    return [*found, Value(where, content, False)]


def _elements(text: str) -> list[Value] | None:
    """Return the texts, attributes and declarations of XML; None where it does not end as it begins, or is too long."""
    found, at, where, steps = list[Value](), 0, "body", 0
    while at < len(text):
        steps += 1
        start = text.find("<", at)
        between = text[at:] if start < 0 else text[at:start]
        if not between.isspace() and between:
            found.append(Value(where, between.strip(), False))
        if start < 0:
            break
        end = _end(text, start)
        if end < 0 or steps > MOST_VALUES:
            return None
        tag = text[start:end]
        if tag.startswith(("<![CDATA[", "<!--")):
            found.append(Value(where, tag[9:-3] if tag.startswith("<![") else tag[4:-3], False))
        elif tag.startswith(("<!", "<?")):
            found += [Value(where, tag, False)] if not tag.startswith("<?xml") else []
        elif not tag.startswith("</"):
            where = "body " + "".join(tag.strip("<>/").split(None, 1)[:1])
            inside = _attributes(where, tag)
            if inside is None:
                return None
            found += inside
        at = end
    return found


def _end(text: str, start: int) -> int:
    """Return where what begins at a "<" ends; -1: nowhere."""
    for opens, closes in (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>")):
        if text.startswith(opens, start):
            end = text.find(closes, start)
            return end + len(closes) if end >= 0 else -1
    end = text.find(">", start)
    if text.startswith("<!", start) and text.find("[", start, end) >= 0:
        end = text.find("]", start)
        end = text.find(">", end) if end >= 0 else -1
    return end + 1 if end >= 0 else -1


def _attributes(where: str, tag: str) -> list[Value] | None:
    """Return the values of an element's attributes, and the element where it does something; None: a quote is open."""
    found = [Value(where, tag, False)] if tag[1:].startswith(_LIVELY) else []
    mark = '"' if '"' in tag else "'"
    pieces = tag.split(mark)
    if len(pieces) % 2 == 0:
        return None
    for name, value in zip(pieces[::2], pieces[1::2], strict=False):
        if not name.strip(" =\t\r\n").rpartition(" ")[2].startswith("xmlns"):
            found.append(Value(where, value, False))
    return found
