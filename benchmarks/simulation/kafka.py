"""Kafka as plain objects: logs, what is on its way to them, and what a worker's producer and consumer see of it."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from faust.types import TP

from streams.engine.chunks import Chunk, chunk_of


class Entry(NamedTuple):
    """One record of a log."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Log:
    """One partition. Offsets may have holes, as compaction and transactions leave them."""

    def __init__(self, topic: str, partition: int, first: int = 0) -> None:
        self.topic, self.partition, self.first, self.next = topic, partition, first, first
        self.entries: list[Entry] = []
        self.offsets: list[int] = []
        self.times_ms: list[int] = []
        self.table: dict[bytes, bytes] = {}

    def append(self, entry: Entry, time_ms: int) -> None:
        """Append a record."""
        self.entries.append(entry)
        self.offsets.append(self.next)
        self.times_ms.append(time_ms)
        self.next += 1
        if entry.key is not None and entry.value is not None:
            self.table[entry.key] = entry.value

    def chunk(self, start: int, most: int, only: Sequence[int] | None = None) -> Chunk:
        """Return at most so many records from an offset on, as a chunk; only: of these places in the log."""
        low = bisect_left(self.offsets, start)
        places = range(low, min(low + most, len(self.entries))) if only is None else only
        items = [(self.entries[i].key, self.entries[i].value, self.times_ms[i]) for i in places]
        chunk = chunk_of(self.topic, self.partition, start, items)
        chunk.offset = np.array([self.offsets[i] for i in places], np.int64)
        ends = only is not None or not places or places[-1] + 1 == len(self.entries)
        chunk.next = self.next if ends else self.offsets[places[-1]] + 1
        return chunk


class Batch:
    """A record batch with room for few records, so that much is torn between two."""

    def __init__(self, room: int) -> None:
        self.room, self.entries = room, list[Entry]()

    def append(self, *, timestamp: Any, key: bytes | None, value: bytes | None, headers: Any) -> object | None:
        """Take a record, or return None where there is no room."""
        if len(self.entries) >= self.room:
            return None
        self.entries.append(Entry(key, value, tuple(headers)))
        return self

    def close(self) -> None:
        """Take no more."""
        self.room = 0


class Sending:
    """A batch on its way: it arrives, once, and later its sender hears of that, or never."""

    def __init__(self, sender: Any, to: TP, entries: list[Entry], heard: asyncio.Future[None]) -> None:
        self.sender, self.to, self.entries, self.heard = sender, to, entries, heard
        self.has_arrived = False


class Producer:
    """What the outbox sees of Kafka: batches of one partition arrive in their order."""

    def __init__(self, sender: Any, lanes: dict[tuple[int, TP], deque[Sending]], rooms: Sequence[int]) -> None:
        self._sender, self._lanes, self._rooms, self._batches = sender, lanes, rooms, 0

    def create_batch(self) -> Batch:
        """Begin a batch."""
        self._batches += 1
        return Batch(self._rooms[self._batches % len(self._rooms)])

    async def send_batch(self, batch: Batch, topic: str, partition: int) -> asyncio.Future[None]:
        """Send a batch; what is returned is done when it is acknowledged."""
        to, heard = TP(topic, partition), asyncio.get_running_loop().create_future()
        self._lanes.setdefault((self._sender.number, to), deque()).append(
            Sending(self._sender, to, batch.entries, heard)
        )
        return heard


class Consumer:
    """What the host sees of Kafka: where it reads, what it may commit, and how far the last fetch saw."""

    def __init__(self, logs: dict[TP, Log]) -> None:
        self._logs = logs
        self.positions: dict[TP, int] = {}
        self.committable: dict[TP, int] = {}
        self.stable: dict[TP, int] = {}
        self.rewinds = 0

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        """Return where the logs begin, some time later."""
        await asyncio.sleep(0)
        return {tp: self._logs[tp].first for tp in tps}

    async def rewind(self, tp: TP, offset: int) -> None:
        """Read on from an offset."""
        await asyncio.sleep(0)
        self.rewinds += 1
        if tp in self.positions:
            self.positions[tp] = offset

    def is_caught_up(self, tp: TP, following: int) -> bool:
        """Say whether the last fetch saw nothing beyond."""
        stable = self.stable.get(tp)
        return stable is not None and following >= stable
