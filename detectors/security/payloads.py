"""Payloads: what in a request should break something, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from detectors.security.decoding import decoded, without_comments
from detectors.security.families import SPECIFIC
from detectors.security.fields import LONGEST, Value, headers_of, values_of
from detectors.security.gate import is_plain, is_word
from detectors.security.masking import masked, masked_bytes
from detectors.security.model import Model, hostility, raw_of, shipped
from detectors.security.naming import family_of
from detectors.security.rules import PLACE_OF, Rule
from detectors.security.signatures import matching, matching_raw, span

EXCERPT = 120
HOSTILE, HARMLESS, SURELY_HARMLESS = 0.4, -0.5, -1.5
"""A value that scores more than the first is evidence by itself; one below the second is, where a firm rule matches;
one below the third is none, whatever matches."""
LONG, LONG_HARMLESS = 64, -0.2
"""In a value of so many characters something matches by chance more often, and the model knows it better."""
SURE = 0.9
"""A value that scores more is evidence even where the model abstains."""
Abstains = Callable[[str], bool]
"""Says of a field, as evidence names it, whether the model is not believed there by itself."""
LOOKS_HOSTILE = "looks like an attack"
WHOLE = ("path", "agent", "referer", "user")
"""Fields that are one value, whose plain words may be parted by slashes."""


class Evidence(NamedTuple):
    """One hostile piece of a request: its family and rule, the field it stood in, and its surroundings, decoded.

    score          from 1, as likely as not, up to 2: the more, the more rules match, and the more hostile it looks
    """

    family: str
    rule: str
    field: str
    excerpt: str
    score: float = 1.0


class Look(NamedTuple):
    """What a look at a field brought: the evidence, and whether the field was what it seemed to be (JSON, say)."""

    evidence: list[Evidence]
    understood: bool


def look(field: str, raw: bytes, model: Model | None = None, abstains: Abstains | None = None) -> Look:
    """Return the evidence in one field of a request: at most one piece a value, and one a family.

    model          the shipped one where not told
    abstains       is asked where the model alone would speak, and is not sure
    """
    found = values_of(field, raw[:LONGEST].decode("utf-8", "replace"))
    if field == "user":  # The model has not learned what is usual in names of people.
        return Look(_inspect_values(found.values, None), True)
    return Look(_inspect_values(found.values, shipped() if model is None else model, abstains), found.understood)


def inspect(field: str, raw: bytes, model: Model | None = None) -> list[Evidence]:
    """Return the evidence alone."""
    return look(field, raw, model).evidence


def texts_of(field: str, raw: bytes) -> list[str]:
    """Return what the model is asked about in one field of a request: its values, decoded, but for plain ones."""
    found = values_of(field, raw[:LONGEST].decode("utf-8", "replace"))
    return [decoded(value.text, value.blanks) for value in found.values if not _is_plain(value)]


def inspect_headers(headers: Mapping[str, str]) -> list[Evidence]:
    """Return the evidence in cookies, and in header fields that are not looked at otherwise.

    The model has not learned what is usual in them, and is not asked.
    """
    return _inspect_values(headers_of(headers), None)


def _inspect_values(values: Iterable[Value], model: Model | None, abstains: Abstains | None = None) -> list[Evidence]:
    found: dict[str, Evidence] = {}
    for value in values:
        piece = None if _is_plain(value) else _inspect_value(value, model, abstains)
        if piece is not None:
            found.setdefault(piece.family, piece)
    return [found[family] for family in sorted(found)]


def _is_plain(value: Value) -> bool:
    """Say whether the gate would let a value pass."""
    text = value.text
    if not text or is_word(text):
        return True
    raw = raw_of(text)
    return bool(is_plain(raw, 0, len(raw), value.field not in WHOLE))


def _inspect_value(value: Value, model: Model | None, abstains: Abstains | None) -> Evidence | None:
    """Ask the model about a value; match it decoded, decoded without comments, and as it came.

    Most values surely are harmless, and need no matching. One value is one piece of evidence, of the family that most
    rules speak for, and of its first rule.
    """
    meant = decoded(value.text, value.blanks)
    looks = 0.0 if model is None else hostility(meant, model.weights)
    if looks < SURELY_HARMLESS:
        return None
    texts = _matches(meant, value.text)
    if looks < (HARMLESS if len(meant) < LONG else LONG_HARMLESS):
        texts = {rule: text for rule, text in texts.items() if rule.firm}
    score = round(2.0 - 0.5 ** (max(0.0, looks) + len(texts)), 1)
    if texts:
        rule = _speaker(texts)
        return Evidence(rule.family, rule.name, value.field[:EXCERPT], _excerpt(rule, texts[rule]), score)
    if model is not None and looks > HOSTILE:
        if looks <= SURE and abstains is not None and abstains(value.field[:EXCERPT]):
            return None
        return Evidence(family_of(meant, model), LOOKS_HOSTILE, value.field[:EXCERPT], _printable(masked(meant)), score)
    return None


def _matches(meant: str, raw: str) -> dict[Rule, str]:
    """Return the rules that match a value, each with the text that it matches."""
    found = dict.fromkeys(matching(meant), meant)
    if "/*" in meant:
        bare = without_comments(meant)
        found |= {rule: bare for rule in matching(bare) if rule not in found}
    if "%" in raw or "\\" in raw:
        low = raw.lower()
        found |= {rule: low for rule in matching_raw(low) if rule not in found}
    return found


def _speaker(rules: Iterable[Rule]) -> Rule:
    """Return the rule that names a value: of a specific family first, then of the one that most rules are of."""
    families = Counter(rule.family for rule in rules)
    return min(rules, key=lambda rule: (rule.family not in SPECIFIC, -families[rule.family], PLACE_OF[rule]))


def _excerpt(rule: Rule, text: str) -> str:
    """Return what a rule matched, with what stands around it as far as there is room."""
    raw = text.encode("utf-8", "replace")
    start, end = span(rule, raw)
    spare = max(0, EXCERPT - (end - start)) // 2
    # Masked before it is cut: the name that tells a secret may stand before the edge.
    piece = masked_bytes(raw)[max(0, start - spare) : end + spare][:EXCERPT].decode("utf-8", "ignore")
    return _printable(piece)


def _printable(text: str) -> str:
    text = text[:EXCERPT]
    return text if text.isprintable() else "".join(character if character.isprintable() else " " for character in text)
