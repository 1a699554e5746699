"""Logs in memory: records as the batches that producers make of them, ready to be sent, and to be folded as they are.

The layout is Kafka's record batch format, version 2 (kafka.apache.org/documentation, "Record Batch"). Compiled, since
what is measured swallows a million records a second, and whoever feeds it must not be the slower one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from aiokafka.codec import lz4_encode
from aiokafka.record.util import calc_crc32c
from numpy.typing import NDArray

from detectors.columns import Ints, Text
from detectors.compiled import kernel
from streams.connection import partition_of
from streams.engine.batches import APPEND_TIME
from streams.engine.chunks import Chunk, split

BATCH_BYTES = 1 << 18
RECORD_BYTES = 40
"""Room for what stands around a record's key and value."""
LZ4, LZ4_LEVEL = 3, 1
HEADER = struct.Struct(">qiibIhiqqqhii")
BEHIND_CHECKSUM = 21
NO_KEY = b"\x00null"

Order = Ints | slice


@kernel
def put_varint(out, at, value):  # type: ignore[no-untyped-def]
    """Write a zigzag integer; return the position behind it."""
    left = np.uint64((value << 1) ^ (value >> 63))
    while left > np.uint64(127):
        out[at] = np.uint8(left & np.uint64(127)) | np.uint8(128)
        left >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(left)
    return at + 1


@kernel
def varint_size(value):  # type: ignore[no-untyped-def]
    """Return how many bytes a zigzag integer takes."""
    left, size = np.uint64((value << 1) ^ (value >> 63)), 1
    while left > np.uint64(127):
        left >>= np.uint64(7)
        size += 1
    return size


@kernel
def put_text(out, at, buf, start, length):  # type: ignore[no-untyped-def]
    """Write a text with its length before it, or that there is none (below 0); return the position behind it."""
    at = put_varint(out, at, np.int64(length))
    for k in range(length):
        out[at + k] = buf[start + k]
    return at + max(length, 0)


@kernel
def put_records(out, which, key, key_at, key_length, value, value_at, value_length, time_ms):  # type: ignore[no-untyped-def]
    """Write the records `which` of a batch; return how many bytes they take."""
    at = np.int64(0)
    for n in range(len(which)):
        i = which[n]
        delta_ms, k, v = time_ms[i] - time_ms[which[0]], np.int64(key_length[i]), np.int64(value_length[i])
        size = 2 + varint_size(delta_ms) + varint_size(np.int64(n)) + varint_size(k) + max(k, 0)
        size += varint_size(v) + max(v, 0)
        at = put_varint(out, at, size)
        out[at] = 0
        at = put_varint(out, at + 1, delta_ms)
        at = put_varint(out, at, np.int64(n))
        at = put_text(out, at, key, key_at[i], k)
        at = put_text(out, at, value, value_at[i], v)
        out[at] = 0
        at += 1
    return at


class Batch(NamedTuple):
    """A record batch: where it goes, how many records it holds, and its bytes; the broker gives it its offset."""

    partition: int
    records: int
    raw: bytes

    def placed(self, offset: int, append_ms: int | None = None) -> bytes:
        """Return it as it stands in a log, stamped by the broker where it was."""
        if append_ms is None:
            return struct.pack(">q", offset) + self.raw[8:]
        raw = bytearray(self.raw)
        struct.pack_into(">q", raw, 0, offset)
        struct.pack_into(">h", raw, 21, struct.unpack_from(">h", raw, 21)[0] | APPEND_TIME)
        struct.pack_into(">q", raw, 35, append_ms)
        struct.pack_into(">I", raw, 17, calc_crc32c(memoryview(raw)[BEHIND_CHECKSUM:]))
        return bytes(raw)


