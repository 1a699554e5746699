"""Payloads: what in a request should break something, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from detectors.security.decoding import decoded, without_comments
from detectors.security.gate import is_plain
from detectors.security.masking import masked, masked_bytes
from detectors.security.model import Weights, hostility, raw_of, shipped
from detectors.security.rules import RULES, Rule
from detectors.security.signatures import matching, span

LONGEST = 65_536
MOST_VALUES = 256
EXCERPT = 120
HOSTILE, HARMLESS = 0.3, -0.8
"""A value that scores more than the first is evidence by itself; one that scores less than the second is none, whatever
signature matches."""
LOOKS_HOSTILE = "looks like an attack"
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


WHOLE = ("path", "agent", "referer", "user")
"""Fields that are one value, whose plain words may be parted by slashes."""


class Evidence(NamedTuple):
    """One hostile piece of a request: its family and rule, the field it stood in, and its surroundings, decoded."""

    family: str
    rule: str
    field: str
    excerpt: str


def inspect(field: str, raw: bytes, weights: Weights | None = None) -> list[Evidence]:
    """Return the evidence in one field of a request: at most one piece a value, and one a family.

    weights        of the model, the shipped ones where not told
    """
    text = raw[:LONGEST].decode("utf-8", "replace")
    if field == "user":  # The model has not learned what is usual in names of people.
        return _inspect_values(_values(field, text), None)
    return _inspect_values(_values(field, text), shipped().weights if weights is None else weights)


def texts_of(field: str, raw: bytes) -> list[str]:
    """Return what the model is asked about in one field of a request: its values, decoded, but for plain ones."""
    text = raw[:LONGEST].decode("utf-8", "replace")
    return [decoded(value, blanks) for name, value, blanks in _values(field, text) if not _is_plain(name, value)]


def inspect_headers(headers: Mapping[str, str]) -> list[Evidence]:
    """Return the evidence in header fields that are not looked at otherwise.

    The model has not learned what is usual in them, and is not asked.
    """
    values = [
        (f"header {name.lower()}", part.encode("utf-8", "replace").decode(), False)
        for name, value in headers.items()
        if name.lower() not in USUAL_HEADERS and not name.lower().startswith("sec-")
        for part in (value[:LONGEST].split("; ") if name.lower() == "cookie" else [value[:LONGEST]])
    ]
    return _inspect_values(iter(values[:MOST_VALUES]), None)


def _inspect_values(values: Iterator[tuple[str, str, bool]], weights: Weights | None) -> list[Evidence]:
    found: dict[str, Evidence] = {}
    for field, value, blanks in values:
        piece = None if _is_plain(field, value) else _inspect_value(field, value, blanks, weights)
        if piece is not None:
            found.setdefault(piece.family, piece)
    return [found[family] for family in sorted(found)]


def _is_plain(field: str, value: str) -> bool:
    """Say whether the gate would let a value pass."""
    if not value or (value.isalnum() and value.isascii()):
        return True
    raw = raw_of(value)
    return bool(is_plain(raw, 0, len(raw), field not in WHOLE))


def _inspect_value(field: str, value: str, blanks: bool, weights: Weights | None) -> Evidence | None:
    """Ask the model about a value; match it decoded, decoded without comments, and as it came.

    Most values surely are harmless, and need no matching. One value is one piece of evidence, of the family that most
    rules speak for, and of its first rule.
    """
    meant = decoded(value, blanks)
    looks = 0.0 if weights is None else hostility(meant, weights)
    if looks < HARMLESS:
        return None
    texts: dict[Rule, str] = {}
    for text in dict.fromkeys((meant, without_comments(meant), value.lower())):
        for rule in matching(text):
            texts.setdefault(rule, text)
    if not texts:
        return (
            Evidence("payload", LOOKS_HOSTILE, field[:EXCERPT], _printable(masked(meant))) if looks > HOSTILE else None
        )
    families = Counter(rule.family for rule in texts)
    rule = min(texts, key=lambda rule: (-families[rule.family], RULES.index(rule)))
    return Evidence(rule.family, rule.name, field[:EXCERPT], _excerpt(rule, texts[rule]))


def _excerpt(rule: Rule, text: str) -> str:
    """Return what a rule matched, with what stands around it as far as there is room."""
    raw = text.encode("utf-8", "replace")
    start, end = span(rule, raw)
    spare = max(0, EXCERPT - (end - start)) // 2
    # Masked before it is cut: the name that tells a secret may stand before the edge.
    piece = masked_bytes(raw)[max(0, start - spare) : end + spare][:EXCERPT].decode("utf-8", "ignore")
    return _printable(piece)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:EXCERPT])


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
