"""Signatures: all rules as one automaton, so that a text is matched against every pattern at once, in linear time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import re2

from detectors.security.decoding import bytewise
from detectors.security.rules import RAW, RULES, Rule

# Generous, so that the automaton never has to be thrown away while it runs over one text.
MEMORY_BYTES = 64 << 20


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
def _of_all() -> Any:
    return _automaton(RULES)


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
    numbers = _of_all().Match(text.encode("utf-8", "replace"))
    return [] if numbers is None else [RULES[number] for number in sorted(numbers)]


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
