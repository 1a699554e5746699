"""Payloads: what in a request should break something, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from detectors.security.decoding import decoded, without_comments
from detectors.security.rules import RULES, Rule
from detectors.security.signatures import matching, span

LONGEST = 65_536
MOST_VALUES = 256
EXCERPT = 120
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


class Evidence(NamedTuple):
    """One hostile piece of a request: its family and rule, the field it stood in, and its surroundings, decoded."""

    family: str
    rule: str
    field: str
    excerpt: str


def inspect(field: str, raw: bytes) -> list[Evidence]:
    """Return the evidence in one field of a request: at most one piece a value, and one a family."""
    text = raw[:LONGEST].decode("utf-8", "replace")
    return _inspect_values(_values(field, text))


def inspect_headers(headers: Mapping[str, str]) -> list[Evidence]:
    """Return the evidence in header fields that are not looked at otherwise."""
    values = [
        (f"header {name.lower()}", part.encode("utf-8", "replace").decode(), False)
        for name, value in headers.items()
        if name.lower() not in USUAL_HEADERS and not name.lower().startswith("sec-")
        for part in (value[:LONGEST].split("; ") if name.lower() == "cookie" else [value[:LONGEST]])
    ]
    return _inspect_values(iter(values[:MOST_VALUES]))


def _inspect_values(values: Iterator[tuple[str, str, bool]]) -> list[Evidence]:
    found: dict[str, Evidence] = {}
    for field, value, blanks in values:
        piece = None if value.isalnum() and value.isascii() else _inspect_value(field, value, blanks)
        if piece is not None:
            found.setdefault(piece.family, piece)
    return [found[family] for family in sorted(found)]


def _inspect_value(field: str, value: str, blanks: bool) -> Evidence | None:
    """Match a value decoded, decoded without comments, and as it came.

    One value is one piece of evidence, of the family that most rules speak for, and of its first rule.
    """
    meant = decoded(value, blanks)
    texts: dict[Rule, str] = {}
    for text in dict.fromkeys((meant, without_comments(meant), value.lower())):
        for rule in matching(text):
            texts.setdefault(rule, text)
    if not texts:
        return None
    families = Counter(rule.family for rule in texts)
    rule = min(texts, key=lambda rule: (-families[rule.family], RULES.index(rule)))
    return Evidence(rule.family, rule.name, field[:EXCERPT], _excerpt(rule, texts[rule]))


def _excerpt(rule: Rule, text: str) -> str:
    """Return what a rule matched, with what stands around it as far as there is room."""
    raw = text.encode("utf-8", "replace")
    start, end = span(rule, raw)
    spare = max(0, EXCERPT - (end - start)) // 2
    piece = raw[max(0, start - spare) : end + spare][:EXCERPT].decode("utf-8", "ignore")
    return "".join(character if character.isprintable() else " " for character in piece)


def _values(field: str, text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (field, value, whether "+" is a blank) for what is to be looked at by itself."""
    if field == "path":
        path, question, query = text.partition("?")
        yield "path", path, False
        if question:
            yield from _parameters("path", query)
    elif field == "body" and text.lstrip()[:1] in ("{", "["):
        yield from _leaves(text)
    elif field == "body" and "=" in text.partition("&")[0] and text.lstrip()[:1] not in ("<", "-"):
        yield from _parameters("body", text)
    else:
        yield field, text, False


def _parameters(field: str, query: str) -> Iterator[tuple[str, str, bool]]:
    """Yield names and values of a query; beyond `MOST_VALUES` the rest is one value."""
    for part in query.split("&", MOST_VALUES):
        name, _, value = part.partition("=")
        if not name.isalnum():
            yield f"{field} {name}", name, True
        yield f"{field} {name}", value, True


def _leaves(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the texts of a JSON body, names included; all of it where it is no JSON, or too large to take apart."""
    try:
        stack = [("body", msgspec.json.decode(text))]
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        stack = []
    seen = 0
    while stack and seen < MOST_VALUES:
        name, value = stack.pop()
        seen += 1
        if isinstance(value, dict):
            stack += [(f"body {key}", key) for key in value] + [(f"body {key}", inner) for key, inner in value.items()]
        elif isinstance(value, list):
            stack += [(name, inner) for inner in value]
        elif isinstance(value, str):
            yield name, value, False
    if stack or not seen:
        yield "body", text, False
