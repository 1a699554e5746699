"""Ledger: a bank whose state is plain records, for topics where records are few."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from detectors.bank import NEVER, PAGES, Bank, Finding, page_of
from detectors.columns import Columns, Flags, Run
from topics import Derived, Record
from topics.settings import Settings


class Entry(msgspec.Struct, kw_only=True):
    """The state of one key. heard_ms: the log's clock when it last changed; due_ms: when time brings something."""

    heard_ms: int = 0
    due_ms: int = NEVER


def _decoder_of(entry: Any) -> Callable[[bytes], dict[str, Any]]:
    return msgspec.msgpack.Decoder(dict[str, entry]).decode


class Ledger(Bank):
    """Entries of few keys, a dict a page, folded record by record.

    A capability gives the entry's type and what a record, and the passing of time, do to the page of a group. They see
    only the entries of that page, by name, and must touch only those of the record's group.
    """

    entry: ClassVar[type[Entry]]
    entries_per_page: ClassVar[int] = 1024

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self.entries: list[dict[str, Any]] = [{} for _ in range(PAGES)]
        self._decode: Callable[[bytes], dict[str, Any]] = _decoder_of(self.entry)
        super().__init__(settings, owns)

    @abstractmethod
    def group_of(self, record: Record) -> str | None:
        """Return the group a record belongs to; None: this bank does not care for it."""

    @abstractmethod
    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Fold a record into the entries of its page; return what is concluded."""

    @abstractmethod
    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Do what is due for an entry at or before `clock_ms`, and move its `due_ms` beyond that."""

    def group_at(self, columns: Columns, i: int) -> bytes | None:
        """Return the group of a record."""
        group = self.group_of(columns.record(i))
        return None if group is None else group.encode("utf-8", "replace")

    def fold(self, run: Run) -> list[Finding]:
        """Fold each kept record into the page of its group."""
        found = []
        for i in range(run.start, run.end):
            if not run.keep[i]:
                continue
            record = run.columns.record(i)
            group = self.group_of(record)
            if group is None:
                continue
            name = group.encode("utf-8", "replace")
            if self.owns is not None and self.placed and not self.owns(record.key().encode("utf-8", "replace")):
                run.foreign.append(i)
                continue
            page = page_of(name)
            if run.columns.offset[i] < run.positions[page]:
                continue
            self.dirty[page] = True
            said = self.take_one(record, self.entries[page], int(run.clock_ms[i]), bool(run.late[i]))
            found += [Finding(i, record) for record in said]
            self._bound(page)
        return found

    def _bound(self, page: int) -> None:
        """Let the entries longest unchanged make room, of several the first by name."""
        entries = self.entries[page]
        while len(entries) > self.entries_per_page:
            del entries[min(entries, key=lambda name: (entries[name].heard_ms, name))]
            self.evicted += 1

    @property
    def due_ms(self) -> int:
        """Return when the passing of time next brings something."""
        return min((entry.due_ms for entries in self.entries for entry in entries.values()), default=NEVER)

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Do what is due, entry by entry in the order of their names."""
        said = []
        for page, entries in enumerate(self.entries):
            if not ready[page]:
                continue
            for name in sorted(name for name, entry in entries.items() if entry.due_ms <= clock_ms):
                self.dirty[page] = True
                said += self.pass_time_one(name, entries, clock_ms)
                entry = entries.get(name)
                assert entry is None or entry.due_ms > clock_ms, f"{name} of {self.capability} is still due"
        return said

    def take(self, page: int) -> bytes:
        """Return a page as bytes, its entries in the order of their names."""
        entries = self.entries[page]
        return msgspec.msgpack.encode({name: entries[name] for name in sorted(entries)})

    @classmethod
    def shown(cls, raw: bytes) -> dict[str, Any]:
        """Return a page's entries by their names, each as its fields."""
        entries = _decoder_of(cls.entry)(raw)
        return {name: msgspec.to_builtins(msgspec.structs.asdict(entries[name])) for name in entries}

    def put(self, page: int, raw: bytes) -> None:
        """Fill an empty page with what `take` returned."""
        assert not self.entries[page], f"page {page} of {self.capability} is filled already"
        self.entries[page] = self._decode(raw)

    def __len__(self) -> int:
        return sum(map(len, self.entries))
