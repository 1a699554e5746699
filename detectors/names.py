"""Names: which row belongs to a name, looked up by compiled code."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel

Ints = NDArray[np.int64]

ABSENT, FOREIGN = -1, -2
EMPTY, GONE = -1, -2

# Secret to the process, so that nobody can prepare names that collide. It decides where in the table a name stands,
# never what is concluded: bytes are compared, never the hash alone.
_SEED = np.uint64(secrets.randbits(64))


@kernel
def hash_name(buf, at, length, seed):  # type: ignore[no-untyped-def]
    """Return a 64-bit hash of `length` bytes at `at`: eight at a time, multiplied and folded."""
    h = seed ^ (np.uint64(length) * np.uint64(0x9E3779B97F4A7C15))
    i = at
    end = at + length
    while i + 8 <= end:
        word = np.uint64(0)
        for k in range(8):
            word |= np.uint64(buf[i + k]) << np.uint64(8 * k)
        h = (h ^ word) * np.uint64(0xD6E8FEB86659FD93)
        h ^= h >> np.uint64(32)
        i += 8
    word = np.uint64(0)
    k = 0
    while i < end:
        word |= np.uint64(buf[i]) << np.uint64(8 * k)
        i += 1
        k += 1
    h = (h ^ word ^ seed) * np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(29))


@kernel
def hash_all(buf, at, length, seed, hashes):  # type: ignore[no-untyped-def]
    """Hash every name of a column."""
    for i in range(len(at)):
        hashes[i] = hash_name(buf, at[i], max(length[i], 0), seed)


def hash_names(buf: NDArray[np.uint8], at: NDArray[np.int32], length: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Return the hash of every name of a column."""
    hashes = np.empty(len(at), np.uint64)
    hash_all(buf, at, length, _SEED, hashes)
    return hashes


@kernel
def find_name(buf, at, length, name_hash, slots, slot_hashes, starts, lengths, rows, blob):  # type: ignore[no-untyped-def]
    """Return the row of a name (FOREIGN for one that is known to belong elsewhere), or ABSENT."""
    mask = np.uint64(len(slots) - 1)
    s = name_hash & mask
    while slots[s] != EMPTY:
        entry = slots[s]
        if entry >= 0 and slot_hashes[s] == name_hash and lengths[entry] == length:
            start = starts[entry]
            same = True
            for i in range(length):
                if blob[start + i] != buf[at + i]:
                    same = False
                    break
            if same:
                return rows[entry]
        s = (s + np.uint64(1)) & mask
    return np.int64(ABSENT)


@kernel
def put_names(buf, at, length, seed, first, bytes_used, slots, slot_hashes, starts, lengths, blob):  # type: ignore[no-untyped-def]
    """Enter names as the entries from `first` on; there must be room for them."""
    mask = np.uint64(len(slots) - 1)
    for k in range(len(at)):
        entry = first + k
        starts[entry], lengths[entry] = bytes_used, length[k]
        for i in range(length[k]):
            blob[bytes_used + i] = buf[at[k] + i]
        bytes_used += length[k]
        name_hash = hash_name(buf, at[k], length[k], seed)
        s = name_hash & mask
        while slots[s] != EMPTY:
            s = (s + np.uint64(1)) & mask
        slots[s], slot_hashes[s] = entry, name_hash


@kernel
def move_slots(slots, slot_hashes, new_slots, new_hashes):  # type: ignore[no-untyped-def]
    """Enter the living entries of a table into a larger one."""
    mask = np.uint64(len(new_slots) - 1)
    for old in range(len(slots)):
        if slots[old] < 0:
            continue
        s = slot_hashes[old] & mask
        while new_slots[s] != EMPTY:
            s = (s + np.uint64(1)) & mask
        new_slots[s], new_hashes[s] = slots[old], slot_hashes[old]


@kernel
def find_all(buf, at, length, hashes, which, start, found, slots, slot_hashes, starts, lengths, rows, blob):  # type: ignore[no-untyped-def]  # fmt: skip
    """Find the rows of the names `which`, from `start` on; stop at the first that has none, and return where."""
    for k in range(start, len(which)):
        i = which[k]
        found[k] = find_name(buf, at[i], length[i], hashes[i], slots, slot_hashes, starts, lengths, rows, blob)
        if found[k] == ABSENT:
            return k
    return len(which)


