"""A rule: a pattern by name. RE2 syntax: nothing here looks ahead or back."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """A pattern by name, and the family of attacks that it belongs to.

    firm           what matches names what hardly any ordinary request names: the model cannot overrule it easily
    short          only short texts are matched: in long ones, signs stand beside each other by chance
    """

    family: str
    name: str
    pattern: str
    firm: bool = False
    short: bool = False


FIRM = frozenset(
    [
        "backup or settings",
        "batch condition",
        "batch file",
        "class",
        "code",
        "document",
        "entity",
        "foreign encoding",
        "gadget",
        "header",
        "hidden file",
        "json condition",
        "line of a protocol",
        "lookup",
        "node",
        "object",
        "operator object",
        "own name",
        "php setting",
        "session file",
        "split word",
        "sql variable",
        "system tables",
        "union select",
        "webshell",
    ]
)


def rule(family: str, name: str, *ways: str) -> Rule:
    """Return a rule that matches where any of its ways does."""
    return Rule(family, name, "|".join(f"(?:{way})" for way in ways), name in FIRM)
