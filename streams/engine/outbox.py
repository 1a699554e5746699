"""Outbox: records on their way to Kafka, as batches, in order, one batch a partition at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

Headers = Sequence[tuple[str, bytes]]


Item = tuple[bytes | None, bytes | None, Headers]
"""One record to publish: its key, its value, its headers."""


class Lane:
    """What goes to one partition. `put` counts what was ever put, `acknowledged` what Kafka has acknowledged of it."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic, self.partition = topic, partition
        self.waiting: deque[Item] = deque()
        self.put = self.acknowledged = 0
        self.sender: asyncio.Task[None] | None = None


class Outbox:
    """Takes records without waiting; sends each partition's in the order they were put.

    producer       returns the running aiokafka producer of a topic (idempotent, so that a retry keeps the order)
    failed         is told why a batch could not be delivered: the worker must stop, its pages stand before the loss
    room_bytes     how much may wait before `has_room` makes callers wait
    """

    def __init__(
        self, producer: Callable[[str], Any], failed: Callable[[BaseException], Any], room_bytes: int = 32 << 20
    ) -> None:
        self._producer, self._failed, self._room_bytes = producer, failed, room_bytes
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._waiting_bytes = 0
        self._progress = asyncio.Condition()
        self._broken = False
        self.sent_records = self.sent_batches = 0

    def put(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        """Take one record."""
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = Lane(topic, partition)
        lane.waiting.append((key, value, headers))
        lane.put += 1
        self._waiting_bytes += len(value or b"") + 100
        if not self._broken and (lane.sender is None or lane.sender.done()):
            lane.sender = asyncio.ensure_future(self._send(lane))

    async def _send(self, lane: Lane) -> None:
        try:
            while lane.waiting and not self._broken:
                producer = self._producer(lane.topic)
                batch, count, size = producer.create_batch(), 0, 0
                while lane.waiting:
                    key, value, headers = lane.waiting[0]
                    if batch.append(timestamp=None, key=key, value=value, headers=list(headers)) is None:
                        break
                    lane.waiting.popleft()
                    count, size = count + 1, size + len(value or b"") + 100
                assert count, f"a record of {len(lane.waiting[0][1] or b'')} bytes fits no batch"
                batch.close()
                await (await producer.send_batch(batch, lane.topic, partition=lane.partition))
                self.sent_records, self.sent_batches = self.sent_records + count, self.sent_batches + 1
                lane.acknowledged += count
                self._waiting_bytes -= size
                async with self._progress:
                    self._progress.notify_all()
        except asyncio.CancelledError:
            raise
        except Exception as why:  # noqa: BLE001 - whatever it is, the worker must hear of it
            # What follows a loss must not overtake it: readers would take the lost for what they have had.
            if not self._broken:
                self._broken = True
                self._failed(why)

    def ticket(self) -> list[tuple[Lane, int]]:
        """Return what must be acknowledged for all that was put so far to be."""
        return [(lane, lane.put) for lane in self._lanes.values() if lane.acknowledged < lane.put]

    async def settled(self, ticket: list[tuple[Lane, int]]) -> None:
        """Wait until all that a ticket stands for is acknowledged."""
        async with self._progress:
            await self._progress.wait_for(lambda: all(lane.acknowledged >= put for lane, put in ticket))

    @property
    def waiting_bytes(self) -> int:
        """Return how much is on its way."""
        return self._waiting_bytes

    async def has_room(self) -> None:
        """Wait until there is room."""
        if self._waiting_bytes > self._room_bytes:
            async with self._progress:
                await self._progress.wait_for(lambda: self._waiting_bytes <= self._room_bytes)

    def close(self) -> None:
        """Stop sending; what was not sent is said again by whoever takes the partition."""
        for lane in self._lanes.values():
            if lane.sender is not None:
                lane.sender.cancel()
