"""Peers answer records as they come: how long that takes, and how long after a crash it goes on.

Both times are the broker's: from the append of a record to the append of its answer, and from the kill to the moment
when every partition is answered again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.harness import PARTITIONS, Result, cpu_of
from benchmarks.peers.roster import Peer
from benchmarks.peers.runs import TOPICS, Application, Member, PeerFailed, application, broker
from benchmarks.workloads import ANSWERS, SAMPLES
from streams.connection import partition_of

SERIES = 1000
TICK_S = 0.005
WARM_S, TIMED_S = 10.0, 10.0
STARTED, START_S = 1000, 300.0
"""A system has started once it has given so many answers; it may take so long."""
CALM_PER_S, TAKEOVER_S = 500, 180.0
SETTLE_S, CAUGHT_UP_S = 20.0, 60.0
"""How long after the last record its answer is waited for; what was not answered after a kill may be much."""
SATURATED_MS = 500.0
"""Above this median a system does not keep up: its answers come later and later."""


class Given(msgspec.Struct, gc=False):
    """An answer; every record has a `ts` of its own."""

    ts: int
    value: float


class Feed:
    """Records are sent, each by itself; their answers are noted, with the times of both appends in ms.

    appended       by number
    answers        by number: when each of its answers was appended
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self.producer, self.topic = producer, topic
        self.sent = 0
        self.appended: dict[int, int] = {}
        self.answers: dict[int, list[int]] = {}
        self.wrong = 0

    async def send(self, per_s: int, until: Callable[[], bool], limit_s: float) -> bool:
        """Send at a rate until something is so; say whether it came to that in time."""
        began_s, before = time.perf_counter(), self.sent
        while not until():
            elapsed_s = time.perf_counter() - began_s
            if elapsed_s > limit_s:
                return False
            for _ in range(before + int(elapsed_s * per_s) - self.sent):
                await self._send_one()
            await asyncio.sleep(TICK_S)
        return True

    async def _send_one(self) -> None:
        number = self.sent
        self.sent += 1
        value = b'{"id":"s%d","ts":%d,"value":%d.5}' % (number % SERIES, number, number)
        told = await self.producer.send(self.topic, value, key=b"s%d" % (number % SERIES))
        told.add_done_callback(lambda done: self.appended.__setitem__(number, done.result().timestamp))

    async def follow(self, consumer: AIOKafkaConsumer) -> None:
        """Note answers as they come, in few large fetches."""
        decode = msgspec.json.Decoder(Given).decode
        while True:
            for messages in (await consumer.getmany(timeout_ms=1000)).values():
                for message in messages:
                    given = decode(message.value)
                    self.answers.setdefault(given.ts, []).append(message.timestamp)
                    self.wrong += given.value != 2 * given.ts + 1

    async def settle(self, limit_s: float) -> None:
        """Wait for the last answers."""
        deadline_s = time.perf_counter() + limit_s
        while len(self.answers) < self.sent and time.perf_counter() < deadline_s:
            await asyncio.sleep(0.1)

    def faults(self) -> Result:
        """Return how many records have no answer, and how many answers are wrong or were given again."""
        missing = self.sent - len(self.answers)
        doubled = sum(len(times) - 1 for times in self.answers.values())
        return {
            "records": self.sent, "missing": missing, "wrong": self.wrong, "doubled": doubled,
            "correct": not missing and not self.wrong,
        }  # fmt: skip


@asynccontextmanager
async def feed_of(one: Application) -> AsyncIterator[Feed]:
    """Give a feed; both its clients are closed at the end."""
    address = one.site.address
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=0, acks=1)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, auto_offset_reset="earliest", fetch_min_bytes=1 << 20, fetch_max_wait_ms=200
    )
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(one.topic(ANSWERS.name), number) for number in range(PARTITIONS)])
    feed = Feed(producer, one.topic(SAMPLES.name))
    following = asyncio.create_task(feed.follow(consumer))
    try:
        yield feed
        if following.done():
            following.result()
    finally:
        following.cancel()
        await producer.stop()
        await consumer.stop()


def latency(peer: Peer, rate: int) -> Result:
    """Time a peer's answers at a steady rate, once it is warm."""
    with broker() as address, application(peer, address) as one:
        asyncio.run(one.site.create(TOPICS))
        with one.running("map") as member:
            return asyncio.run(_timed(one, rate, member))


async def _timed(one: Application, rate: int, member: Member) -> Result:
    async with feed_of(one) as feed:
        await _started(feed, member)
        await feed.send(rate, lambda: False, WARM_S)
        first, cpu_s, began_s = feed.sent, cpu_of(member.process.pid), time.perf_counter()
        await feed.send(rate, lambda: False, TIMED_S)
        share = (cpu_of(member.process.pid) - cpu_s) / (time.perf_counter() - began_s)
        await feed.settle(SETTLE_S)
        # A record without an answer has waited until now at least.
        now_ms = int(time.time() * 1000)
        waits = [feed.answers.get(n, [now_ms])[0] - feed.appended[n] for n in range(first, feed.sent)]
    quantiles = dict(zip(("p50_ms", "p95_ms", "p99_ms"), np.percentile(waits, [50, 95, 99]).tolist(), strict=True))
    return {
        "benchmark": "latency", "system": one.peer.name, "rate_per_s": rate, "repetitions": 1,
        "outputs": len(feed.answers), **quantiles, "core_share": round(share, 3),
        "keeps_up": quantiles["p50_ms"] < SATURATED_MS, **feed.faults(),
    }  # fmt: skip


def takeover(peer: Peer, session_ms: int | None) -> Result:
    """Kill a peer that answers, start it again at once, and time how long partitions stay unanswered."""
    with broker() as address, application(peer, address, session_ms) as one:
        asyncio.run(one.site.create(TOPICS))
        return asyncio.run(_taken_over(one))


async def _taken_over(one: Application) -> Result:
    async with feed_of(one) as feed:
        with one.running("map") as member:
            await _started(feed, member)
            member.kill()
        killed_ms, last = time.time() * 1000, feed.sent
        with one.running("map") as member:
            again: dict[int, int] = {}

            def answered() -> bool:
                again.update(_first_answers(feed, last))
                return len(again) == PARTITIONS

            if not await feed.send(CALM_PER_S, answered, TAKEOVER_S):
                raise PeerFailed(f"{len(again)} partitions answered in {TAKEOVER_S:g} s:\n{member.last_words()}")
            await feed.send(CALM_PER_S, lambda: False, 1.0)
            await feed.settle(CAUGHT_UP_S)
    return {
        "benchmark": "takeover", "system": one.peer.name, "repetitions": 1,
        "session_s": "default" if one.session_ms is None else one.session_ms / 1000,
        "takeover_s": round((max(again.values()) - killed_ms) / 1000, 2), **feed.faults(),
    }  # fmt: skip


def _first_answers(feed: Feed, last: int) -> dict[int, int]:
    """Return, for each partition, when the first record after the last before the kill was answered."""
    found: dict[int, int] = {}
    for number in range(last, feed.sent):
        if number in feed.answers:
            found.setdefault(partition_of(b"s%d" % (number % SERIES), PARTITIONS), feed.answers[number][0])
    return found


async def _started(feed: Feed, member: Member) -> None:
    if not await feed.send(CALM_PER_S, lambda: len(feed.answers) >= STARTED, START_S):
        raise PeerFailed(f"{len(feed.answers)} answers in {START_S:g} s:\n{member.last_words()}")
