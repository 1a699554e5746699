"""Chunks: what one fetch brought from one partition, as bytes and index arrays; no Python object a record is made."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from aiokafka.errors import CorruptRecordException
from numpy.typing import NDArray

from detectors.columns import Bytes, Columns, Ints
from detectors.compiled import kernel
from detectors.wide import AHEAD, address, byte
from streams.engine.batches import APPEND_TIME, CODEC, check_sums, read_batches, usable
from streams.engine.codecs import LARGEST_BATCH, OTHER, decompress, pieces_of, write

log = logging.getLogger(__name__)

LARGEST_CHUNK = 256 << 20
"""Bytes after decompression, or rather fewer: what is indexed has 31 bits."""
SMALLEST_RECORD = 7
Piece = tuple[int, memoryview | bytes | None, int, int]
"""Part of a batch: which, its bytes (None: they cannot be read), how many they may become, and what is to be done."""


@kernel
def varint(at):  # type: ignore[no-untyped-def]
    """Return the zigzag integer at an address, and the address behind it."""
    c = byte(at)
    at += 1
    value, shift = np.uint64(c & 0x7F), np.uint64(7)
    while c >= 128 and shift < 70:
        c = byte(at)
        at += 1
        value |= np.uint64(c & 0x7F) << shift
        shift += np.uint64(7)
    return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at


@kernel
def index_records(  # type: ignore[no-untyped-def]
    buf, batches, ats, ends, start, key_at, key_len, value_at, value_len, time_ms, offset
):  # fmt: skip
    """Index the records of batches, leaving out what is before `start`; return how many, or -1 - b for damage in b.

    ats, ends      where in buf each batch's records stand; what is stamped by producers has a time in every record
    """
    base, n = address(buf), 0
    for b in range(len(batches)):
        batch, at, limit = batches[b], base + ats[b], base + ends[b]
        first_offset, first_ms, stamped = batch.base, batch.first_ms, batch.attributes & APPEND_TIME == 0
        for _ in range(batch.count):
            size, at = varint(at)
            if not SMALLEST_RECORD - 1 <= size <= limit - at:
                return -1 - b
            end = at + size
            delta_ms, at = varint(at + 1)
            delta, at = varint(at)
            if first_offset + delta >= start:
                length, at = varint(at)
                if not -1 <= length <= end - at:
                    return -1 - b
                key_at[n], key_len[n] = at - base, length
                length, at = varint(at + max(length, 0))
                if not -1 <= length <= end - at:
                    return -1 - b
                value_at[n], value_len[n] = at - base, length
                time_ms[n] = first_ms + delta_ms if stamped else batch.max_ms
                offset[n] = first_offset + delta
                n += 1
            at = end
    return n


@dataclass(slots=True)
class Chunk:
    """True for the offsets start <= o < next of its partition, even where compaction left gaps.

    buf            uint8: decompressed records; the arrays [n] say where each key and value stands (length -1: null)
    time_ms        append time (or the producers' time where the topic is stamped by them); offset: ascending
    left_out       first and last offset of each batch that could not be unpacked
    columns        decoded once, for all capabilities of the topic
    """

    topic: str
    partition: int
    start: int
    next: int
    buf: Bytes
    key_at: NDArray[np.int32]
    key_len: NDArray[np.int32]
    value_at: NDArray[np.int32]
    value_len: NDArray[np.int32]
    time_ms: Ints
    offset: Ints
    left_out: tuple[tuple[int, int], ...] = ()
    columns: Columns | None = None

    def __len__(self) -> int:
        return len(self.offset)

    def key(self, i: int) -> bytes | None:
        """Return a record's key."""
        at, length = int(self.key_at[i]), int(self.key_len[i])
        return None if length < 0 else self.buf[at : at + length].tobytes()

    def value(self, i: int) -> bytes | None:
        """Return a record's value."""
        at, length = int(self.value_at[i]), int(self.value_len[i])
        return None if length < 0 else self.buf[at : at + length].tobytes()


class Unpacked(NamedTuple):
    """What the batches of a fetch hold.

    buf            uint8: their records, and AHEAD bytes more; ats, ends: where in it each batch's records stand
    batches        their headers
    early          the first offset that was left for the next chunk, if any
    left_out       first and last offset of each batch that could not be unpacked
    """

    buf: Bytes
    ats: Ints
    ends: Ints
    batches: NDArray[np.void]
    early: int | None
    left_out: tuple[tuple[int, int], ...]


def unpack(where: str, raw: bytes, batches: NDArray[np.void], wanted: Ints) -> Unpacked:
    """Unpack the batches `wanted` into one buffer."""
    pieces, early = _read_pieces(raw, batches, wanted)
    room = np.empty(sum(most for _, _, most, _ in pieces) + AHEAD, np.uint8)
    view, end = room.data, 0
    spans: dict[int, tuple[int, int]] = {}
    for n, source, most, kind in pieces:
        begin, behind = spans.get(n, (end, end))
        size = -1 if source is None or behind < 0 else write(source, kind, view[end : end + most])
        end += max(size, 0)
        spans[n] = begin, end if size >= 0 else -1
    view.release()
    room.resize(end + AHEAD, refcheck=False)
    room[end:] = 0
    room.flags.writeable = False
    used = [n for n, (_, behind) in spans.items() if behind >= 0]
    # Each in one piece: to numba the columns of an array are another type, but for those of a single row.
    ats, ends = np.ascontiguousarray(np.array([spans[n] for n in used], np.int64).reshape(-1, 2).T)
    left_out = [_left_out(where, batches[n]) for n, (_, behind) in spans.items() if behind < 0]
    return Unpacked(room, ats, ends, batches[used], early, tuple(left_out))


def _read_pieces(raw: bytes, batches: NDArray[np.void], wanted: Ints) -> tuple[list[Piece], int | None]:
    """Return the pieces of batches, and the offset from which on batches are left for the next chunk, if any are."""
    view, size, last = memoryview(raw), 0, -1
    pieces: list[Piece] = []
    for n, at, length, most, kind in pieces_of(raw, batches, wanted):
        if n != last and size > LARGEST_CHUNK:
            return pieces, int(batches["base"][n])
        source: memoryview | bytes | None = view[at : at + length]
        if kind == OTHER:
            source = decompress(int(batches["attributes"][n]) & CODEC, view[at : at + length])
            most = len(source or b"")
        pieces.append((n, source, most, kind))
        size, last = size + most, n
    return pieces, None


def _left_out(where: str, batch: np.void) -> tuple[int, int]:
    first, last = int(batch["base"]), int(batch["last"])
    log.critical("%s@%d..%d: a batch of over %d bytes, or unreadable; left out", where, first, last, LARGEST_BATCH)
    return first, last


def index(where: str, found: Unpacked, start: int) -> tuple[NDArray[np.int32], Ints]:
    """Return where the records' keys and values stand (int32 [4, n]), and their times and offsets (int64 [2, n])."""
    counts, sizes = found.batches["count"], found.ends - found.ats
    if ((counts < 0) | (counts > sizes // SMALLEST_RECORD)).any():
        raise CorruptRecordException(f"{where}: a batch holds fewer records than it says")
    i4, i8 = np.empty((4, counts.sum()), np.int32), np.empty((2, counts.sum()), np.int64)
    n = index_records(found.buf, found.batches, found.ats, found.ends, start, *i4, *i8)
    if n < 0:
        base = int(found.batches["base"][-1 - n])
        raise CorruptRecordException(f"{where}: a record of the batch at {base} is longer than its batch")
    return i4[:, :n], i8[:, :n]


def split(
    topic: str,
    partition: int,
    raw: bytes,
    start: int,
    *,
    check: bool = True,
    aborted: Iterable[tuple[int, int]] = (),
    committed_only: bool = False,
) -> Chunk:
    """Index the records of a fetch's answer from offset `start` on; raise CorruptRecordException for damage."""
    where = f"{topic}-{partition}"
    batches = read_batches(where, raw)
    if check:
        check_sums(where, raw, batches)
    wanted = usable(batches, aborted, committed_only)
    found = unpack(where, raw, batches, wanted[batches["last"][wanted] >= start])
    (key_at, key_len, value_at, value_len), (time_ms, offset) = index(where, found, start)
    following = int(batches["last"][-1]) + 1 if len(batches) else start
    after = max(start, following if found.early is None else found.early)
    where_ = (key_at, key_len, value_at, value_len, time_ms, offset)
    return Chunk(topic, partition, start, after, found.buf, *where_, found.left_out)


def chunk_of(
    topic: str, partition: int, start: int, records: Iterable[tuple[bytes | None, bytes | None, int]]
) -> Chunk:
    """Make a chunk of (key, value, append time in ms) records: a log in memory, for replays and tests."""
    items = list(records)
    n = len(items)
    i4, pieces, size = np.full((4, n), -1, np.int32), [], 0
    for i, (key, value, _) in enumerate(items):
        for row, raw in ((0, key), (2, value)):
            i4[row, i] = size
            if raw is not None:
                i4[row + 1, i] = len(raw)
                pieces.append(raw)
                size += len(raw)
    buf = np.frombuffer(b"".join([*pieces, bytes(AHEAD)]), np.uint8)
    time_ms = np.array([time for _, _, time in items], np.int64)
    key_at, key_len, value_at, value_len = i4
    offset = np.arange(start, start + n, dtype=np.int64)
    return Chunk(topic, partition, start, start + n, buf, key_at, key_len, value_at, value_len, time_ms, offset)
