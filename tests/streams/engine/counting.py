"""A bank as simple as one can be: it counts the readings of each series, and says every tenth and every silence."""

from __future__ import annotations

from typing import Any

from detectors.bank import Finding
from detectors.columns import Run
from detectors.ledger import Entry, Ledger
from streams.bus import Capability
from topics import Derived, Record
from topics.metrics import METRICS, Reading

SILENT_MS = 5000


class Tally(Entry, kw_only=True):
    """How many readings of a series there were."""

    count: int = 0


class Counting(Ledger):
    """Counts readings; says every tenth, and a series that was silent for five seconds."""

    capability = "counting"
    key = "series"
    entry = Tally

    def group_of(self, record: Record) -> str | None:
        """Return the service."""
        assert isinstance(record, Reading)
        return record.service

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading."""
        assert isinstance(record, Reading)
        tally = entries.setdefault(record.series, Tally())
        tally.count, tally.heard_ms, tally.due_ms = tally.count + 1, clock_ms, clock_ms + SILENT_MS
        if tally.count % 10:
            return []
        return [Reading(series=f"{record.series}_counted", value=float(tally.count), at_s=record.at_s)]

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Say that a series is silent, and forget it."""
        tally = entries.pop(name)
        return [Reading(series=f"{name}_silent", value=float(tally.count), at_s=tally.due_ms / 1000)]


class Failing(Counting):
    """Counts, and fails at every series named poison."""

    capability = "failing"

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading, and fail when it is too late to undo that."""
        said = super().take_one(record, entries, clock_ms, late)
        assert isinstance(record, Reading)
        if record.series.endswith("/poison"):
            raise ZeroDivisionError(f"a bug of ours at {record.series}")
        return said


def fold(run: Run, bank: Ledger) -> list[Finding]:
    """Count readings."""
    return bank.fold(run)


COUNTING = Capability("counting", METRICS, Counting, (METRICS,), fold)
FAILING = Capability("failing", METRICS, Failing, (METRICS,), fold)
