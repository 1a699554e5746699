"""Fetching: what aiokafka's consumer brings from our topics, as chunks, and how often it asks for more.

aiokafka has no seam for this, so three of its names are replaced (`install`): the two classes that read a partition's
answer, and the fetcher itself.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import consumer as stock_consumer
from aiokafka.consumer import fetcher as stock

from streams.engine.batches import HEADER_BYTES
from streams.engine.chunks import Chunk, split

IDLE_WAIT_MS, BUSY_WAIT_MS = 500, 5
LITTLE = 32
"""An answer that brings fewer records than this from each partition costs more by its number than by its records."""
REST, LONGEST_REST_S = 4.0, 0.015
"""After such an answer, the time to gather more before asking again: so many times the work it made."""

LENGTH = struct.Struct(">i")

hot: set[str] = set()
"""Topics that are delivered in chunks."""

_memory_records, _partition_records = stock.MemoryRecords, stock.PartitionRecords


class RawRecords:
    """Keeps the bytes of a partition's answer where aiokafka would parse them."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def has_next(self) -> bool:
        """Say whether a whole batch is there."""
        return len(self.raw) >= 12 and len(self.raw) >= 12 + int(LENGTH.unpack_from(self.raw, 8)[0])

    def size_in_bytes(self) -> int:
        """Return how much there is."""
        return len(self.raw)


class ChunkRecords:
    """An iterator over one chunk, with the one attribute that aiokafka's FetchResult reads."""

    def __init__(self, tp: Any, raw: bytes, aborted: Any, start: int, check: bool, committed_only: bool) -> None:
        self._tp, self._raw, self._aborted = tp, raw, aborted or ()
        self._check, self._committed_only = check, committed_only
        self.next_fetch_offset, self.is_little = start, is_little(raw)

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        raw, self._raw = self._raw, b""
        if not raw:
            raise StopIteration
        chunk = split(
            self._tp.topic, self._tp.partition, raw, self.next_fetch_offset,
            check=self._check, aborted=self._aborted, committed_only=self._committed_only,
        )  # fmt: skip
        self.next_fetch_offset = chunk.next
        return chunk


def partition_records(
    tp: Any, records: RawRecords, aborted: Any, start: int, key_deserializer: Any, value_deserializer: Any,
    check: bool, isolation: Any,
) -> Any:  # fmt: skip
    """Stand in for aiokafka's class: a chunk for our topics, stock records for all others."""
    if tp.topic in hot:
        return ChunkRecords(tp, records.raw, aborted, start, check, isolation == stock.READ_COMMITTED)
    return _partition_records(
        tp, _memory_records(records.raw), aborted, start, key_deserializer, value_deserializer, check, isolation
    )


class Fetcher(stock.Fetcher):  # type: ignore[misc]
    """Rests before it asks a broker again that brought little.

    What a chunk costs is much the same for one record as for a hundred. Without a rest, a worker to which little comes
    but often would turn as fast as it can, with most of a core. The rest follows the work: what comes after a silence
    is handled at once, and in bulk there is none.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked_s: dict[int, float] = {}
        self._brought_little: set[int] = set()

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        now_s = time.thread_time()
        worked_s, self._asked_s[node_id] = now_s - self._asked_s.get(node_id, now_s), now_s
        if node_id in self._brought_little:
            await asyncio.sleep(rest_s(worked_s))
        has_records: bool = await super()._proc_fetch_request(assignment, node_id, request)
        chunks = [getattr(result, "_partition_records", None) for result in self._records.values()]
        little = [chunk.is_little for chunk in chunks if type(chunk) is ChunkRecords]
        if little and all(little):
            self._brought_little.add(node_id)
        else:
            self._brought_little.discard(node_id)
        return has_records


def is_little(raw: bytes) -> bool:
    """Say whether batches hold few records, by their headers: one-record batches have many bytes, packed ones few."""
    at = records = 0
    while at + HEADER_BYTES <= len(raw) and records < LITTLE:
        size, records = LENGTH.unpack_from(raw, at + 8)[0], records + max(1, LENGTH.unpack_from(raw, at + 57)[0])
        at += 12 + max(0, size)
    return records < LITTLE


def rest_s(worked_s: float) -> float:
    """Return how long to rest after so much work (CPU seconds) over an answer that brought little."""
    return min(REST * worked_s, LONGEST_REST_S)


def install() -> None:
    """Put our classes where aiokafka looks for its own."""
    stock.MemoryRecords, stock.PartitionRecords = RawRecords, partition_records
    stock_consumer.Fetcher = Fetcher
