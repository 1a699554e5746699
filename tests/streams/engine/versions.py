"""One capability in several versions: what each saves differs, what each concludes does not.

Version 1 keeps how many readings of a series there were; version 2 how many tens and how many since; version 3 that,
and the largest value, which no page of an older version holds.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from detectors.bank import Finding
from detectors.columns import Run
from detectors.ledger import Entry, Ledger
from streams.bus import Capability
from topics import Derived, Record
from topics.metrics import METRICS, Reading


class Count(Entry, kw_only=True):
    """Of version 1: how many readings there were."""

    count: int = 0


class Tens(Entry, kw_only=True):
    """Of version 2: how many tens of readings there were, and how many readings since."""

    tens: int = 0
    since: int = 0


class Peak(Tens, kw_only=True):
    """Of version 3: the largest value, too."""

    largest: float = 0.0


def split_count(raw: bytes) -> bytes:
    """Make a page of version 1 one of version 2."""
    old = msgspec.msgpack.decode(raw, type=dict[str, Count])
    new = {
        name: Tens(heard_ms=one.heard_ms, due_ms=one.due_ms, tens=one.count // 10, since=one.count % 10)
        for name, one in old.items()
    }
    return msgspec.msgpack.encode(new)


class First(Ledger):
    """Counts readings, and says every tenth."""

    capability = "versioned"
    version = 1
    key = "series"
    entry: ClassVar[type[Entry]] = Count

    def group_of(self, record: Record) -> str | None:
        """Return the service; what is concluded is not counted."""
        assert isinstance(record, Reading)
        return None if record.origin is not None else record.service

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading."""
        assert isinstance(record, Reading)
        entry = entries.setdefault(record.series, self.entry())
        entry.heard_ms = clock_ms
        count = self.count_one(entry, record.value)
        if count % 10:
            return []
        return [Reading(series=f"{record.series}_counted", value=float(count), at_s=record.at_s)]

    def count_one(self, entry: Any, value: float) -> int:
        """Count a reading of a series; return how many there were."""
        entry.count += 1
        return int(entry.count)

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Nothing is ever due."""
        raise AssertionError(name)


class Second(First):
    """The same, with tens and what came since."""

    version = 2
    entry = Tens
    migrations = {1: split_count}  # noqa: RUF012 - the base class says that it belongs to the class

    def count_one(self, entry: Any, value: float) -> int:
        """Count a reading of a series; return how many there were."""
        entry.tens, entry.since = entry.tens + (entry.since == 9), (entry.since + 1) % 10
        return int(10 * entry.tens + entry.since)


class Third(Second):
    """The same, with the largest value: nothing leads here from version 2."""

    version = 3
    entry = Peak

    def count_one(self, entry: Any, value: float) -> int:
        """Count a reading of a series; return how many there were."""
        entry.largest = max(entry.largest, value)
        return super().count_one(entry, value)


VERSIONS: dict[int, type[First]] = {1: First, 2: Second, 3: Third}


def fold(run: Run, bank: Ledger) -> list[Finding]:
    """Count readings."""
    return bank.fold(run)


def versioned(version: int) -> Capability:
    """Return the capability in one of its versions."""
    return Capability("versioned", METRICS, VERSIONS[version], (METRICS,), fold)
