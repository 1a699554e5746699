"""A rule: a pattern by name. RE2 syntax: nothing here looks ahead or back."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """A pattern by name, and the family of attacks that it belongs to."""

    family: str
    name: str
    pattern: str


def rule(family: str, name: str, *ways: str) -> Rule:
    """Return a rule that matches where any of its ways does."""
    return Rule(family, name, "|".join(f"(?:{way})" for way in ways))
