"""A capability that fails: at every record named poison, and once in a process at the first that is named hiccup."""

from __future__ import annotations

from typing import Any, ClassVar

from detectors.bank import Finding
from detectors.columns import Run
from detectors.ledger import Entry, Ledger
from streams.bus import Capability
from topics import Derived, Record
from topics.metrics import METRICS, Reading


class Tally(Entry, kw_only=True):
    """How many readings of a series there were."""

    count: int = 0


class Counting(Ledger):
    """Counts readings, and says every tenth."""

    capability = "counting"
    key = "series"
    entry = Tally

    def group_of(self, record: Record) -> str | None:
        """Return the service."""
        assert isinstance(record, Reading)
        return None if record.origin is not None else record.service

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading."""
        assert isinstance(record, Reading)
        tally = entries.setdefault(record.series, Tally())
        tally.count, tally.heard_ms = tally.count + 1, clock_ms
        if tally.count % 10:
            return []
        return [Reading(series=f"{record.service}/{self.capability}", value=float(tally.count), at_s=record.at_s)]

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Nothing is ever due."""
        raise AssertionError(name)


class Poisoned(Counting):
    """Fails at every record named poison, and once at the first that is named hiccup."""

    capability = "poisoned"
    hiccups: ClassVar[list[str]] = []

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading, or fail half way through."""
        said = super().take_one(record, entries, clock_ms, late)
        assert isinstance(record, Reading)
        if record.series.endswith("/poison"):
            raise ZeroDivisionError(f"a bug of ours at {record.series}")
        if record.series.endswith("/hiccup") and not self.hiccups:
            self.hiccups.append(record.series)
            raise MemoryError("only once")
        return said


def fold(run: Run, bank: Ledger) -> list[Finding]:
    """Count readings."""
    return bank.fold(run)


def counting(bank: type[Counting]) -> Capability:
    """Return a bank that counts as a capability."""
    return Capability(bank.capability, METRICS, bank, (METRICS,), fold)
