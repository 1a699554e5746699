"""Chunks: what one fetch brought from one partition, as raw bytes and index arrays; no Python object a record is made.

The layout is Kafka's record batch format, version 2 (kafka.apache.org/documentation, "Record Batch").
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import cramjam
import numpy as np
from aiokafka.codec import snappy_decode
from aiokafka.errors import CorruptRecordException
from aiokafka.record.util import calc_crc32c
from numpy.typing import NDArray

from detectors.columns import Bytes, Columns, Ints
from detectors.compiled import kernel
from detectors.wide import AHEAD

log = logging.getLogger(__name__)

HEADER_BYTES = 61
CONTROL, TRANSACTIONAL, APPEND_TIME, CODEC = 0x20, 0x10, 0x08, 0x07
LARGEST_BATCH, LARGEST_CHUNK = 128 << 20, 256 << 20
"""Bytes after decompression. Some kilobytes can be made to stand for gigabytes; and what is indexed has 31 bits."""
SNAPPY, LZ4, LZ4_RATIO = 2, 3, 256
BOUNDED: dict[int, Callable[[Any, Any], int]] = {
    1: cramjam.gzip.decompress_into,
    3: cramjam.lz4.decompress_into,
    4: cramjam.zstd.decompress_into,
}
_room = np.empty(LARGEST_BATCH, np.uint8)  # No memory is taken before it is written to.

Batch = np.dtype(
    [(name, "i8") for name in ("at", "end", "base", "last", "first_ms", "max_ms", "producer", "attributes", "count")]
)


@kernel
def big_endian(buf, at, size):  # type: ignore[no-untyped-def]
    """Return the signed integer of `size` bytes at `at`."""
    n = np.int64(0)
    for i in range(size):
        n = (n << 8) | np.int64(buf[at + i])
    if size < 8 and n >= np.int64(1) << (8 * size - 1):
        n -= np.int64(1) << (8 * size)
    return n


@kernel
def read_headers(buf, batches):  # type: ignore[no-untyped-def]
    """Fill `batches` with the complete batches in buf; return how many, and whether a format before v2 was met."""
    at, n = 0, 0
    while at + HEADER_BYTES <= len(buf) and n < len(batches):
        end = at + 12 + big_endian(buf, at + 8, 4)
        if end > len(buf):
            break
        if buf[at + 16] != 2:
            return n, True
        batch = batches[n]
        batch.at, batch.end, batch.base = at, end, big_endian(buf, at, 8)
        batch.attributes, batch.last = big_endian(buf, at + 21, 2), batch.base + big_endian(buf, at + 23, 4)
        batch.first_ms, batch.max_ms = big_endian(buf, at + 27, 8), big_endian(buf, at + 35, 8)
        batch.producer, batch.count = big_endian(buf, at + 43, 8), big_endian(buf, at + 57, 4)
        at, n = end, n + 1
    return n, False


@kernel
def varint(buf, at):  # type: ignore[no-untyped-def]
    """Return a zigzag integer and the position behind it."""
    value, shift = np.uint64(0), np.uint64(0)
    while True:
        c = buf[at]
        at += 1
        value |= np.uint64(c & 0x7F) << shift
        if c < 128 or shift > 63:
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), at
        shift += np.uint64(7)


@kernel
def split_batch(buf, at, limit, count, base, first_ms, append_ms, start, n, key_at, key_len, value_at, value_len, time_ms, offset):  # type: ignore[no-untyped-def]  # fmt: skip  # noqa: E501
    """Index one batch's records from slot n on, leaving out what is before `start`; return the next slot, or -1.

    append_ms below 0 stands for a topic stamped by producers: then every record has its own time.
    """
    for _ in range(count):
        if at >= limit:
            return -1
        size, at = varint(buf, at)
        if size < 6 or size > limit - at:
            return -1
        end = at + size
        delta_ms, at = varint(buf, at + 1)
        delta, at = varint(buf, at)
        if base + delta >= start:
            length, at = varint(buf, at)
            if length < -1 or length > end - at:
                return -1
            key_at[n], key_len[n] = at, length
            length, at = varint(buf, at + max(length, 0))
            if length < -1 or length > end - at:
                return -1
            value_at[n], value_len[n] = at, length
            time_ms[n] = append_ms if append_ms >= 0 else first_ms + delta_ms
            offset[n] = base + delta
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
    open           how many capabilities have yet to finish it
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
    open: int = 0

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


def _headers(raw: bytes, where: str) -> NDArray[np.void]:
    data, room = np.frombuffer(raw, np.uint8), 64
    while True:
        batches = np.zeros(room, Batch)
        n, foreign = read_headers(data, batches)
        if foreign:
            raise CorruptRecordException(
                f"{where}: a message format before v2, which Kafka wrote before 0.11, cannot be read"
            )
        if n < room:
            return batches[:n]
        room *= 8


def _usable(
    batches: NDArray[np.void], aborted: Iterable[tuple[int, int]], committed_only: bool
) -> Iterable[tuple[int, ...]]:
    """Leave out control batches and, where asked for, what aborted transactions wrote."""
    waiting, bad = sorted(aborted, key=lambda entry: entry[1]), set()
    for batch in batches.tolist():
        base, producer, attributes = batch[2], batch[6], batch[7]
        if committed_only:
            while waiting and waiting[0][1] <= base:
                bad.add(waiting.pop(0)[0])
            if attributes & CONTROL:
                bad.discard(producer)
            elif attributes & TRANSACTIONAL and producer in bad:
                continue
        if not attributes & CONTROL:
            yield batch


def decompress(codec: int, raw: memoryview) -> bytes | None:
    """Return what stands in a batch, or None: it is more than a batch may hold, or cannot be decompressed at all."""
    try:
        if codec == SNAPPY:
            return bytes(snappy_decode(raw))  # at most some twenty times as much
        if codec == LZ4 and len(raw) * LZ4_RATIO <= LARGEST_BATCH:
            return bytes(cramjam.lz4.decompress(raw))
        return _room[: BOUNDED[codec](raw, _room)].tobytes()
    except cramjam.DecompressionError:
        return None


class Region(NamedTuple):
    """Where in the buffer a batch's records stand, and what its header says of them."""

    at: int
    end: int
    records: int
    base: int
    first_ms: int
    append_ms: int


