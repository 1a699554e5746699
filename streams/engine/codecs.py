"""Codecs: what stands in compressed batches, never more than a batch may hold.

Some kilobytes can be made to stand for gigabytes. What lz4 can make of a block is said beforehand by its size, so that
goes straight to where it stays; what other codecs can is not, so they write to a room of their own first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cramjam
import numpy as np
from aiokafka.codec import snappy_decode
from numpy.typing import NDArray

from detectors.columns import Ints
from detectors.compiled import kernel
from detectors.wide import address, byte, word
from streams.engine.batches import CODEC, HEADER_BYTES

LARGEST_BATCH = 128 << 20
"""Bytes after decompression."""
SNAPPY, LZ4, LZ4_RATIO = 2, 3, 255
BOUNDED: dict[int, Callable[[Any, Any], int]] = {
    1: cramjam.gzip.decompress_into,
    3: cramjam.lz4.decompress_into,
    4: cramjam.zstd.decompress_into,
}
_room = np.empty(LARGEST_BATCH, np.uint8)  # No memory is taken before it is written to.

PLAIN, BLOCK, OTHER = 0, 1, 2
# An lz4 frame as producers write it (lz4/lz4, doc/lz4_Frame_format.md): version 1, of blocks that stand for themselves.
# Checksums may follow each block and the last; Kafka's own makes them needless.
FRAME_HEADER, LOWEST, AS_IT_IS = 7, np.uint64(0xFFFFFFFF), np.uint64(0x80000000)
MAGIC, ALONE, BLOCK_SUMS, WHOLE_SUM = np.uint64(0x184D2204), 0x60, 0x10, 0x04


@kernel
def lz4_blocks(base, at, end, n, largest, found, pieces):  # type: ignore[no-untyped-def]
    """Put the blocks of batch n's frame into `pieces` from slot `found` on; return the next slot, or -1.

    That is for a frame of another kind, or one that may become more than `largest`. Where `pieces` is full, blocks are
    only counted.
    """
    if end - at < FRAME_HEADER + 4 or word(base + at) & LOWEST != MAGIC:
        return -1
    flags, most = byte(base + at + 4), np.int64(1) << (8 + 2 * (byte(base + at + 5) >> 4 & 7))
    if flags & ~(BLOCK_SUMS | WHOLE_SUM) != ALONE:
        return -1
    total, at = np.int64(0), at + FRAME_HEADER
    while end - at >= 8:
        head = word(base + at) & LOWEST
        size, is_packed = np.int64(head & ~AS_IT_IS), head < AS_IT_IS
        if size == 0 or size > end - at - 8:
            break
        becomes = min(LZ4_RATIO * size, most) if is_packed else size
        if found < len(pieces):
            pieces[found] = n, at + 4, size, becomes, BLOCK if is_packed else PLAIN
        found, total = found + 1, total + becomes
        at += 4 + size + (4 if flags & BLOCK_SUMS else 0)
    tail = word(base + end - 8)
    mark, rest = (tail & LOWEST, 8) if flags & WHOLE_SUM else (tail >> np.uint64(32), 4)
    return found if mark == 0 and end - at == rest and total <= largest else -1


@kernel
def find_pieces(buf, batches, wanted, largest, pieces):  # type: ignore[no-untyped-def]
    """Fill `pieces` with what the batches `wanted` consist of: (batch, position, size, bytes at most, kind).

    Return how many there are, which may be more than there was room for.
    """
    base, found = address(buf), 0
    for n in wanted:
        at, end, codec = batches[n].at + HEADER_BYTES, batches[n].end, batches[n].attributes & CODEC
        after = lz4_blocks(base, at, end, n, largest, found, pieces) if codec == LZ4 else -1
        if after < 0:
            after = found + 1
            if found < len(pieces):
                pieces[found] = n, at, end - at, end - at, OTHER if codec else PLAIN
        found = after
    return found


def pieces_of(raw: bytes, batches: NDArray[np.void], wanted: Ints) -> list[list[int]]:
    """Return what the batches `wanted` consist of: (batch, position, size, bytes at most where known, kind)."""
    data, room = np.frombuffer(raw, np.uint8), 2 * len(wanted) + 8
    while True:
        pieces = np.empty((room, 5), np.int64)
        found = find_pieces(data, batches, wanted, LARGEST_BATCH, pieces)
        if found <= room:
            return pieces[:found].tolist()  # type: ignore[no-any-return]
        room = found


def decompress(codec: int, raw: memoryview) -> bytes | None:
    """Return what stands in a batch, or None: it is more than a batch may hold, or cannot be decompressed at all."""
    try:
        if codec == SNAPPY:
            return bytes(snappy_decode(raw))  # at most some twenty times as much
        return _room[: BOUNDED[codec](raw, _room)].tobytes()
    except cramjam.DecompressionError:
        return None


def write(source: memoryview | bytes, kind: int, room: memoryview) -> int:
    """Write a piece into a room of as many bytes as it may have; return how many it has, or -1: it cannot be read."""
    if kind == BLOCK:
        try:
            return int(cramjam.lz4.decompress_block_into(source, room, len(room)))
        except cramjam.DecompressionError:
            return -1
    room[:] = source
    return len(room)
