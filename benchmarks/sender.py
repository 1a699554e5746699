"""Sender: batches that are ready, sent as they are, so that feeding hundreds of thousands of records a second is cheap.

Kafka's own protocol, request Produce in version 7 (kafka.apache.org/protocol), acknowledged by all replicas.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

from benchmarks.logs import Batch

PRODUCE, VERSION, ALL_REPLICAS, TIMEOUT_MS, THROTTLE_BYTES = 0, 7, -1, 60_000, 4
IN_FLIGHT = 16
PARTITION, ANSWER = struct.Struct(">ii"), struct.Struct(">ihqqq")


class Appended(NamedTuple):
    """Where a batch stands in its log: the offset of its first record, and its append time (-1: the producer's)."""

    partition: int
    offset: int
    records: int
    time_ms: int


class Sender:
    """Sends batches to one topic of a broker over one connection; they are appended and answered in that order."""

    def __init__(self, topic: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._topic = topic.encode()
        self._reader, self._writer = reader, writer
        self._sent: deque[list[tuple[Batch, asyncio.Future[Appended]]]] = deque()
        self._listener = asyncio.ensure_future(self._listen())

    def send(self, *batches: Batch) -> list[asyncio.Future[Appended]]:
        """Send batches of different partitions as one request, as producers do; the futures tell where they stand."""
        name = self._topic
        head = struct.pack(
            f">hhihhhiih{len(name)}si", PRODUCE, VERSION, 0, -1, -1, ALL_REPLICAS, TIMEOUT_MS, 1, len(name), name,
            len(batches),
        )  # fmt: skip
        body = b"".join(piece for one in batches for piece in (PARTITION.pack(one.partition, len(one.raw)), one.raw))
        self._writer.write(struct.pack(">i", len(head) + len(body)) + head + body)
        loop = asyncio.get_running_loop()
        told: list[asyncio.Future[Appended]] = [loop.create_future() for _ in batches]
        self._sent.append(list(zip(batches, told, strict=True)))
        return told

    async def send_all(self, batches: Iterable[Batch]) -> None:
        """Send batches as fast as they are taken; return when all are appended."""
        for batch in batches:
            if len(self._sent) >= IN_FLIGHT:
                await self._sent[-IN_FLIGHT][-1][1]
            self.send(batch)
        await self.settled()

    async def settled(self) -> None:
        """Wait until all that was sent is appended."""
        if self._sent:
            await self._sent[-1][-1][1]

    async def _listen(self) -> None:
        try:
            while True:
                (size,) = struct.unpack(">i", await self._reader.readexactly(4))
                answer = await self._reader.readexactly(size)
                # before the partitions' parts: correlation, number of topics, the topic, number of partitions
                parts = ANSWER.iter_unpack(answer[4 + 4 + 2 + len(self._topic) + 4 : -THROTTLE_BYTES])
                told = {part[0]: part for part in parts}
                request = self._sent[0]
                for batch, _ in request:
                    if error := told[batch.partition][1]:
                        raise RuntimeError(f"the broker refused a batch of {batch.records} records with error {error}")
                self._sent.popleft()
                for batch, heard in request:
                    _, _, offset, time_ms, _ = told[batch.partition]
                    heard.set_result(Appended(batch.partition, offset, batch.records, time_ms))
        except (asyncio.IncompleteReadError, RuntimeError) as why:
            for request in self._sent:
                for _, heard in request:
                    heard.set_exception(why)
                    heard.exception()  # Whoever waits hears of it; that nobody waits for most of them is no news.

    def close(self) -> None:
        """Hang up."""
        self._listener.cancel()
        self._writer.close()


@asynccontextmanager
async def sender(address: str, topic: str) -> AsyncIterator[Sender]:
    """Open a sender; the topic must be there, and the broker its only one."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    one = Sender(topic, reader, writer)
    try:
        yield one
    finally:
        one.close()
