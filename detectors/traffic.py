"""Traffic: how many requests each service got in each second, how many failed, and how long they took."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.bank import NEVER, Finding
from detectors.columns import Columns, Flags, Run
from detectors.compiled import kernel
from detectors.rows import RowBank
from detectors.sketch import BUCKETS, bucket_of
from detectors.texts import filled
from topics import Derived
from topics.metrics import Reading
from topics.settings import Settings

OPEN_SECONDS = 8
DEFAULT_SERVICE = b"default"

# One service. A slot is a second that is still counted: it is free while it holds no request.
Row = np.dtype(
    [
        ("second", "i8", OPEN_SECONDS),
        ("requests", "i8", OPEN_SECONDS),
        ("errors", "i8", OPEN_SECONDS),
        ("client_errors", "i8", OPEN_SECONDS),
        ("buckets", "u4", (OPEN_SECONDS, BUCKETS)),
    ]
)


@kernel
def slot_of(row, second):  # type: ignore[no-untyped-def]
    """Return the slot that counts a second, else a free one, else -1."""
    free = -1
    for slot in range(OPEN_SECONDS):
        if row.requests[slot] == 0:
            if free < 0:
                free = slot
        elif row.second[slot] == second:
            return slot
    return free


@kernel
def count(row, slot, second, status, duration_s):  # type: ignore[no-untyped-def]
    """Count a request into a slot; a status of 0 or none is a request only, a duration of 0 was not measured."""
    row.second[slot] = second
    row.requests[slot] += 1
    if 500 <= status < 600:
        row.errors[slot] += 1
    elif 400 <= status < 500:
        row.client_errors[slot] += 1
    if duration_s > 0:
        row.buckets[slot, bucket_of(duration_s)] += 1


@kernel
def count_rows(rows, ids, at_s, status, duration_s, start, end, earliest):  # type: ignore[no-untyped-def]
    """Count records start..end; stop at the first one for whose second there is no slot, and return where.

    earliest    int64 [1]: lowered to the earliest second counted
    """
    for i in range(start, end):
        if ids[i] < 0:
            continue
        row = rows[ids[i]]
        second = np.int64(math.floor(at_s[i]))
        slot = slot_of(row, second)
        if slot < 0:
            return i
        count(row, slot, second, status[i], duration_s[i])
        earliest[0] = min(earliest[0], second)
    return end


class TrafficBank(RowBank):
    """Counts a request once, where it first appeared; at each beat says the seconds that are over by the log's clock.

    What is said are deltas, so what several partitions, or a late request, say of the same second adds up.
    """

    capability = "traffic"
    key = "service"
    placed = False
    dtype = Row

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self._due_ms = NEVER
        self._orphans: list[Reading] = []
        super().__init__(settings, owns)

    @property
    def due_ms(self) -> int:
        """Return when the earliest open second is over."""
        return self._due_ms

    def fold(self, run: Run) -> list[Finding]:
        """Count the kept records of a run, but for forwarded ones: they were counted where they first appeared."""
        columns, keep = run.columns, run.keep.copy()
        if columns.origins is not None:
            keep &= ~columns.origins.of_capability("forward")
        text = {"service": filled(columns.text["service"], DEFAULT_SERVICE)}
        return super().fold(replace(run, columns=replace(columns, text=text), keep=keep))

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Count records start..end; where a service has too many open seconds, its oldest is said at that record."""
        found = [Finding(start, reading) for reading in self._orphans]
        self._orphans = []
        number, earliest, at = columns.number, np.array([NEVER], np.int64), start
        while True:
            at = count_rows(
                self.rows, ids, number["at_s"], number["status"], number["duration_s"], at, end, earliest
            )  # fmt: skip
            if at == end:
                break
            row = int(ids[at])
            slot = int(np.argmin(self.rows["second"][row]))
            found += [Finding(at, reading) for reading in self._close(row, slot)]
        if earliest[0] != NEVER:
            self._due_ms = min(self._due_ms, _over_ms(int(earliest[0])))
        return found

    def dropped(self, row: int, name: bytes) -> None:
        """Keep what a service that makes room has not said yet, to be said at the record that takes its place."""
        for slot in self._open_slots(row):
            self._orphans += self._close(row, slot)

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Say every second that is over, service by service, the earliest first."""
        said: list[Derived] = []
        if self._due_ms > clock_ms:
            return said
        open_rows = [row for row in self.living() if self.rows["requests"][row].any()]
        for row in sorted(open_rows, key=self.name_of.__getitem__):
            page = int(self.pages[row])
            for slot in self._open_slots(row) if ready[page] else ():
                if _over_ms(int(self.rows["second"][row, slot])) <= clock_ms:
                    said += self._close(row, slot)
                    self.dirty[page] = True
        self._due_ms = min((self._due_of(row) for row in open_rows), default=NEVER)
        return said

    def restored(self, row: int, name: bytes) -> None:
        """Remember when the seconds of a loaded service are due."""
        self._due_ms = min(self._due_ms, self._due_of(row))

    def _open_slots(self, row: int) -> list[int]:
        """Return the slots in use, the earliest second first."""
        slots = np.flatnonzero(self.rows["requests"][row])
        return [int(slot) for slot in slots[np.argsort(self.rows["second"][row, slots])]]

    def _due_of(self, row: int) -> int:
        slots = self._open_slots(row)
        return _over_ms(int(self.rows["second"][row, slots[0]])) if slots else NEVER

    def _close(self, row: int, slot: int) -> list[Reading]:
        """Return what is to be said of a second, and free its slot."""
        service = self.name_of[row].decode("utf-8", "replace")
        cell = self.rows[row]
        at_s = float(cell["second"][slot])
        said = [
            Reading(series=f"{service}/{name}", value=float(cell[name][slot]), at_s=at_s, kind="delta")
            for name in ("requests", "errors", "client_errors")
        ]
        used = np.flatnonzero(cell["buckets"][slot])
        if len(used):
            buckets = dict(zip(used.tolist(), cell["buckets"][slot, used].tolist(), strict=True))
            measured = float(sum(buckets.values()))
            said.append(
                Reading(series=f"{service}/latency_s", value=measured, at_s=at_s, kind="sketch", buckets=buckets)
            )
        for name in ("second", "requests", "errors", "client_errors", "buckets"):
            cell[name][slot] = 0
        return said


def _over_ms(second: int) -> int:
    """Return when a second is over."""
    return (second + 1) * 1000
