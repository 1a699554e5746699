"""What connects the shop with Kafka: its records go out, commands and blocks come in."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from streams.client import Publisher, read
from streams.demo.shop import Shop
from streams.settings import Process
from topics import Record, Topic
from topics.blocklist import BLOCKLIST
from topics.commands import COMMANDS

WAITING_MOST = 20_000


class Parcel(NamedTuple):
    """One record on its way to Kafka."""

    topic: Topic | str
    key: str
    record: Record | bytes


class Outbox:
    """What the shop and this machine say, in order, without their waiting for Kafka.

    What does not fit any more, when Kafka is away for long, stops the demo: `asyncio.QueueFull`.
    """

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Parcel] = asyncio.Queue(WAITING_MOST)

    def put(self, topic: Topic | str, key: str, record: Record | bytes) -> None:
        """Take a record that is to be published."""
        self._waiting.put_nowait(Parcel(topic, key, record))

    async def empty(self, publisher: Publisher) -> None:
        """Publish until cancelled."""
        while True:
            parcel = await self._waiting.get()
            await publisher.publish(parcel.topic, parcel.record, key=parcel.key)
            self._waiting.task_done()

    async def delivered(self, publisher: Publisher) -> None:
        """Wait until the broker has everything."""
        await self._waiting.join()
        await publisher.flush()


async def follow_commands(process: Process, shop: Shop) -> None:
    """Let the shop obey what is decided, until cancelled; what was decided before it opened is expired or repeated."""
    decoder = COMMANDS.decoder()
    async for message in read(process, COMMANDS, until=None):
        if message.value is not None:
            shop.obey(decoder.decode(message.value), time.time())


async def follow_blocklist(process: Process, shop: Shop) -> None:
    """Let the shop's doors follow the blocklist, from its beginning, until cancelled."""
    decoder = BLOCKLIST.decoder()
    async for message in read(process, BLOCKLIST, until=None):
        if message.key is not None:
            block = None if message.value is None else decoder.decode(message.value)
            shop.doors.follow(message.key.decode(), block)


async def measure_shop(shop: Shop, every_s: float = 1.0) -> None:
    """Let the shop say how it is, until cancelled."""
    while True:
        await asyncio.sleep(every_s)
        shop.measure(time.time(), every_s)
