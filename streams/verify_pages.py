"""The claims of the state topic: what it says of every page, each true or not at one offset of its log."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from detectors.bank import PAGES
from streams.connection import Say
from streams.engine import pages
from streams.engine.lessons import lesson_of
from streams.engine.loading import later
from streams.engine.pages import WARMED, Page, Statement, page_key
from streams.reader import read
from streams.settings import Process
from topics.state import STATE

ALL = -1
Shelf = tuple[str, int]
"""Capability and partition: one shard's place in the state topic."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of a page: where it stands, and what was in it; `page` is None where it was never written."""

    statement: Statement
    page: Page | None


class Limits(NamedTuple):
    """Of a log: its first offset, from where on it is to be verified, and up to where."""

    begin: int = 0
    since: float = 0
    until: float = math.inf


class Claims:
    """What is said of one shard's pages, taken record by record as it was written.

    last           by page, the newest claim that stands at or before `until`
    first          by page, the newest that stands at or before `since`, or else the oldest of all; none that stands
                   before what the log still has
    positions      where pages stood at any time: what the log before that led to was said by then
    settings       by offset, as they were saved; lessons: likewise
    warmed         whether they were learned from the past, of which nothing was said: there is nothing before them
    unreadable     by page, why its newest record cannot be read; ALL stands for what is stated of all
    """

    def __init__(self, limits: Limits) -> None:
        self.warmed = False
        self.settings: dict[int, bytes] = {}
        self.lessons: dict[int, bytes] = {}
        self._begin(limits)

    def _begin(self, limits: Limits) -> None:
        self.limits = limits
        self.first: list[Claim | None] = [None] * PAGES
        self.last: list[Claim | None] = [None] * PAGES
        self.positions: set[int] = set()
        self.unreadable: dict[int, str] = {}
        self._pages: dict[int, Page] = {}
        self._stated: list[Statement] | None = None

    def take(self, what: str, raw: bytes | None) -> None:
        """Take a record; what: the last part of its key."""
        if what == WARMED and raw is not None:
            self.warmed = True
            self._begin(self.limits._replace(begin=max(self.limits.begin, int(raw))))
        elif what.startswith("settings/") and what[9:].isdecimal() and raw is not None:
            self.settings[int(what[9:])] = raw
        elif what == "lesson":
            self._take_lesson(raw)
        elif what == "pages" and raw is not None:
            self._take_statements(raw)
        elif what.isdecimal() and int(what) < PAGES:
            self._take_page(int(what), raw)

    def _take_lesson(self, raw: bytes | None) -> None:
        saved = lesson_of(raw)
        if raw is not None and saved is not None:
            self.lessons[saved[0]] = raw

    def _take_statements(self, raw: bytes) -> None:
        self.unreadable.pop(ALL, None)
        try:
            self._stated = pages.decode_statements(raw)
        except (msgspec.DecodeError, ValueError) as error:
            self.unreadable[ALL] = str(error)
        else:
            for number in range(PAGES):
                self._claim(number)

    def _take_page(self, number: int, raw: bytes | None) -> None:
        self._pages.pop(number, None)
        self.unreadable.pop(number, None)
        try:
            if raw is not None:
                self._pages[number] = pages.decode_page(raw)
        except (msgspec.DecodeError, ValueError) as error:
            self.unreadable[number] = str(error)
        else:
            self._claim(number)

    def _claim(self, number: int) -> None:
        page, limits = self._pages.get(number), self.limits
        stated = self._stated[number] if self._stated else Statement()
        claim = Claim(later(stated, page.statement if page else Statement()), page)
        position = claim.statement.position
        self.positions.add(position)
        if position <= limits.until:
            self.last[number] = claim
        if limits.begin <= position and (self.first[number] is None or position <= limits.since):
            self.first[number] = claim


def lowest_of(start: list[Claim | None]) -> Statement:
    """Return what is said of the page that stands lowest."""
    return min((claim.statement for claim in start if claim is not None), key=lambda statement: statement.position)


def table_of(
    shelf: Shelf, start: list[Claim | None], settings: Mapping[int, bytes], lessons: Mapping[int, bytes]
) -> dict[bytes, bytes] | None:
    """Return the table that a worker would load a shard from, had these been the newest claims; None if one lacks."""
    known = [claim for claim in start if claim is not None]
    if len(known) < PAGES:
        return None
    table = {page_key(*shelf, f"settings/{at}"): raw for at, raw in settings.items()}
    table[page_key(*shelf, "pages")] = pages.encode([claim.statement for claim in known])
    lesson_at = lowest_of(start).lesson_at
    if lesson_at in lessons:
        table[page_key(*shelf, "lesson")] = lessons[lesson_at]
    for number, claim in enumerate(known):
        if claim.page is not None:
            table[page_key(*shelf, number)] = pages.encode(claim.page)
    return table


async def read_claims(
    process: Process, capabilities: Collection[str], limits: Mapping[int, Limits], say: Say
) -> dict[Shelf, Claims]:
    """Read what is said of the pages of some capabilities; limits: by partition of their log."""
    found = {(name, p): Claims(limit) for name in capabilities for p, limit in limits.items()}
    async for message in read(process, STATE, say=say):
        name, _, rest = (message.key or b"").decode("utf-8", "replace").partition("/")
        partition, _, what = rest.partition("/")
        claims = found.get((name, message.partition))
        if claims is not None and partition == str(message.partition):
            claims.take(what, message.value)
    return found
