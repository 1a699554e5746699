"""The bank of rows in the simulation: it reads the log of the first hop, too, by columns."""

from __future__ import annotations

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation.banks import LISTENERS, Word
from detectors.bank import NEVER, Finding
from detectors.columns import Columns, Flags, Run
from detectors.rows import RowBank
from topics import Derived

ROWS = 4
"""In a page; one more, and the row longest not heard of makes room."""


class Beside(RowBank):
    """Chains the values of each group in a row, says some of it, and what fell silent."""

    capability = "beside"
    key = "group"
    beat_ms = 500
    dtype = np.dtype([("count", "i8"), ("chain", "i8"), ("due_ms", "i8")])

    @property
    def due_ms(self) -> int:
        """Return when a row is silent for too long."""
        due_ms = self.rows["due_ms"]
        return int(due_ms[due_ms > 0].min(initial=NEVER))

    def _say(self, row: int, why: str, at_s: float) -> Derived:
        chain, count = int(self.rows["chain"][row]), int(self.rows["count"][row])
        to, about = LISTENERS[chain // 8 % len(LISTENERS)], self.name_of[row].decode()
        return Word(to=to, about=about, chain=chain, count=count, why=why, at_s=at_s)

    def _chain(self, row: int, *what: object) -> int:
        link = self.rows[row]
        link["chain"] = crc32(repr((int(link["chain"]), self.settings.late_s, *what)).encode())
        return int(link["chain"])

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Chain every value to its row."""
        found = []
        for i in range(start, end):
            row, clock_ms = int(ids[i]), int(run.clock_ms[i])
            if row < 0:
                continue
            self.rows["count"][row] += 1
            self.rows["due_ms"][row] = clock_ms + int(self.settings.late_s)
            if self._chain(row, bool(run.late[i]), float(columns.number["value"][i])) % 3 == 0:
                found.append(Finding(i, self._say(row, "beat", clock_ms / 1000)))
        return found

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Say what is silent; forget a third of that."""
        due_ms, said = self.rows["due_ms"], []
        rows = np.flatnonzero((due_ms > 0) & (due_ms <= clock_ms) & ready[self.pages]).tolist()
        for row in sorted(rows, key=self.name_of.__getitem__):
            self.dirty[self.pages[row]] = True
            self.rows["due_ms"][row] = 0
            chain = self._chain(row, "silent", clock_ms // self.beat_ms)
            said.append(self._say(row, "silence", clock_ms / 1000))
            if chain % 3 == 0:
                self.remove(row)
        return said
