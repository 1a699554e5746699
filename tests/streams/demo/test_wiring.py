"""What the shop says reaches the publisher in its order."""

import asyncio
from typing import cast

from streams.client import Publisher
from streams.demo.wiring import Outbox
from topics import Record, Topic
from topics.metrics import METRICS, Reading


class Remembering:
    """A publisher that remembers, and is slow: every record takes a turn of the loop."""

    def __init__(self) -> None:
        self.had: list[tuple[Topic | str, Record | bytes, str]] = []
        self.flushed_after = -1

    async def publish(self, topic: Topic | str, record: Record | bytes, key: str) -> None:
        await asyncio.sleep(0)
        self.had.append((topic, record, key))

    async def flush(self) -> None:
        self.flushed_after = len(self.had)


async def test_records_are_published_in_their_order_and_delivered_when_the_broker_has_all() -> None:
    outbox, remembering = Outbox(), Remembering()
    publisher = cast("Publisher", remembering)
    reading = Reading(series="shop/replicas", value=2.0, at_s=1.0)
    for number in range(5):
        outbox.put("shop-access", "127.0.1.1", b"%d" % number)
    outbox.put(METRICS, "shop", reading)
    emptying = asyncio.create_task(outbox.empty(publisher))
    await outbox.delivered(publisher)
    emptying.cancel()
    assert remembering.had == [
        *(("shop-access", b"%d" % number, "127.0.1.1") for number in range(5)),
        (METRICS, reading, "shop"),
    ]
    assert remembering.flushed_after == 6