class Records(NamedTuple):
    """Records before they are batched, in the order in which they are said; key -1 long: none.

    partition      int64 [n]: which of the partitions each belongs to; time_ms: int64 [n]
    """

    key: Text
    value: Text
    time_ms: Ints
    partition: Ints

    @classmethod
    def of(cls, records: Iterable[tuple[bytes | None, bytes, int]], partitions: int) -> Records:
        """Return (key, value, time in ms) records; one without a key stands for one in each partition."""
        keys: list[bytes] = []
        values: list[bytes] = []
        times: list[int] = []
        where: list[int] = []
        homes: dict[bytes, int] = {}
        for key, value, time_ms in records:
            for partition in range(partitions) if key is None else (0,):
                if key is not None:
                    partition = homes.get(key, -1)
                    if partition < 0:
                        partition = homes[key] = partition_of(key, partitions)
                keys.append(NO_KEY if key is None else key)
                values.append(value)
                times.append(time_ms)
                where.append(partition)
        key_text = texts(keys)
        key_text.length[[i for i, key in enumerate(keys) if key is NO_KEY]] = -1
        return cls(key_text, texts(values), np.array(times, np.int64), np.array(where, np.int64))


def texts(pieces: list[bytes]) -> Text:
    """Return texts as a column."""
    length = np.array([len(piece) for piece in pieces], np.int32)
    return Text(np.frombuffer(b"".join(pieces), np.uint8), (np.cumsum(length) - length).astype(np.int32), length)


def batched(records: Records, batch_bytes: int = BATCH_BYTES, slot: Ints | None = None) -> list[Batch]:
    """Return records as batches, compressed, each partition's in their order.

    batch_bytes    a batch is full at so many bytes before compression
    slot           int64 [n], ascending: records of different slots are never in one batch, and batches come slot by
                   slot; none: partition by partition
    """
    parts = records.partition
    if slot is not None:
        parts = parts + slot * (int(parts.max(initial=0)) + 1)
    order = np.argsort(parts, kind="stable")
    size = (records.key.length.clip(0) + records.value.length.astype(np.int64) + RECORD_BYTES)[order]
    edges = [0, *(np.flatnonzero(np.diff(parts[order])) + 1).tolist(), len(order)]
    room = np.empty(int(max(batch_bytes, size.max(initial=0))) + RECORD_BYTES, np.uint8)
    made = []
    for start, end in pairwise(edges):
        total = np.cumsum(size[start:end])
        at = 0
        while at < end - start:
            before = int(total[at - 1]) if at else 0
            stop = max(at + 1, int(total.searchsorted(before + batch_bytes, side="right")))
            made.append(_batch(records, order[start + at : start + stop], room))
            at = stop
    return made


def _batch(records: Records, which: NDArray[np.int64], room: NDArray[np.uint8]) -> Batch:
    key, value = records.key, records.value
    size = put_records(
        room, which, key.buf, key.at, key.length, value.buf, value.at, value.length, records.time_ms
    )  # fmt: skip
    packed = lz4_encode(room[:size].tobytes(), LZ4_LEVEL)
    codec, body = (LZ4, packed) if len(packed) < size else (0, room[:size].tobytes())
    time_ms, count = records.time_ms[which], len(which)
    head = (codec, count - 1, int(time_ms[0]), int(time_ms.max()), -1, -1, -1, count)
    raw = bytearray(HEADER.pack(0, HEADER.size - 12 + len(body), -1, 2, 0, *head) + body)
    struct.pack_into(">I", raw, 17, calc_crc32c(memoryview(raw)[BEHIND_CHECKSUM:]))
    return Batch(int(records.partition[which[0]]), count, bytes(raw))


def chunks(topic: str, batches: Iterable[Batch], together: int = 4) -> Iterator[Chunk]:
    """Yield batches as a worker gets them when they are all that a topic holds, some of them together."""
    waiting: dict[int, list[bytes]] = {}
    ends: dict[int, tuple[int, int]] = {}

    def flush(partition: int) -> Chunk:
        start, end = ends[partition]
        ends[partition] = (end, end)
        return split(topic, partition, b"".join(waiting.pop(partition)), start, check=False)

    for batch in batches:
        start, end = ends.get(batch.partition, (0, 0))
        waiting.setdefault(batch.partition, []).append(batch.placed(end))
        ends[batch.partition] = (start, end + batch.records)
        if len(waiting[batch.partition]) == together:
            yield flush(batch.partition)
    for partition in list(waiting):
        yield flush(partition)