class Names:
    """An open-addressing table from names to rows, at most half full.

    >>> names = Names()
    >>> names.add(b"checkout/latency_s", 7)
    >>> names.row(b"checkout/latency_s"), names.row(b"checkout/errors")
    (7, -1)
    """

    def __init__(self) -> None:
        self._entries: dict[bytes, int] = {}
        self._reset(1024, 1 << 16)

    def _reset(self, room: int, bytes_room: int) -> None:
        self.slots = np.full(2 * room, EMPTY, np.int64)
        self.slot_hashes = np.zeros(2 * room, np.uint64)
        self.starts = np.zeros(room, np.int64)
        self.lengths = np.zeros(room, np.int64)
        self.rows = np.full(room, ABSENT, np.int64)
        self.blob = np.zeros(bytes_room, np.uint8)
        self._used, self._bytes = 0, 0

    def __len__(self) -> int:
        return len(self._entries)

    def row(self, name: bytes) -> int:
        """Return the row of a name, FOREIGN, or ABSENT."""
        entry = self._entries.get(name)
        return ABSENT if entry is None else int(self.rows[entry])

    def add(self, name: bytes, row: int) -> None:
        """Give a new name its row."""
        self.add_many((name,), (row,))

    def add_many(self, names: Sequence[bytes], rows: Sequence[int] | Ints) -> None:
        """Give new names their rows, each another name."""
        before = len(self._entries)
        length = np.fromiter(map(len, names), np.int64, len(names))
        ends = np.cumsum(length)
        size = int(ends[-1]) if len(names) else 0
        self._make_room(len(names), size)
        first, after = self._used, self._used + len(names)
        self._entries.update(zip(names, range(first, after), strict=True))
        assert len(self._entries) == before + len(names), "a name has a row already"
        put_names(
            np.frombuffer(b"".join(names), np.uint8), ends - length, length, _SEED, first, self._bytes,
            self.slots, self.slot_hashes, self.starts, self.lengths, self.blob,
        )  # fmt: skip
        self.rows[first:after] = rows
        self._used = after
        self._bytes += size

    def remove(self, name: bytes) -> None:
        """Forget a name; its place in the table is found again at the next rebuild."""
        entry = self._entries.pop(name)
        mask = len(self.slots) - 1
        s = int(hash_name(np.frombuffer(name, np.uint8), 0, len(name), _SEED)) & mask
        while int(self.slots[s]) != entry:
            s = (s + 1) & mask
        self.slots[s] = GONE

    def drop_foreign(self) -> None:
        """Forget all names that belong elsewhere."""
        for name in [n for n, entry in self._entries.items() if self.rows[entry] == FOREIGN]:
            self.remove(name)

    def tables(self) -> tuple[NDArray[Any], ...]:
        """Return what `find_name` looks into."""
        return self.slots, self.slot_hashes, self.starts, self.lengths, self.rows, self.blob

    def _make_room(self, names: int, size: int) -> None:
        """See to it that there is room: in larger tables, or where most names are gone, by clearing away."""
        if self._used + names <= len(self.rows) and self._bytes + size <= len(self.blob):
            return
        if 2 * (len(self._entries) + names) < self._used:
            self._clear_away()
            self._make_room(names, size)
            return
        while self._used + names > len(self.rows):
            room = 2 * len(self.rows)
            for which in ("starts", "lengths", "rows"):
                setattr(self, which, np.resize(getattr(self, which), room))
            slots, hashes = self.slots, self.slot_hashes
            self.slots, self.slot_hashes = np.full(2 * room, EMPTY, np.int64), np.zeros(2 * room, np.uint64)
            move_slots(slots, hashes, self.slots, self.slot_hashes)
        while self._bytes + size > len(self.blob):
            self.blob = np.resize(self.blob, 2 * len(self.blob))

    def _clear_away(self) -> None:
        """Enter the living names once more, so that there is no trace of those that are gone."""
        living = {name: int(self.rows[entry]) for name, entry in self._entries.items()}
        self._entries = {}
        self._reset(len(self.rows), len(self.blob))
        self.add_many(list(living), list(living.values()))
