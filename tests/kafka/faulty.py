"""A worker with capabilities that fail: started as `python -m tests.kafka.faulty SETTINGS`."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.storm.poisoned import Counting, Poisoned, Tally, counting
from detectors.bank import NEVER
from streams.settings import load
from streams.worker import run
from topics import Derived, Record
from topics.metrics import Reading


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


KNOWN = tuple(counting(bank) for bank in (Counting, Poisoned, Timed))


if __name__ == "__main__":
    run(load(sys.argv[1]), known=KNOWN)
