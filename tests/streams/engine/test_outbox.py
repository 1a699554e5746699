"""Words leave in order, one batch a partition at a time; a ticket is settled when all before it are acknowledged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.engine.outbox import Outbox
from tests.streams.engine.fragile import LosingProducer

ROOM_BYTES = 300


class FakeBatch:
    """A record batch of limited size; its first record always fits."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.size = 0

    def append(self, *, timestamp: Any, key: bytes | None, value: bytes | None, headers: Any) -> Any:
        """Take a record, or return None where it does not fit."""
        size = len(value or b"")
        if self.values and self.size + size > ROOM_BYTES:
            return None
        self.values.append(value)
        self.size += size
        return object()

    def close(self) -> None:
        """Take no more."""


class FakeProducer:
    """A producer whose broker acknowledges when the test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, list[bytes | None]]] = []
        self.acks: list[asyncio.Future[None]] = []

    def create_batch(self) -> FakeBatch:
        """Return an empty batch."""
        return FakeBatch()

    async def send_batch(self, batch: FakeBatch, topic: str, *, partition: int) -> asyncio.Future[None]:
        """Take a batch; what is returned is done when it is acknowledged."""
        self.sent.append((topic, partition, batch.values))
        self.acks.append(asyncio.get_running_loop().create_future())
        return self.acks[-1]

    async def acknowledge(self, n: int = 1) -> None:
        """Acknowledge the next batches, and let their senders go on."""
        for _ in range(n):
            next(ack for ack in self.acks if not ack.done()).set_result(None)
            await turns()

    async def acknowledge_all(self) -> None:
        """Acknowledge whatever is sent, until nothing is."""
        while any(not ack.done() for ack in self.acks):
            await self.acknowledge()


async def turns() -> None:
    """Let everybody have his turn."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def producer() -> FakeProducer:
    return FakeProducer()


def outbox_of(producer: FakeProducer, failed: list[BaseException] | None = None, **more: Any) -> Outbox:
    return Outbox(lambda _: producer, (failed if failed is not None else []).append, **more)


async def test_a_partition_s_words_leave_in_order_one_batch_at_a_time(producer: FakeProducer) -> None:
    outbox = outbox_of(producer)
    for i in range(7):
        outbox.put("t", 0, None, b"%d" % i * 100)
    await turns()
    assert [[v[:1] for v in values if v] for _, _, values in producer.sent] == [[b"0", b"1", b"2"]]
    await producer.acknowledge()
    assert [len(values) for *_, values in producer.sent] == [3, 3]
    await producer.acknowledge(2)
    assert [v[:1] for _, _, values in producer.sent for v in values if v] == [b"%d" % i for i in range(7)]
    assert (outbox.sent_records, outbox.sent_batches, outbox.waiting_bytes) == (7, 3, 0)


async def test_partitions_do_not_wait_for_each_other(producer: FakeProducer) -> None:
    outbox = outbox_of(producer)
    for partition in range(3):
        outbox.put("t", partition, None, b"x")
    await turns()
    assert [partition for _, partition, _ in producer.sent] == [0, 1, 2]


async def test_a_ticket_is_settled_by_what_was_put_before_it_and_not_sooner(producer: FakeProducer) -> None:
    outbox = outbox_of(producer)
    outbox.put("t", 0, None, b"before")
    outbox.put("t", 1, None, b"before")
    settled = asyncio.ensure_future(outbox.settled(outbox.ticket()))
    await turns()
    outbox.put("t", 0, None, b"after")
    await producer.acknowledge()
    assert not settled.done()
    await producer.acknowledge()
    assert settled.done()
    assert [values for *_, values in producer.sent] == [[b"before"], [b"before"], [b"after"]]


async def test_nothing_put_is_settled_at_once(producer: FakeProducer) -> None:
    outbox = outbox_of(producer)
    await outbox.settled(outbox.ticket())


async def test_a_record_longer_than_a_batch_goes_alone(producer: FakeProducer) -> None:
    outbox = outbox_of(producer)
    outbox.put("t", 0, None, b"x" * 1000)
    outbox.put("t", 0, None, b"y")
    await turns()
    assert [len(values) for *_, values in producer.sent] == [1]


async def test_who_says_too_much_waits_for_room(producer: FakeProducer) -> None:
    outbox = outbox_of(producer, room_bytes=250)
    outbox.put("t", 0, None, b"x" * 100)
    await outbox.has_room()
    outbox.put("t", 0, None, b"x" * 100)
    waiting = asyncio.ensure_future(outbox.has_room())
    await turns()
    assert not waiting.done()
    await producer.acknowledge()
    assert waiting.done()


async def test_what_cannot_be_delivered_is_told_and_never_settled(producer: FakeProducer) -> None:
    failed: list[BaseException] = []
    outbox = outbox_of(producer, failed)
    outbox.put("t", 0, None, b"x")
    ticket = outbox.ticket()
    await turns()
    producer.acks[0].set_exception(ConnectionError("gone"))
    await turns()
    assert [str(why) for why in failed] == ["gone"]
    settled = asyncio.ensure_future(outbox.settled(ticket))
    await turns()
    assert not settled.done()
    settled.cancel()


def test_nothing_overtakes_what_was_lost() -> None:
    """A reader that had the later would drop the lost as had before when it is said again."""

    async def go() -> None:
        producer = LosingProducer(b"2")
        failures: list[BaseException] = []
        outbox = Outbox(lambda _: producer, failures.append)
        for value in (b"1", b"2", b"3"):
            outbox.put("signals", 0, None, value)
            for _ in range(10):
                await asyncio.sleep(0)
        assert producer.log == [b"1"]
        assert [str(why) for why in failures] == ["lost"]

    asyncio.run(go())