def _check_sums(where: str, raw: bytes, batches: NDArray[np.void]) -> None:
    view = memoryview(raw)
    for at, end in zip(batches["at"].tolist(), batches["end"].tolist(), strict=True):
        if calc_crc32c(view[at + 21 : end]) != struct.unpack_from(">I", raw, at + 17)[0]:
            raise CorruptRecordException(f"{where}: the checksum of a batch does not fit its bytes")


class Unpacked(NamedTuple):
    """The batches of a fetch, the bytes they stand in, where the chunk has to end early, and what was left out."""

    regions: list[Region]
    raw: bytes
    early: int | None
    left_out: tuple[tuple[int, int], ...]


def _unpack(where: str, raw: bytes, usable: Iterable[tuple[int, ...]], start: int, squeezed: bool) -> Unpacked:
    """Unpack the batches that reach beyond `start`."""
    view, size = memoryview(raw), 0
    regions: list[Region] = []
    pieces: list[bytes | memoryview] = []
    left_out: list[tuple[int, int]] = []
    base: int | None
    for at, end, base, last, first_ms, max_ms, _, attributes, count in usable:
        if last < start:
            continue
        if regions and size > LARGEST_CHUNK:
            break  # the rest comes with the next chunk
        begin = at + HEADER_BYTES
        if squeezed:
            codec, packed = attributes & CODEC, view[begin:end]
            piece = decompress(codec, packed) if codec else packed
            if piece is None:
                log.critical(
                    "%s@%d..%d: a batch of over %d bytes, or unreadable; left out", where, base, last, LARGEST_BATCH
                )
                left_out.append((base, last))
                continue
            pieces.append(piece)
            begin, end, size = size, size + len(piece), size + len(piece)
        regions.append(Region(begin, end, count, base, first_ms, max_ms if attributes & APPEND_TIME else -1))
    else:
        base = None
    pieces = [*(pieces if squeezed else [raw]), bytes(AHEAD)]
    return Unpacked(regions, b"".join(pieces), base, tuple(left_out))


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
    batches = _headers(raw, where)
    if check:
        _check_sums(where, raw, batches)
    squeezed = bool((batches["attributes"] & CODEC).any())
    found = _unpack(where, raw, _usable(batches, aborted, committed_only), start, squeezed)
    following = int(batches["last"][-1]) + 1 if len(batches) else start
    buf, total = np.frombuffer(found.raw, np.uint8), sum(region.records for region in found.regions)
    i4, i8, n = np.empty((4, total), np.int32), np.empty((2, total), np.int64), 0
    for at, end, count, base, first_ms, append_ms in found.regions:
        n = split_batch(buf, at, end, count, base, first_ms, append_ms, start, n, *i4, *i8)
        if n < 0:
            raise CorruptRecordException(f"{where}: a record of the batch at {base} is longer than its batch")
    key_at, key_len, value_at, value_len = i4[:, :n]
    time_ms, offset = i8[:, :n]
    after = max(start, following if found.early is None else found.early)
    where_ = (key_at, key_len, value_at, value_len, time_ms, offset)
    return Chunk(topic, partition, start, after, buf, *where_, found.left_out)


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
