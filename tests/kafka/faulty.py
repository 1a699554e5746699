"""A worker with capabilities that fail: started as `python -m tests.kafka.faulty SETTINGS`."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from detectors.bank import NEVER, Finding
from detectors.columns import Run
from detectors.ledger import Entry, Ledger
from streams.bus import Capability
from streams.settings import load
from streams.worker import Worker, build
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


class Timed(Counting):
    """Fails when time passes for a series named clock."""

    capability = "timed"

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading; that of a clock makes time matter."""
        assert isinstance(record, Reading)
        entries.setdefault(record.series, Tally()).due_ms = clock_ms + 1 if record.series.endswith("/clock") else NEVER
        return super().take_one(record, entries, clock_ms, late)

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Fail."""
        raise ZeroDivisionError(f"a bug of ours when time passes for {name}")


def fold(run: Run, bank: Ledger) -> list[Finding]:
    """Count readings."""
    return bank.fold(run)


KNOWN = tuple(Capability(bank.capability, METRICS, bank, (METRICS,), fold) for bank in (Counting, Poisoned, Timed))


def main(path: str) -> None:
    """Run until told to stop."""
    import logging

    logging.basicConfig(level="WARNING", stream=sys.stderr)
    worker = Worker(
        build(load(path), KNOWN), loglevel="WARNING", override_logging=False, redirect_stdouts=False, quiet=True
    )
    worker.execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1])
