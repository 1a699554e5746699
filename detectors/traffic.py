"""Traffic: how many requests each service got in each second, how many failed, and how long they took."""

from __future__ import annotations

import math

import numpy as np

from detectors.columns import Columns, Ints, Run
from detectors.compiled import kernel
from detectors.sketch import BUCKETS, bucket_of
from detectors.windows import WindowsBank
from topics import Derived
from topics.metrics import Reading

OPEN_SECONDS = 8

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


class TrafficBank(WindowsBank):
    """Counts the requests of each second, and what came of them.

    What is said are deltas, so what several partitions, or a late request, say of the same second adds up.
    """

    capability = "traffic"
    dtype = Row
    window = "second"
    window_ms = 1000

    def tally(self, columns: Columns, ids: Ints, run: Run, start: int, end: int, earliest: Ints) -> int:
        """Count records start..end; stop at the first one for whose second there is no slot, and return where."""
        number = columns.number
        return int(
            count_rows(
                self.rows, ids, number["at_s"], number["status"], number["duration_s"], start, end, earliest
            )
        )  # fmt: skip

    def close(self, row: int, slot: int) -> list[Derived]:
        """Return what is to be said of a second, and free its slot."""
        service = self.name_of[row].decode("utf-8", "replace")
        cell = self.rows[row]
        at_s = float(cell["second"][slot])
        said: list[Derived] = [
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
