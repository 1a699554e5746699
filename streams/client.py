"""A small Kafka client for everything that is no worker: it publishes, and it reads without a group."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import msgspec
from aiokafka import AIOKafkaProducer

from streams.connection import (
    LARGEST_RECORD_BYTES,
    Headers,
    Say,
    TopicMissing,
    admin,
    connection,
    missing,
    name_of,
    once_there,
    partition_counts,
    partition_of,
    say_in_log,
)
from streams.reader import Message, read
from streams.settings import Process
from topics import Record, Topic, encode

__all__ = [
    "Message",
    "Position",
    "Publisher",
    "TopicMissing",
    "admin",
    "connection",
    "name_of",
    "once_there",
    "partition_counts",
    "partition_of",
    "read",
]


class Position(NamedTuple):
    """Where a record came to stand."""

    partition: int
    offset: int


class Publisher:
    """Publishes records, each in the partition of its key, each once, in order; leaving `async with` flushes."""

    def __init__(self, process: Process, say: Say = say_in_log, patience_s: float | None = None) -> None:
        self._process = process
        self._say, self._patience_s = say, patience_s
        self._producer: AIOKafkaProducer | None = None
        self._counts: dict[str, int] = {}
        self._underway: set[asyncio.Future[Any]] = set()
        self._failed: BaseException | None = None

    async def __aenter__(self) -> Self:
        self._counts = await partition_counts(self._process, self._say, self._patience_s)

        async def start() -> None:
            self._producer = AIOKafkaProducer(
                **connection(self._process),
                enable_idempotence=True,
                max_request_size=LARGEST_RECORD_BYTES,
                linger_ms=2,
                # A broker may be away for a minute; what was handed over waits for it.
                request_timeout_ms=90_000,
            )
            try:
                await self._producer.start()
            except BaseException:
                await self._producer.stop()
                raise

        await once_there(self._process, start, self._say, self._patience_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._producer is not None
        try:
            if kind is None:
                await self.flush()
        finally:
            await self._producer.stop()

    async def publish(
        self,
        topic: Topic | str,
        record: Record | msgspec.Struct | bytes | None,
        key: str | bytes | None = None,
        *,
        partition: int | None = None,
        headers: Headers = (),
    ) -> asyncio.Future[Any]:
        """Hand a record over; it is in the log when the returned future is done, and after `flush` at the latest.

        record         encoded as our topics want it, bytes as they are; None is a tombstone
        key            the record's own where none is given; decides the partition unless one is named
        """
        if self._failed is not None:
            raise self._failed
        assert self._producer is not None, "a Publisher is used with `async with`"
        if key is None and isinstance(record, Record):
            key = record.key()
        key_bytes = key.encode("utf-8", "replace") if isinstance(key, str) else key
        name = name_of(self._process, topic)
        value = encode(record) if isinstance(record, msgspec.Struct) else record
        where = await self._partition(topic, key_bytes) if partition is None else partition
        sent = await self._producer.send(name, value, key=key_bytes, partition=where, headers=list(headers))
        self._underway.add(sent)
        sent.add_done_callback(self._settle)
        return cast("asyncio.Future[Any]", sent)

    async def publish_now(
        self, topic: Topic | str, record: Record | msgspec.Struct | bytes | None, **more: Any
    ) -> Position:
        """Publish and return where the record came to stand, as soon as the broker has it."""
        placed = await (await self.publish(topic, record, **more))
        return Position(placed.partition, placed.offset)

    async def flush(self) -> None:
        """Wait until the broker has everything; raises what went wrong first."""
        while self._underway:
            await asyncio.wait(set(self._underway))
        if self._failed is not None:
            raise self._failed

    async def partitions(self, topic: Topic | str) -> int:
        """Return how many partitions a topic has; raises TopicMissing rather than making one with a wrong number."""
        name = name_of(self._process, topic)
        if name not in self._counts:
            self._counts = await partition_counts(self._process, self._say, self._patience_s)
        if name not in self._counts:
            raise TopicMissing(missing(name, isinstance(topic, Topic)))
        return self._counts[name]

    async def _partition(self, topic: Topic | str, key: bytes | None) -> int | None:
        count = await self.partitions(topic)
        return None if key is None else partition_of(key, count)

    def _settle(self, sent: asyncio.Future[Any]) -> None:
        self._underway.discard(sent)
        if not sent.cancelled() and self._failed is None:
            self._failed = sent.exception()
