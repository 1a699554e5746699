"""Batches: Kafka's record batch format, version 2 (kafka.apache.org/documentation, "Record Batch")."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
from aiokafka.errors import CorruptRecordException
from aiokafka.record.util import calc_crc32c
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.wide import HAS_CRC32C, address, byte, crc32c_byte, crc32c_word, word

HEADER_BYTES, CHECKSUM_AT, CHECKED_FROM = 61, 17, 21
CONTROL, TRANSACTIONAL, APPEND_TIME, CODEC = 0x20, 0x10, 0x08, 0x07

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
def crc32c(at, end):  # type: ignore[no-untyped-def]
    """Return the checksum of the bytes from an address on (Castagnoli's polynomial), by the processor's instruction."""
    crc = np.uint64(0xFFFFFFFF)
    while at + 8 <= end:
        crc = crc32c_word(crc, word(at))
        at += 8
    while at < end:
        crc = crc32c_byte(crc, np.uint64(byte(at)))
        at += 1
    return np.int64(crc) ^ 0xFFFFFFFF


@kernel
def first_damaged(buf, batches):  # type: ignore[no-untyped-def]
    """Return the first batch whose checksum does not fit its bytes, or how many there are."""
    base = address(buf)
    for n in range(len(batches)):
        at, end = batches[n].at, batches[n].end
        if crc32c(base + at + CHECKED_FROM, base + end) != big_endian(buf, at + CHECKSUM_AT, 4) & 0xFFFFFFFF:
            return n
    return len(batches)


def read_batches(where: str, raw: bytes) -> NDArray[np.void]:
    """Return the headers of the batches that are there to their end; raise CorruptRecordException for an old format."""
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


def usable(batches: NDArray[np.void], aborted: Iterable[tuple[int, int]], committed_only: bool) -> NDArray[np.int64]:
    """Return which batches are left without control batches and, where asked for, what aborted transactions wrote."""
    if not (batches["attributes"] & (CONTROL | TRANSACTIONAL)).any():
        return np.arange(len(batches))
    waiting, bad, left = sorted(aborted, key=lambda entry: entry[1]), set(), []
    columns = (batches["base"].tolist(), batches["producer"].tolist(), batches["attributes"].tolist())
    for n, (base, producer, attributes) in enumerate(zip(*columns, strict=True)):
        if committed_only:
            while waiting and waiting[0][1] <= base:
                bad.add(waiting.pop(0)[0])
            if attributes & CONTROL:
                bad.discard(producer)
            elif attributes & TRANSACTIONAL and producer in bad:
                continue
        if not attributes & CONTROL:
            left.append(n)
    return np.array(left, np.int64)


def check_sums(where: str, raw: bytes, batches: NDArray[np.void]) -> None:
    """Raise CorruptRecordException where a checksum does not fit."""
    if HAS_CRC32C:
        damaged = first_damaged(np.frombuffer(raw, np.uint8), batches) < len(batches)
    else:
        view, spans = memoryview(raw), zip(batches["at"].tolist(), batches["end"].tolist(), strict=True)
        damaged = any(
            calc_crc32c(view[at + CHECKED_FROM : end]) != struct.unpack_from(">I", raw, at + CHECKSUM_AT)[0]
            for at, end in spans
        )
    if damaged:
        raise CorruptRecordException(f"{where}: the checksum of a batch does not fit its bytes")
