"""WindowsBank: what adds up of each service in windows of time, counted by every partition for itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.bank import NEVER, Finding
from detectors.columns import Columns, Flags, Ints, Run
from detectors.rows import RowBank
from detectors.texts import filled
from topics import Derived
from topics.settings import Settings

DEFAULT_SERVICE = b"default"


class WindowsBank(RowBank):
    """Counts a request once, where it first appeared; at each beat says the windows that are over by the log's clock.

    A row is a service's: a few slots, each of a window that is still counted. A slot is free while it holds no request
    (the row's field `requests`).

    window         the row's field that says which window a slot holds, counted from 1970
    window_ms      how long one is
    """

    key = "service"
    placed = False
    window: ClassVar[str]
    window_ms: ClassVar[int]

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self._due_ms = NEVER
        self._orphans: list[Derived] = []
        super().__init__(settings, owns)

    @abstractmethod
    def tally(self, columns: Columns, ids: Ints, run: Run, start: int, end: int, earliest: Ints) -> int:
        """Count records start..end; stop at the first one for whose window there is no slot, and return where.

        earliest       int64 [1]: lowered to the earliest window counted
        """

    @abstractmethod
    def close(self, row: int, slot: int) -> list[Derived]:
        """Return what is to be said of a window, and free its slot."""

    @property
    def due_ms(self) -> int:
        """Return when the earliest open window is over."""
        return self._due_ms

    def fold(self, run: Run) -> list[Finding]:
        """Count the kept records of a run, but for forwarded ones: they were counted where they first appeared."""
        columns, keep = run.columns, run.keep.copy()
        if columns.origins is not None:
            keep &= ~columns.origins.of_capability("forward")
        text = {**columns.text, "service": filled(columns.text["service"], DEFAULT_SERVICE)}
        return super().fold(replace(run, columns=replace(columns, text=text), keep=keep))

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Count records start..end; where a service has too many open windows, its oldest is said at that record."""
        found = [Finding(start, said) for said in self._orphans]
        self._orphans = []
        earliest, at = np.array([NEVER], np.int64), start
        while (at := self.tally(columns, ids, run, at, end, earliest)) < end:
            row = int(ids[at])
            found += [Finding(at, said) for said in self.close(row, int(np.argmin(self.rows[self.window][row])))]
        if earliest[0] != NEVER:
            self._due_ms = min(self._due_ms, self._over_ms(int(earliest[0])))
        return found

    def dropped(self, row: int, name: bytes) -> None:
        """Keep what a service that makes room has not said yet, to be said at the record that takes its place."""
        for slot in self._open_slots(row):
            self._orphans += self.close(row, slot)

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Say every window that is over, service by service, the earliest first."""
        said: list[Derived] = []
        if self._due_ms > clock_ms:
            return said
        open_rows = [row for row in self.living() if self.rows["requests"][row].any()]
        for row in sorted(open_rows, key=self.name_of.__getitem__):
            page = int(self.pages[row])
            for slot in self._open_slots(row) if ready[page] else ():
                if self._over_ms(int(self.rows[self.window][row, slot])) <= clock_ms:
                    said += self.close(row, slot)
                    self.dirty[page] = True
        self._due_ms = min((self._due_of(row) for row in open_rows), default=NEVER)
        return said

    def restored(self, row: int, name: bytes) -> None:
        """Remember when the windows of a loaded service are due."""
        self._due_ms = min(self._due_ms, self._due_of(row))

    def _open_slots(self, row: int) -> list[int]:
        """Return the slots in use, the earliest window first."""
        slots = np.flatnonzero(self.rows["requests"][row])
        return [int(slot) for slot in slots[np.argsort(self.rows[self.window][row, slots])]]

    def _due_of(self, row: int) -> int:
        slots = self._open_slots(row)
        return self._over_ms(int(self.rows[self.window][row, slots[0]])) if slots else NEVER

    def _over_ms(self, window: int) -> int:
        """Return when a window is over."""
        return (window + 1) * self.window_ms
