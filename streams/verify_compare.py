"""A page as it is saved against what the fold of its log gives: the first difference, in words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from detectors.bank import Bank
from streams.engine import pages
from streams.engine.pages import Mark
from streams.engine.shard import Shard
from streams.tail import plain
from streams.verify_pages import Claim

LONGEST = 80
Source = tuple[str, str, int]
Place = tuple[int, int, str]


class Found(NamedTuple):
    """A difference: of what, what the fold gives, what is saved."""

    what: str
    expected: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Deviation:
    """A page that is not what the fold of its log gives, and the first difference.

    position       the offset at which the page says it is true
    """

    capability: str
    partition: int
    page: int
    position: int
    first: Found

    def in_words(self) -> str:
        """Return it as a line."""
        where = f"{self.capability}[{self.partition}] page {self.page} at {self.position}"
        expected, found = (_short(_plain(value)) for value in self.first[1:])
        return plain(f"state: {where}: {self.first.what}: expected {expected}, found {found}")

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "capability": self.capability,
            "partition": self.partition,
            "page": self.page,
            "position": self.position,
            "what": self.first.what,
            "expected": _plain(self.first.expected),
            "found": _plain(self.first.found),
        }


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def first_difference(expected: Any, found: Any, where: str = "") -> Found | None:
    """Return the first place where two plain values differ.

    >>> first_difference({"mean": [1.0, 2.0]}, {"mean": [1.0, 3.0]})
    Found(what='mean[1]', expected=2.0, found=3.0)
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in dict.fromkeys((*expected, *found)):
            inner = f"{where}.{name}" if where else str(name)
            if name not in expected or name not in found:
                return Found(inner, expected.get(name, "nothing"), found.get(name, "nothing"))
            if differs := first_difference(expected[name], found[name], inner):
                return differs
        return None
    if isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        for i, (one, other) in enumerate(zip(expected, found, strict=False)):
            if differs := first_difference(one, other, f"{where}[{i}]"):
                return differs
        return None if len(expected) == len(found) else Found(f"length of {where}", len(expected), len(found))
    if isinstance(expected, bytes) and isinstance(found, bytes):
        return _first_byte(expected, found, f"{where}, " if where else "")
    both_nan = isinstance(expected, float) and isinstance(found, float) and math.isnan(expected) and math.isnan(found)
    return None if expected == found or both_nan else Found(where, expected, found)


def _first_byte(expected: bytes, found: bytes, where: str) -> Found | None:
    if expected == found:
        return None
    pairs = enumerate(zip(expected, found, strict=False))
    at = next((i for i, (one, other) in pairs if one != other), min(len(expected), len(found)))
    return Found(f"{where}byte {at}", expected[at : at + 8], found[at : at + 8])


def compare_rows(bank: type[Bank], expected: bytes, found: bytes) -> Found | None:
    """Return the first row in which two pages differ, and in what; None where they are the same bytes."""
    if expected == found:
        return None
    ours = bank.shown(expected)
    try:
        theirs = bank.shown(found)
    except (msgspec.DecodeError, ValueError) as error:
        return Found("the page as a whole", f"{len(ours)} rows", f"unreadable: {error}")
    for name in dict.fromkeys((*ours, *theirs)):
        if name not in ours or name not in theirs:
            there = ("there", "not there")
            return Found(f"row {name}", there[name not in ours], there[name not in theirs])
        if differs := first_difference(ours[name], theirs[name]):
            what = f", {differs.what}" if differs.what else ""
            return Found(f"row {name}{what}", differs.expected, differs.found)
    if list(ours) != list(theirs):
        return Found("the order of the rows", list(ours), list(theirs))
    return _first_byte(expected, found, "the same values in other bytes, ")


def compare_page(shard: Shard, number: int, claim: Claim, settings: Mapping[int, bytes], empty: bytes) -> Found | None:
    """Return the first difference between a page as it is claimed and as a shard has it, at the claim's position.

    settings       as they were saved, by offset; empty: what a bank returns for a page in which nothing is
    """
    page, statement = claim.page, claim.statement
    payload: bytes = empty
    marks: dict[Source, Place] = {}
    if page is not None:
        path = shard.bank.path_from(page.version)
        assert path is not None, "a page of a version that this program does not know cannot be compared"
        payload, marks = page.payload, _by_source(page.marks)
        for migrate in path:
            payload = migrate(payload)
    if differs := compare_rows(type(shard.bank), shard.bank.take(number), payload):
        return differs
    own = _by_source(shard.marks.of_page(number))
    for source in dict.fromkeys((*own, *marks)):
        ours, theirs = own.get(source), marks.get(source)
        if ours != theirs:
            what = f"mark of {source[0]}, {source[1]}[{source[2]}]"
            return Found(what, "none" if ours is None else ours, "none" if theirs is None else theirs)
    if statement.clock_ms != shard.clock_ms:
        return Found("the log's clock in ms", shard.clock_ms, statement.clock_ms)
    if statement.settings_at != shard.settings_at:
        return Found("where the settings in force stand", shard.settings_at, statement.settings_at)
    if statement.lesson_at != shard.lessons.at:
        return Found("where the lesson in force stands", shard.lessons.at, statement.lesson_at)
    return _compare_settings(shard, settings.get(statement.settings_at))


def _by_source(marks: Iterable[Mark]) -> dict[Source, Place]:
    return {mark[:3]: mark[3:] for mark in marks}


def _compare_settings(shard: Shard, saved: bytes | None) -> Found | None:
    if shard.settings_at < 0:
        return None
    what = f"the settings of @{shard.settings_at}"
    if saved is None:
        return Found(what, shard.version, "not saved")
    try:
        version, settings = pages.decode_settings(saved)
    except (msgspec.DecodeError, ValueError) as error:
        return Found(what, shard.version, f"unreadable: {error}")
    ours = {"version": shard.version, **msgspec.to_builtins(shard.bank.settings)}
    differs = first_difference(ours, {"version": version, **msgspec.to_builtins(settings)})
    return differs and Found(f"{what}, {differs.what}", differs.expected, differs.found)
