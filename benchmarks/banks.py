"""The jobs that peers are measured by, as banks: one that does nothing, one that answers, and windows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads import Answer, Window
from detectors.bank import NEVER, Bank, Finding, page_of
from detectors.columns import Columns, Flags, Ints, Run
from detectors.compiled import kernel
from detectors.rows import RowBank
from topics import Derived

SIZE_MS, GRACE_MS, OPEN = 60_000, 1_000, 2


class NothingBank(Bank):
    """Counts nothing, keeps nothing, says nothing."""

    capability: ClassVar[str] = "nothing"
    key: ClassVar[str] = ""
    beat_ms: ClassVar[int] = 0

    @property
    def due_ms(self) -> int:
        """Return NEVER."""
        return NEVER

    def group_at(self, columns: Columns, i: int) -> bytes | None:
        """Care for nothing."""
        return None

    def fold(self, run: Run) -> list[Finding]:
        """Do nothing."""
        return []

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Do nothing."""
        return []

    def take(self, page: int) -> bytes:
        """Save nothing."""
        return b""

    def put(self, page: int, raw: bytes) -> None:
        """Load nothing."""

    def __len__(self) -> int:
        return 0


class AnswerBank(NothingBank):
    """Answers every record; keeps nothing but how far each page has come."""

    capability: ClassVar[str] = "map"
    key: ClassVar[str] = "id"

    def group_at(self, columns: Columns, i: int) -> bytes | None:
        """Return the sensor."""
        return columns.text["id"][i]

    def fold(self, run: Run) -> list[Finding]:
        """Answer the records that their pages have not had."""
        columns, found = run.columns, []
        names, ts, value = columns.text["id"], columns.number["ts"], columns.number["value"]
        for i in np.flatnonzero(run.keep[run.start : run.end]).tolist():
            at = run.start + i
            name = names[at]
            page = page_of(name)
            if columns.offset[at] >= run.positions[page]:
                self.dirty[page] = True
                answer = Answer(id=name.decode(), ts=int(ts[at]), value=2 * float(value[at]))
                found.append(Finding(at, answer))
        return found


Slot = np.dtype(
    [(name, "i8") for name in ("start", "count")] + [(name, "f8") for name in ("sum", "low", "high", "mean", "m2")]
)


@kernel
def add_value(slot, value):  # type: ignore[no-untyped-def]
    """Add one value to an open window (B. P. Welford, 1962)."""
    slot.count += 1
    slot.sum += value
    slot.low = min(slot.low, value)
    slot.high = max(slot.high, value)
    delta = value - slot.mean
    slot.mean += delta / slot.count
    slot.m2 += delta * (value - slot.mean)


@kernel
def add_values(rows, ids, ts, value, clock_ms, start, end, late):  # type: ignore[no-untyped-def]
    """Add every value to its window; return the latest start of an open window, and how many came too late."""
    newest = np.int64(-1)
    for i in range(start, end):
        if ids[i] < 0:
            continue
        at = np.int64(ts[i])
        begin = at - at % SIZE_MS
        if begin + SIZE_MS + GRACE_MS <= clock_ms[i]:
            late += 1
            continue
        slot = rows[ids[i]].slots[(begin // SIZE_MS) % OPEN]
        if slot.count == 0:
            slot.start, slot.sum, slot.mean, slot.m2 = begin, 0.0, 0.0, 0.0
            slot.low, slot.high = np.inf, -np.inf
            newest = max(newest, begin)
        add_value(slot, value[i])
    return newest, late


class WindowBank(RowBank):
    """Count, sum, min, max, mean and variance of every sensor in tumbling windows.

    A window is said once the log's clock has passed it.
    """

    capability: ClassVar[str] = "windows"
    key: ClassVar[str] = "id"
    dtype: ClassVar[np.dtype[np.void]] = np.dtype([("slots", Slot, OPEN)])

    _due_ms = NEVER
    late = 0

    @property
    def due_ms(self) -> int:
        """Return when the oldest open window is to be said."""
        return self._due_ms

    def soonest_ms(self, columns: Columns, clock_ms: Ints, start: int, end: int) -> int:
        """Return the next moment at which any window can be due: they all end on one grid."""
        return ((int(clock_ms[start]) - GRACE_MS) // SIZE_MS + 1) * SIZE_MS + GRACE_MS

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Add every value to its window."""
        numbers = columns.number
        newest, self.late = add_values(
            self.rows, ids, numbers["ts"], numbers["value"], run.clock_ms, start, end, self.late
        )
        if newest >= 0:
            self._find_due()
        return []

    def _find_due(self) -> None:
        slots = self.rows["slots"]
        open_ = slots["start"][slots["count"] > 0]
        self._due_ms = int(open_.min()) + SIZE_MS + GRACE_MS if len(open_) else NEVER

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Say and free every window that is over."""
        slots, said = self.rows["slots"], []
        over = (slots["count"] > 0) & (slots["start"] + (SIZE_MS + GRACE_MS) <= clock_ms) & ready[self.pages][:, None]
        for row, slot in np.argwhere(over).tolist():
            start, count, total, low, high, mean, m2 = slots[row, slot].item()
            name = self.name_of[row].decode()
            said.append(
                Window(id=name, window=start, count=count, sum=total, min=low, max=high, mean=mean, var=m2 / count)
            )
        slots["count"][over] = 0
        self.dirty[self.pages[over.any(axis=1)]] = True
        self._find_due()
        return list(said)

    def restored(self, row: int, name: bytes) -> None:
        """Find what is due anew."""
        self._find_due()
