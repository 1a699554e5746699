"""Signatures: all rules as a few automata, so that a text is matched against many patterns at once, in linear time.

One automaton of all rules would be quicker on ordinary texts, by a microsecond; but of a text that was made to bring it
into ever new states, it makes up ten times as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import re2

from detectors.security.decoding import bytewise
from detectors.security.rules import RAW, RULES, Rule

# Generous, so that the automaton never has to be thrown away while it runs over one text.
MEMORY_BYTES = 64 << 20
TOGETHER = (("sqli", "nosqli"), ("xss",), ("command",), ("code", "ssti", "log4shell", "deserialisation"))
"""Families whose rules are one automaton; those of all others are one more, and so are the rules of short texts."""
SHORT = 160
"""Bytes of a text that is short."""


def _options() -> Any:
    options = bytewise()
    options.max_mem = MEMORY_BYTES
    options.dot_nl = True
    options.log_errors = False
    return options


def _automaton(rules: Sequence[Rule]) -> Any:
    patterns = re2.Set.SearchSet(_options())
    for rule in rules:
        patterns.Add(rule.pattern.encode())
    patterns.Compile()
    return patterns


@cache
def _of_all() -> tuple[tuple[Any, tuple[Rule, ...]], ...]:
    """Return the automata, and the rules of each."""
    groups: dict[int, list[Rule]] = {}
    for rule in RULES:
        place = next((k for k, families in enumerate(TOGETHER) if rule.family in families), len(TOGETHER))
        groups.setdefault(len(TOGETHER) + 1 if rule.short else place, []).append(rule)
    return tuple((_automaton(rules), tuple(rules)) for _, rules in sorted(groups.items()))


@cache
def _of_raw() -> Any:
    return _automaton(RAW)


@cache
def _compiled(rule: Rule) -> Any:
    return re2.compile(rule.pattern.encode(), _options())


def matching(text: str) -> list[Rule]:
    """Return the rules that match a decoded text in lower case.

    RE2 answers None both where nothing matches and where it has no memory left; neither is an error of the request.

    >>> [rule.name for rule in matching("1 union all select password from users--")]
    ['union select', 'select from']
    """
    raw, found = text.encode("utf-8", "replace"), list[Rule]()
    for automaton, rules in _of_all():
        if rules[0].short and len(raw) > SHORT:
            continue
        numbers = automaton.Match(raw)
        if numbers:
            found += [rules[number] for number in sorted(numbers)]
    return found


def matching_raw(text: str) -> list[Rule]:
    """Return which of the rules for what decoding takes away match a text as it came, in lower case."""
    numbers = _of_raw().Match(text.encode("utf-8", "replace"))
    return [] if numbers is None else [RAW[number] for number in sorted(numbers)]


def span(rule: Rule, text: bytes) -> tuple[int, int]:
    """Return where a rule matches a text that it is known to match."""
    match = _compiled(rule).search(text)
    assert match is not None, f"{rule.name} should match: {text[:200]!r}"
    start, end = match.span()
    return int(start), int(end)
