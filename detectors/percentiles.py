"""Percentiles: what sketches of one series and second, said by several partitions, come to together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from detectors import sketch
from detectors.bank import NEVER, Finding
from detectors.columns import Columns, Ints, Run
from detectors.ledger import Entry, Ledger
from topics import Derived, Record
from topics.metrics import KINDS, LONGEST_NAME, Reading

SHARES = (("_p50", 0.50), ("_p95", 0.95), ("_p99", 0.99))
WAIT_MS = 3000
LATE_WAIT_MS = 1000
OPEN_SECONDS = 120


class Second(msgspec.Struct):
    """The sketches of one second, merged; due_ms: when it is closed."""

    due_ms: int
    buckets: dict[int, int] = msgspec.field(default_factory=dict)


class Sketches(Entry, kw_only=True):
    """One series: its open seconds, the newest second that was said, and how many sketches came after theirs was."""

    open: dict[int, Second] = msgspec.field(default_factory=dict)
    said_s: int = -1
    late: int = 0


def series_of(series: str, suffix: str) -> str:
    """Return the name of a percentile's series: the suffix goes before the labels.

    >>> series_of("shop/latency_s{route=/pay}", "_p99")
    'shop/latency_s_p99{route=/pay}'
    """
    name, brace, labels = series.partition("{")
    return f"{name}{suffix}{brace}{labels}"


class PercentilesBank(Ledger):
    """Merges sketches per series and second, and says their percentiles three seconds after the second began.

    A second that was never said waits another second for other partitions, however old it is; a sketch that comes after
    its second, or a later one, was said is counted and changes nothing.
    """

    capability = "percentiles"
    key = "series"
    entry = Sketches

    def pages_at(self, columns: Columns, which: Ints) -> Ints:
        """Return the pages of the sketches among the records `which`."""
        pages = np.full(len(which), -1)
        sketches = np.flatnonzero(columns.code["kind"][which] == KINDS.index("sketch"))
        pages[sketches] = super().pages_at(columns, which[sketches])
        return pages

    def fold(self, run: Run) -> list[Finding]:
        """Fold the sketches of a run, one by one; what is no sketch costs no Python."""
        kinds, found = run.columns.code["kind"], []
        sketches = (kinds[run.start : run.end] == KINDS.index("sketch")) & run.keep[run.start : run.end]
        for i in (run.start + np.flatnonzero(sketches)).tolist():
            found += super().fold(replace(run, start=i, end=i + 1))
        return found

    def soonest_ms(self, columns: Columns, clock_ms: Ints, start: int, end: int) -> int:
        """Return when the first sketch's second has waited long enough; without a sketch nothing comes to be due."""
        sketches = columns.code["kind"][start:end] == KINDS.index("sketch")
        return int(clock_ms[start + sketches.argmax()]) + LATE_WAIT_MS if sketches.any() else NEVER

    def group_of(self, record: Record) -> str | None:
        """Return the service of a sketch that has something in it."""
        assert isinstance(record, Reading)
        longest = LONGEST_NAME - max(len(suffix) for suffix, _ in SHARES)
        if not record.buckets or len(record.series.encode("utf-8", "replace")) > longest:
            return None
        return record.service

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Merge a sketch into its second; when too many seconds are open, the oldest is said at once."""
        assert isinstance(record, Reading)
        assert record.buckets is not None
        buckets: dict[int, int] = {}
        sketch.merge(buckets, record.buckets)
        if not buckets:
            return []
        entry = entries.setdefault(record.series, Sketches())
        entry.heard_ms = clock_ms
        second = math.floor(record.at_s)
        if second <= entry.said_s:
            entry.late += 1
            return []
        waits_until_ms = max(second * 1000 + WAIT_MS, clock_ms + LATE_WAIT_MS)
        sketch.merge(entry.open.setdefault(second, Second(waits_until_ms)).buckets, buckets)
        said = self._say(record.series, entry, min(entry.open)) if len(entry.open) > OPEN_SECONDS else []
        entry.due_ms = min(one.due_ms for one in entry.open.values())
        return said

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Say the seconds of a series that have waited long enough, the earliest first."""
        entry, said = entries[name], []
        for second in sorted(second for second, one in entry.open.items() if one.due_ms <= clock_ms):
            said += self._say(name, entry, second)
        entry.due_ms = min((one.due_ms for one in entry.open.values()), default=NEVER)
        return said

    def _say(self, series: str, entry: Sketches, second: int) -> list[Derived]:
        """Close a second: return its percentiles."""
        buckets = entry.open.pop(second).buckets
        entry.said_s = max(entry.said_s, second)
        return [
            Reading(series=series_of(series, suffix), value=sketch.quantile(buckets, share), at_s=float(second))
            for suffix, share in SHARES
        ]

    @property
    def late(self) -> int:
        """Return how many sketches came too late."""
        return sum(entry.late for entries in self.entries for entry in entries.values())
