"""Names: which row belongs to a name, looked up by compiled code."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.wide import address, byte, prefetch, word

ABSENT, FOREIGN = -1, -2
EMPTY, GONE = -3, -4

# Of one name, all that is looked at before its bytes, side by side and never in two lines of the cache: the lower half
# of its hash, its row, and its bytes' place.
Slot = np.dtype([("hash", "u4"), ("row", "i4"), ("start", "u4"), ("length", "i4")])
SLOT_BYTES = Slot.itemsize
LOWER, HALF = np.uint64(0xFFFF_FFFF), np.uint64(32)

# So many names ahead a slot is brought near, and what it leads to: a table of many names is in no cache, and each of
# the four places that a name leads to would be waited for.
FAR, NEAR = 16, 8

# Secret to the process, so that nobody can prepare names that collide. It decides where in the table a name stands,
# never what is concluded: bytes are compared, never the hash alone.
_SEED = np.uint64(secrets.randbits(64))


@kernel
def hash_at(at, length, seed):  # type: ignore[no-untyped-def]
    """Return a 64-bit hash of `length` bytes at an address: eight at a time, multiplied and folded."""
    h = seed ^ (np.uint64(length) * np.uint64(0x9E3779B97F4A7C15))
    end = at + length
    rest = np.uint64(0)
    if length >= 8:
        while at + 8 <= end:
            h = (h ^ word(at)) * np.uint64(0xD6E8FEB86659FD93)
            h ^= h >> np.uint64(32)
            at += 8
        if at < end:
            rest = word(end - 8) >> np.uint64(8 * (8 - (end - at)))
    else:
        for k in range(length):
            rest |= np.uint64(byte(at + k)) << np.uint64(8 * k)
    h = (h ^ rest ^ seed) * np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(29))


@kernel
def hash_name(buf, at, length, seed):  # type: ignore[no-untyped-def]
    """Return a 64-bit hash of `length` bytes at `at`; it is saved in sketches, so it never changes."""
    return hash_at(address(buf) + at, np.int64(length), seed)


@kernel
def hash_all(buf, at, length, seed, hashes):  # type: ignore[no-untyped-def]
    """Hash every name of a column."""
    base = address(buf)
    for i in range(len(at)):
        hashes[i] = hash_at(base + at[i], np.int64(max(length[i], 0)), seed)


def hash_names(buf: NDArray[np.uint8], at: NDArray[np.int32], length: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Return the hash of every name of a column."""
    hashes = np.empty(len(at), np.uint64)
    hash_all(buf, at, length, _SEED, hashes)
    return hashes


@kernel
def are_same(one, other, length):  # type: ignore[no-untyped-def]
    """Say whether `length` bytes at two addresses are the same."""
    k = 0
    while k + 8 <= length and word(one + k) == word(other + k):
        k += 8
    if length >= 8:
        return k + 8 > length and word(one + length - 8) == word(other + length - 8)
    while k < length and byte(one + k) == byte(other + k):
        k += 1
    return k == length


@kernel
def find_slot(at, length, name_hash, slots, mask, names):  # type: ignore[no-untyped-def]
    """Return where the slot of the name at an address is, among the `slots` at one, or that of an empty slot."""
    s = name_hash & mask
    while True:
        slot = slots + SLOT_BYTES * np.int64(s)
        first_half = word(slot)
        row = np.int64(first_half) >> 32
        if row == EMPTY:
            return slot, row
        if first_half & LOWER == name_hash & LOWER and row != GONE:
            place = word(slot + 8)
            if np.int64(place >> HALF) == length and are_same(at, names + np.int64(place & LOWER), length):
                return slot, row
        s = (s + np.uint64(1)) & mask


@kernel
def find_row(at, length, name_hash, slots, mask, names):  # type: ignore[no-untyped-def]
    """Return the row of the name at an address (FOREIGN for one that is known to belong elsewhere), or ABSENT."""
    _, row = find_slot(at, length, name_hash, slots, mask, names)
    return ABSENT if row == EMPTY else row


@kernel
def where(table, blob):  # type: ignore[no-untyped-def]
    """Return a table as `find_row` takes it: where its slots begin, the mask of a hash, and where its bytes begin."""
    return address(table), np.uint64(len(table) - 1), address(blob)


@kernel
def find_name(buf, at, length, name_hash, table, blob):  # type: ignore[no-untyped-def]
    """Return the row of a name (FOREIGN for one that is known to belong elsewhere), or ABSENT."""
    return find_row(address(buf) + at, np.int64(length), name_hash, *where(table, blob))


@kernel
def bring_slot(name_hash, slots, mask):  # type: ignore[no-untyped-def]
    """Have the slot at which a name is first looked for brought near."""
    prefetch(slots + SLOT_BYTES * np.int64(name_hash & mask))


@kernel
def bring_name(name_hash, slots, mask, names):  # type: ignore[no-untyped-def]
    """Have the bytes brought near that a name's first slot leads to; return its row, which is mostly the name's."""
    slot = slots + SLOT_BYTES * np.int64(name_hash & mask)
    prefetch(names + np.int64(word(slot + 8) & LOWER))
    return np.int64(word(slot)) >> 32


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
        slot = table[s]
        slot.hash, slot.start, slot.length, slot.row = name_hash & LOWER, used, length[k], rows[k]
        used += length[k]


@kernel
def move_names(old, new, blob, seed):  # type: ignore[no-untyped-def]
    """Enter the living names of a table into an empty one."""
    mask = np.uint64(len(new) - 1)
    for k in range(len(old)):
        if old[k].row == EMPTY or old[k].row == GONE:
            continue
        s = hash_name(blob, np.int64(old[k].start), old[k].length, seed) & mask
        while new[s].row != EMPTY:
            s = (s + np.uint64(1)) & mask
        new[s] = old[k]


@kernel
def drop_names(buf, at, length, seed, table, blob):  # type: ignore[no-untyped-def]
    """Mark the slots of names that are known as those of some that are gone."""
    base, (slots, mask, names) = address(buf), where(table, blob)
    for k in range(len(at)):
        slot, _ = find_slot(base + at[k], length[k], hash_name(buf, at[k], length[k], seed), slots, mask, names)
        table[(slot - slots) // SLOT_BYTES].row = GONE


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
        self.remove_many((name,))

    def remove_many(self, names: Sequence[bytes]) -> None:
        """Forget names."""
        for name in names:
            del self._rows[name]
        length = np.fromiter(map(len, names), np.int64, len(names))
        ends = np.cumsum(length)
        raw = np.frombuffer(b"".join(names), np.uint8)
        drop_names(raw, ends - length, length, _SEED, self.table, self.blob)
        self._living_bytes -= len(raw)

    def drop_foreign(self) -> None:
        """Forget all names that belong elsewhere."""
        self.remove_many([name for name, row in self._rows.items() if row == FOREIGN])

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
            move_names(old, self.table, self.blob, _SEED)
            self._filled = len(self._rows)


def _empty(slots: int) -> NDArray[np.void]:
    table = np.zeros(slots, Slot)
    table["row"] = EMPTY
    return table
