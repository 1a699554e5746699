"""Names: which row belongs to a name, looked up by compiled code."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel

ABSENT, FOREIGN = -1, -2
EMPTY, GONE = -3, -4

# Of one name, all that is looked at before its bytes, side by side: its hash, its bytes' place, and its row.
Slot = np.dtype([("hash", "u8"), ("start", "i8"), ("length", "i4"), ("row", "i4")])

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
def find_slot(buf, at, length, name_hash, table, blob):  # type: ignore[no-untyped-def]
    """Return the slot of a name, or -1."""
    mask = np.uint64(len(table) - 1)
    s = name_hash & mask
    while table[s].row != EMPTY:
        if table[s].hash == name_hash and table[s].length == length and table[s].row != GONE:
            start = table[s].start
            same = True
            for i in range(length):
                if blob[start + i] != buf[at + i]:
                    same = False
                    break
            if same:
                return np.int64(s)
        s = (s + np.uint64(1)) & mask
    return np.int64(-1)


@kernel
def find_name(buf, at, length, name_hash, table, blob):  # type: ignore[no-untyped-def]
    """Return the row of a name (FOREIGN for one that is known to belong elsewhere), or ABSENT."""
    s = find_slot(buf, at, length, name_hash, table, blob)
    return np.int64(table[s].row) if s >= 0 else np.int64(ABSENT)


@kernel
def find_all(buf, at, length, hashes, which, start, found, table, blob):  # type: ignore[no-untyped-def]
    """Find the rows of the names `which`, from `start` on; stop at the first that has none, and return where."""
    for k in range(start, len(which)):
        i = which[k]
        found[k] = find_name(buf, at[i], length[i], hashes[i], table, blob)
        if found[k] == ABSENT:
            return k
    return len(which)


@kernel
def put_names(buf, at, length, rows, seed, table, blob, used):  # type: ignore[no-untyped-def]
    """Enter new names, their bytes from `used` on; there must be room for them."""
    mask = np.uint64(len(table) - 1)
    for k in range(len(at)):
        for i in range(length[k]):
            blob[used + i] = buf[at[k] + i]
        name_hash = hash_name(buf, at[k], length[k], seed)
        s = name_hash & mask
        while table[s].row != EMPTY:
            s = (s + np.uint64(1)) & mask
        table[s].hash, table[s].start, table[s].length, table[s].row = name_hash, used, length[k], rows[k]
        used += length[k]


@kernel
def move_names(old, new):  # type: ignore[no-untyped-def]
    """Enter the living names of a table into an empty one."""
    mask = np.uint64(len(new) - 1)
    for k in range(len(old)):
        if old[k].row == EMPTY or old[k].row == GONE:
            continue
        s = old[k].hash & mask
        while new[s].row != EMPTY:
            s = (s + np.uint64(1)) & mask
        new[s] = old[k]


@kernel
def drop_name(buf, seed, table, blob):  # type: ignore[no-untyped-def]
    """Mark the slot of a name that is known as that of one that is gone."""
    table[find_slot(buf, 0, len(buf), hash_name(buf, 0, len(buf), seed), table, blob)].row = GONE


class Names:
    """An open-addressing table from names to rows, at most half full.

    >>> names = Names()
    >>> names.add(b"checkout/latency_s", 7)
    >>> names.row(b"checkout/latency_s"), names.row(b"checkout/errors")
    (7, -1)
    """

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}
        self._reset(2048, 1 << 16)

    def _reset(self, slots: int, bytes_room: int) -> None:
        self.table, self.blob = _empty(slots), np.zeros(bytes_room, np.uint8)
        self._filled = self._bytes = self._living_bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, name: bytes) -> int:
        """Return the row of a name, FOREIGN, or ABSENT."""
        return self._rows.get(name, ABSENT)

    def add(self, name: bytes, row: int) -> None:
        """Give a new name its row."""
        self.add_many((name,), (row,))

    def add_many(self, names: Sequence[bytes], rows: Sequence[int]) -> None:
        """Give new names their rows, each another name."""
        before, n = len(self._rows), len(names)
        length = np.fromiter(map(len, names), np.int64, n)
        ends = np.cumsum(length)
        size = int(ends[-1]) if n else 0
        self._make_room(n, size)
        self._rows.update(zip(names, rows, strict=True))
        assert len(self._rows) == before + n, "a name has a row already"
        put_names(
            np.frombuffer(b"".join(names), np.uint8), ends - length, length, np.fromiter(rows, np.int64, n), _SEED,
            self.table, self.blob, self._bytes,
        )  # fmt: skip
        self._filled += n
        self._bytes += size
        self._living_bytes += size

    def remove(self, name: bytes) -> None:
        """Forget a name."""
        del self._rows[name]
        drop_name(np.frombuffer(name, np.uint8), _SEED, self.table, self.blob)
        self._living_bytes -= len(name)

    def drop_foreign(self) -> None:
        """Forget all names that belong elsewhere."""
        for name in [name for name, row in self._rows.items() if row == FOREIGN]:
            self.remove(name)

    def tables(self) -> tuple[NDArray[np.void], NDArray[np.uint8]]:
        """Return what `find_name` looks into."""
        return self.table, self.blob

    def _make_room(self, names: int, size: int) -> None:
        """See to it that there is room: the places of those that are gone are cleared away, or there are to be more."""
        if self._bytes + size > len(self.blob) and 2 * (self._living_bytes + size) <= len(self.blob):
            living = self._rows
            self._rows = {}
            self._reset(len(self.table), len(self.blob))
            self.add_many(list(living), list(living.values()))
        while self._bytes + size > len(self.blob):
            self.blob = np.resize(self.blob, 2 * len(self.blob))
        if 2 * (self._filled + names) > len(self.table):
            slots = len(self.table)
            while 4 * (len(self._rows) + names) > slots:
                slots *= 2
            old, self.table = self.table, _empty(slots)
            move_names(old, self.table)
            self._filled = len(self._rows)


def _empty(slots: int) -> NDArray[np.void]:
    table = np.zeros(slots, Slot)
    table["row"] = EMPTY
    return table
