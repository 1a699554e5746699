"""Marks: what a reader of derived records has had, so that what is said twice is accepted once.

In each page, for each source, the last origin that was accepted: its offset, and the subject as (phase, what). What is
not above that was accepted before, or is older than what was: a source says all it says in one order.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from detectors.bank import PAGES
from detectors.columns import Flags, Ints, Origins, Source
from detectors.compiled import kernel
from streams.engine.pages import Mark

MARKS_PER_PAGE = 4096
NEW = -1
COLUMNS, SHORTEST_ROOM = 8, 64
MARK = np.dtype([(name, "i8") for name in ("offset", "phase", "at", "length", "room")])


@kernel
def is_above(mark, texts, offset, phase, buf, at, length):  # type: ignore[no-untyped-def]
    """Say whether (offset, phase, what) is above a mark; what is compared byte by byte, as its characters would be."""
    if offset != mark.offset or phase != mark.phase:
        return offset > mark.offset or (offset == mark.offset and phase > mark.phase)
    for k in range(min(length, mark.length)):
        if buf[at + k] != texts[mark.at + k]:
            return buf[at + k] > texts[mark.at + k]
    return length > mark.length


@kernel
def accept(  # type: ignore[no-untyped-def]
    marks, slots, texts, column, source, offset, phase, buf, what_at, what_len, which, pages, start, keep, dirty
):  # fmt: skip
    """Accept those of the records `which` that are above their mark, and move it; keep[i] is False for the others.

    Stop at the first whose mark has yet to be made, or whose subject is longer than its mark has room for. Return where
    that is, and how many were had before.
    """
    had = 0
    for k in range(start, len(which)):
        i = which[k]
        place = column[source[i]]
        slot = slots[pages[k], place] if place >= 0 else NEW
        if slot == NEW:
            return k, had
        mark = marks[slot]
        if not is_above(mark, texts, offset[i], phase[i], buf, what_at[i], what_len[i]):
            keep[i] = False
            had += 1
            continue
        if what_len[i] > mark.room:
            return k, had
        for n in range(what_len[i]):
            texts[mark.at + n] = buf[what_at[i] + n]
        mark.offset, mark.phase, mark.length = offset[i], phase[i], what_len[i]
        dirty[pages[k]] = True
    return len(which), had


class Marks:
    """The marks of a shard. A page has at most MARKS_PER_PAGE; beyond that the one that was made first goes.

    >>> marks = Marks()
    >>> marks.put(7, [("ingest", "telegraf", 3, 81732, 1, "shop/load")])
    >>> marks.of_page(7)
    [('ingest', 'telegraf', 3, 81732, 1, 'shop/load')]
    """

    def __init__(self) -> None:
        self._slots_of: list[dict[Source, int]] = [{} for _ in range(PAGES)]
        self._columns: dict[Source, int] = {}
        self._uses: dict[Source, int] = {}
        self._unused = 0
        self._free_columns = list(range(COLUMNS))
        self._free_slots: list[int] = []
        self._slots = np.full((PAGES, COLUMNS), NEW, np.int32)
        self._marks = np.zeros(0, MARK)
        self._texts = np.zeros(1 << 12, np.uint8)
        self._end = 0

    def take(self, origins: Origins, which: Ints, pages: Ints, keep: Flags, dirty: Flags) -> int:
        """Accept what is new of the records `which` of these pages; return how many were had before.

        keep           is made False for those; dirty: is made True for the pages of the others
        """
        self._forget_unused()
        column = np.array([self._columns.get(source, NEW) for source in origins.sources], np.int64)
        at = had = 0
        what = origins.what
        while True:
            at, more = accept(
                self._marks, self._slots, self._texts, column, origins.source, origins.offset, origins.phase,
                what.buf, what.at, what.length, which, pages, at, keep, dirty,
            )  # fmt: skip
            had += more
            if at == len(which):
                return int(had)
            i = int(which[at])
            place = int(origins.source[i])
            slot = self._slot_of(int(pages[at]), origins.sources[place])
            self._give_room(slot, int(what.length[i]))
            column[place] = self._columns[origins.sources[place]]

    def of_page(self, page: int) -> list[Mark]:
        """Return a page's marks, in the order in which they were made."""
        found = []
        for source, slot in self._slots_of[page].items():
            offset, phase, at, length, _ = self._marks[slot].item()
            found.append((*source, offset, phase, self._texts[at : at + length].tobytes().decode()))
        return found

    def put(self, page: int, marks: Iterable[Mark]) -> None:
        """Give an empty page its marks."""
        assert not self._slots_of[page], f"page {page} has marks already"
        for capability, topic, partition, offset, phase, what in marks:
            slot, raw = self._slot_of(page, (capability, topic, partition)), what.encode()
            self._give_room(slot, len(raw))
            mark = self._marks[slot]
            mark["offset"], mark["phase"], mark["length"] = offset, phase, len(raw)
            self._texts[mark["at"] : mark["at"] + len(raw)] = np.frombuffer(raw, np.uint8)

    def _slot_of(self, page: int, source: Source) -> int:
        """Return where the mark of a source is in a page; where there is none, make one that all is above."""
        slots = self._slots_of[page]
        if source not in slots:
            column, slot = self._column_of(source), self._new_slot()
            slots[source] = slot
            self._slots[page, column] = slot
            self._unused -= not self._uses[source]
            self._uses[source] += 1
            if len(slots) > MARKS_PER_PAGE:
                self._drop(page, next(iter(slots)))
        return slots[source]

    def _new_slot(self) -> int:
        if not self._free_slots:
            size = len(self._marks)
            self._marks = np.concatenate([self._marks, np.zeros(max(64, size), MARK)])
            self._free_slots = list(range(size, len(self._marks)))
        slot = self._free_slots.pop()
        mark = self._marks[slot]
        mark["offset"], mark["phase"], mark["length"] = -1, -1, 0
        return slot

    def _column_of(self, source: Source) -> int:
        if source not in self._columns:
            if not self._free_columns:
                size = self._slots.shape[1]
                self._slots = np.concatenate([self._slots, np.full((PAGES, size), NEW, np.int32)], axis=1)
                self._free_columns = list(range(size, 2 * size))
            self._columns[source], self._uses[source] = self._free_columns.pop(), 0
            self._unused += 1
        return self._columns[source]

    def _give_room(self, slot: int, size: int) -> None:
        """Let a mark have room for a subject of `size` bytes."""
        mark = self._marks[slot]
        if mark["room"] >= size:
            return
        at, length, room = int(mark["at"]), int(mark["length"]), max(SHORTEST_ROOM, 2 * size)
        while self._end + room > len(self._texts):
            self._texts = np.concatenate([self._texts, np.zeros_like(self._texts)])
        self._texts[self._end : self._end + length] = self._texts[at : at + length]
        mark["at"], mark["room"] = self._end, room
        self._end += room

    def _drop(self, page: int, source: Source) -> None:
        self._free_slots.append(self._slots_of[page].pop(source))
        self._slots[page, self._columns[source]] = NEW
        self._uses[source] -= 1
        self._unused += not self._uses[source]

    def _forget_unused(self) -> None:
        """Let go of the columns of sources that no page has a mark of: not before, since `take` remembers columns."""
        if 2 * self._unused > len(self._uses):
            for source in [source for source, uses in self._uses.items() if not uses]:
                self._free_columns.append(self._columns.pop(source))
                del self._uses[source]
            self._unused = 0
