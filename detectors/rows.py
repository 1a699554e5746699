"""RowBank: a bank whose state is a numpy structured array, one row a key, folded by compiled kernels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bank import PAGES, Bank, Finding, page_of
from detectors.columns import Columns, Ints, Run, Text
from detectors.compiled import kernel
from detectors.names import (
    ABSENT,
    FAR,
    FOREIGN,
    NEAR,
    Names,
    bring_name,
    bring_slot,
    find_all,
    find_name,
    find_row,
    where,
)
from detectors.wide import address, prefetch
from topics.settings import Settings

PAGE_BYTES = 256 * 1024
FOREIGN_NAMES = PAGE_NAMES = 65_536
BESIDE = "beside the rows"
"""How what is saved with a page, and is no row, is called where a page is shown."""
AT_ONCE = 16
MANY = 4
"""So many new names in a run, and the rest are looked for at once."""


@kernel
def find_rows(  # type: ignore[no-untyped-def]
    buf, at, length, hashes, keep, offset, clock_ms, start, end, table, blob,
    page_of_row, positions, heard_ms, dirty, ids, picky, wanted,
):  # fmt: skip
    """Fill ids[start:end] with each record's row; stop at the first name that has none, and return where.

    -1 stands for a record that is not to be folded, -2 for one that belongs to another partition. A row that is found
    has been heard of at the log's clock, and its page is no longer what was saved. Where the bank is picky, a name
    without a row that is not among the `wanted` ones is passed over, and nothing is kept of it.
    """
    base, (slots, mask, names), among = address(buf), where(table, blob), where(*wanted)
    for i in range(start, end):
        if i + FAR < end:
            bring_slot(hashes[i + FAR], slots, mask)
            row = bring_name(hashes[i + NEAR], slots, mask, names)
            if row >= 0:
                prefetch(address(page_of_row) + 8 * row)
                prefetch(address(heard_ms) + 8 * row)
        ids[i] = ABSENT
        if not keep[i] or length[i] < 0:
            continue
        row = find_row(base + at[i], np.int64(length[i]), hashes[i], slots, mask, names)
        if row == ABSENT:
            if picky and find_row(base + at[i], np.int64(length[i]), hashes[i], *among) == ABSENT:
                continue
            return i
        if row == FOREIGN:
            ids[i] = FOREIGN
            continue
        page = page_of_row[row]
        if offset[i] < positions[page]:
            continue
        ids[i] = row
        heard_ms[row] = clock_ms[i]
        dirty[page] = True
    return end


@kernel
def find_unknown(buf, at, length, hashes, keep, start, end, tables, picky, wanted, unknown):  # type: ignore[no-untyped-def]
    """Note the records whose name has no row and should have one; return how many. Nothing else changes."""
    n = 0
    for i in range(start, end):
        if not keep[i] or length[i] < 0 or find_name(buf, at[i], length[i], hashes[i], *tables) != ABSENT:
            continue
        if picky and find_name(buf, at[i], length[i], hashes[i], *wanted) == ABSENT:
            continue
        unknown[n] = i
        n += 1
    return n


class SavedRows(msgspec.Struct, array_like=True, gc=False):
    """A page's payload: names, when each was last heard of, the rows' bytes, and what is no row."""

    names: list[bytes]
    heard_ms: bytes
    rows: bytes
    extra: bytes = b""


class RowBank(Bank):
    """Rows of many keys. A capability gives the dtype and `fold_rows`; a new row is all zeros.

    A page holds at most `rows_per_page` rows; for a new one beyond that, the row longest not heard of makes room.

    page_bytes     how many bytes of rows that is; PAGE_BYTES where a capability says no more
    crowded        many names come once and never again: then one of `AT_ONCE` rows makes room, all at once, since each
                   time costs as much as many rows
    """

    dtype: ClassVar[np.dtype[np.void]]
    page_bytes: ClassVar[int] = 0
    crowded: ClassVar[bool] = False

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self.rows_per_page = max(1, min(4096, max(PAGE_BYTES, self.page_bytes) // self.dtype.itemsize))
        self.names = Names()
        self.name_of: list[bytes] = []
        self.free: list[int] = []
        self.members = np.zeros((PAGES, self.rows_per_page), np.int64)
        self.count = np.zeros(PAGES, np.int64)
        self._going = max(1, self.rows_per_page // AT_ONCE) if self.crowded else 1
        self.rows = np.zeros(64, self.dtype)
        self.heard_ms = np.zeros(64, np.int64)
        self.pages = np.zeros(64, np.int64)
        self.foreign_names = 0
        self.picky = False
        self.wanted = Names()
        self._page_names = Names()
        super().__init__(settings, owns)

    @abstractmethod
    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Fold records start..end, each into the row ids[i] (below 0: not to be folded), in order."""

    def want(self, names: set[bytes]) -> None:
        """From now on give rows to these names only; those that have one keep it. To be called by `configure`."""
        self.picky, self.wanted = True, Names()
        for name in sorted(names):
            self.wanted.add(name, 0)

    def dropped(self, row: int, name: bytes) -> None:
        """Hear that a row makes room: forget what is kept beside it."""

    def admitted(self, rows: Ints, names: Sequence[bytes]) -> None:
        """Hear that rows are new, or to be restored from a page: derive what is kept beside them."""

    def extra(self, page: int) -> bytes:
        """Return what is saved with a page beside its rows."""
        return b""

    def put_extra(self, page: int, raw: bytes) -> None:
        """Take back what `extra` returned, after the page's rows."""

    def spare(self, page: int, most: int) -> NDArray[np.int64]:
        """Return which rows of a page shall make room, one at least: those longest not heard of."""
        return self.oldest(self.rows_of(page), most)

    def oldest(self, rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        """Return those of some rows that were longest not heard of; of several alike, the first by name."""
        heard_ms = self.heard_ms[rows]
        edge_ms = np.partition(heard_ms, most - 1)[most - 1] if most < len(rows) else np.max(heard_ms)
        older, alike = rows[heard_ms < edge_ms], rows[heard_ms == edge_ms]
        if len(older) + len(alike) > most:
            alike = np.array(sorted(alike.tolist(), key=self.name_of.__getitem__)[: most - len(older)], np.int64)
        return np.concatenate([older, alike])

    def key_column(self, columns: Columns) -> str:
        """Return the name of the text column that names the rows."""
        return self.key

    def group_at(self, columns: Columns, i: int) -> bytes | None:
        """Return the group of a record's name."""
        return self.group(columns.text[self.key_column(columns)][i])

    def pages_at(self, columns: Columns, which: Ints) -> Ints:
        """Return the pages of the records `which`: of names that were seen before, by compiled code."""
        text, pages, at = columns.text[self.key_column(columns)], np.empty(len(which), np.int64), 0
        while True:
            at = find_all(text.buf, text.at, text.length, text.hashes(), which, at, pages, *self._page_names.tables())
            if at == len(which):
                return pages
            if len(self._page_names) >= PAGE_NAMES:
                self._page_names = Names()
            name = text[int(which[at])]
            self._page_names.add(name, page_of(self.group(name)))

    def fold(self, run: Run) -> list[Finding]:
        """Find each record's row, make rows for new names, and fold between evictions."""
        columns, found = run.columns, []
        text = columns.text[self.key_column(columns)]
        ids = np.empty(len(columns), np.int64)
        hashes = text.hashes()
        at = folded = run.start
        single = 0
        while True:
            at = find_rows(
                text.buf, text.at, text.length, hashes, run.keep, columns.offset, run.clock_ms, at, run.end,
                *self.names.tables(), self.pages, run.positions, self.heard_ms, self.dirty, ids, self.picky,
                self.wanted.tables(),
            )  # fmt: skip
            if at == run.end:
                break
            single += 1
            if single == MANY:
                self._admit_all(text, run, at)
                continue
            name = text[at]
            page = page_of(self.group(name))
            if self.owns is not None and self.placed and not self.owns(self.group(name)):
                self._note_foreign(name)
            elif columns.offset[at] < run.positions[page]:
                run.keep[at] = False  # its page has had this record, and has forgotten the name since
            else:
                if self.count[page] >= self.rows_per_page:
                    found += self.fold_rows(columns, ids, run, folded, at)
                    folded = at
                    self._evict(page)
                self._admit([name], page)
        found += self.fold_rows(columns, ids, run, folded, run.end)
        if self.foreign_names:
            run.foreign += (run.start + np.flatnonzero(ids[run.start : run.end] == FOREIGN)).tolist()
        return found

    def _admit_all(self, text: Text, run: Run, start: int) -> None:
        """Give rows to all names from `start` on that have none, in those pages where nothing has to make room for it.

        What else there is to be seen to (names of other partitions, records that a page has had) is left as it is.
        """
        unknown = np.empty(run.end - start, np.int64)
        n = find_unknown(
            text.buf, text.at, text.length, text.hashes(), run.keep, start, run.end, self.names.tables(), self.picky,
            self.wanted.tables(), unknown,
        )  # fmt: skip
        fresh: dict[int, dict[bytes, None]] = {}
        for i in unknown[:n].tolist():
            name = text[i]
            group = self.group(name)
            page = page_of(group)
            owned = self.owns is None or not self.placed or self.owns(group)
            if owned and run.columns.offset[i] >= run.positions[page]:
                fresh.setdefault(page, {})[name] = None
        for page, names in fresh.items():
            if self.count[page] + len(names) <= self.rows_per_page:
                self._admit(list(names), page)

    def _note_foreign(self, name: bytes) -> None:
        if self.foreign_names >= FOREIGN_NAMES:
            self.names.drop_foreign()
            self.foreign_names = 0
        self.names.add(name, FOREIGN)
        self.foreign_names += 1

    def _admit(self, names: Sequence[bytes], page: int) -> Ints:
        """Give new names of a page, for which there is room, their rows; return these."""
        n, known = len(names), len(self.name_of)
        used = [self.free.pop() for _ in range(min(n, len(self.free)))]
        rows = np.array([*used, *range(known, known + n - len(used))], np.int64)
        self.name_of += names[len(used) :]
        for row, name in zip(used, names, strict=False):
            self.name_of[row] = name
        while len(self.name_of) > len(self.rows):
            self._grow(2 * len(self.rows))
        self.pages[rows] = page
        self.members[page, self.count[page] : self.count[page] + n] = rows
        self.count[page] += n
        self.names.add_many(names, rows.tolist())
        self.admitted(rows, names)
        return rows

    def _grow(self, room: int) -> None:
        for which in ("rows", "heard_ms", "pages"):
            old = getattr(self, which)
            new = np.zeros(room, old.dtype)
            new[: len(old)] = old
            setattr(self, which, new)

    def _evict(self, page: int) -> None:
        """Drop those rows of a page that shall make room."""
        going = self.spare(page, self._going).tolist()
        self.remove(*going)
        self.evicted += len(going)

    def remove(self, *rows: int) -> None:
        """Forget rows of one page, and their names."""
        names, page, which = [self.name_of[row] for row in rows], int(self.pages[rows[0]]), list(rows)
        for row, name in zip(rows, names, strict=True):
            self.dropped(row, name)
            self.name_of[row] = b""
        self.names.remove_many(names)
        self.free += rows
        self.rows[which], self.heard_ms[which] = np.zeros((), self.dtype), 0
        kept = self.rows_of(page)[~np.isin(self.rows_of(page), which)]
        self.members[page, : len(kept)], self.count[page] = kept, len(kept)
        self.dirty[page] = True

    def living(self) -> NDArray[np.int64]:
        """Return the rows in use, ascending."""
        return np.sort(np.concatenate([self.rows_of(page) for page in range(PAGES)]))

    def rows_of(self, page: int) -> NDArray[np.int64]:
        """Return the rows of a page, in no order."""
        return self.members[page, : self.count[page]]

    def take(self, page: int) -> bytes:
        """Return a page as bytes, its rows in the order of their names."""
        rows = sorted(self.rows_of(page).tolist(), key=self.name_of.__getitem__)
        names = [self.name_of[row] for row in rows]
        return msgspec.msgpack.encode(
            SavedRows(names, self.heard_ms[rows].tobytes(), self.rows[rows].tobytes(), self.extra(page))
        )

    @classmethod
    def shown(cls, raw: bytes) -> dict[str, Any]:
        """Return a page's rows by their names, each as its fields, and beside them what is no row."""
        saved = msgspec.msgpack.decode(raw, type=SavedRows)
        heard_ms, rows = np.frombuffer(saved.heard_ms, np.int64), np.frombuffer(saved.rows, cls.dtype)
        plain: dict[str, Any] = {
            name.decode("utf-8", "backslashreplace"): {
                "heard_ms": int(heard), **{field: row[field].tolist() for field in cls.dtype.names or ()}
            }
            for name, heard, row in zip(saved.names, heard_ms, rows, strict=True)
        }  # fmt: skip
        if saved.extra:
            plain[BESIDE] = msgspec.msgpack.decode(saved.extra)
        return plain

    def put(self, page: int, raw: bytes) -> None:
        """Fill an empty page with what `take` returned."""
        assert not self.count[page], f"page {page} of {self.capability} is filled already"
        saved = msgspec.msgpack.decode(raw, type=SavedRows)
        rows = self._admit(saved.names, page)
        self.rows[rows] = np.frombuffer(saved.rows, self.dtype)
        self.heard_ms[rows] = np.frombuffer(saved.heard_ms, np.int64)
        for row, name in zip(rows.tolist(), saved.names, strict=True):
            self.restored(row, name)
        self.put_extra(page, saved.extra)

    def restored(self, row: int, name: bytes) -> None:
        """Hear that a row has its saved content again: derive what is kept beside it."""

    def __len__(self) -> int:
        return len(self.name_of) - len(self.free)
