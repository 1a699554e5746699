"""The faults of a storm. Each strikes, undoes itself where it must, and returns from when on recovery counts."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from benchmarks.storm.crew import MOST, Crew
from benchmarks.storm.feed import SERVICES, Feed
from benchmarks.storm.nursery import KNOWN, limit_disk
from benchmarks.storm.plan import CHEAP, LONG
from benchmarks.storm.progress import Place, Progress
from streams.admin import put_settings
from streams.broker import Broker
from streams.client import Publisher
from streams.connection import name_of
from streams.reader import read
from streams.settings import Process
from topics import Topic
from topics.catalogue import CONTROLLED
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS
from topics.settings import Settings

READ = tuple(dict.fromkeys(capability.topic for capability in KNOWN))
PATIENCE_S = 90.0
AWAY_S, LONG_AWAY_S = 5.0, 60.0
TAKEOVER_S = 0.8
"""Within about this time after a rebalance has begun, pages are loaded."""

MALFORMED: tuple[bytes | None, ...] = (
    b"", None, b"\xff\xfe\x00", b"{", b"[]", b"null", b'{"series":"bad/x","value":1', b"{" * 100_000,
    b"[" * 50_000 + b"]" * 50_000, b'{"control":"stop"}', b'{"control":"settings","settings":{"late_s":-1}}',
    b'{"series":"bad/x","value":NaN,"at_s":1}', b'{"series":"bad/x","value":1e400,"at_s":1}',
    b'{"client":"1.2.3.4","at_s":1,"path":"/","status":-7}', b'{"client":"\\udc00","at_s":1,"path":"/"}',
)  # fmt: skip


@dataclass
class Scene:
    """What the faults of a piece strike at.

    settings       those put last
    poison         by capability and partition, the offsets at which its fold fails
    """

    process: Process
    broker: Broker
    crew: Crew
    feed: Feed
    publisher: Publisher
    progress: Progress
    settings: Settings
    poison: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    @property
    def session_s(self) -> float:
        """Return how long the group waits for a worker that fell silent."""
        return self.process.worker.session_timeout_s

    async def until_recovered(self) -> None:
        """Wait until all that stands in the logs after two more batches of the feed is folded, said and saved."""
        wanted = self.feed.batches + 2
        async with asyncio.timeout(PATIENCE_S):
            while self.feed.batches < wanted:
                await asyncio.sleep(0.02)
            await self.publisher.flush()
        await self.until_drained()

    async def until_drained(self) -> None:
        """Wait until all that stands in the logs now is folded, said and saved."""
        await self.progress.until_saved(await self.progress.ends(*READ), PATIENCE_S)


Strike = Callable[[Scene, random.Random], Awaitable[float]]


async def kill(scene: Scene, chance: random.Random) -> float:
    """SIGKILL one; another is started at once, or only where too few are left."""
    if chance.random() < 0.5:
        await scene.crew.start()
    since_s = time.monotonic()
    await scene.crew.kill(scene.crew.pick(chance))
    return since_s


async def stop(scene: Scene, chance: random.Random) -> float:
    """SIGTERM, or SIGINT, for one."""
    since_s = time.monotonic()
    await scene.crew.stop(scene.crew.pick(chance), chance.choice((signal.SIGTERM, signal.SIGINT)))
    return since_s


async def join(scene: Scene, chance: random.Random) -> float:
    """One more; where there are enough, another leaves in the same moment."""
    crowded, since_s = len(scene.crew.running) >= MOST, time.monotonic()
    leaving = scene.crew.pick(chance) if crowded else []
    await asyncio.gather(scene.crew.start(), scene.crew.stop(leaving))
    return since_s


async def zombie(scene: Scene, chance: random.Random) -> float:
    """SIGSTOP until others have its partitions, then SIGCONT: what it had in hand, it writes late."""
    victim = chance.choice(scene.crew.running)
    victim.forked.send_signal(signal.SIGSTOP)
    await asyncio.sleep(scene.session_s + chance.uniform(0.2, 2.0))
    since_s = time.monotonic()
    victim.forked.send_signal(signal.SIGCONT)
    return since_s


async def two_kills(scene: Scene, chance: random.Random) -> float:
    """SIGKILL two at once; they may have been all."""
    since_s = time.monotonic()
    await scene.crew.kill(scene.crew.pick(chance, 2))
    return since_s


async def kill_in_recovery(scene: Scene, chance: random.Random) -> float:
    """While partitions change hands, by a join or since one was killed, SIGKILL another."""
    first = scene.crew.pick(chance)
    if chance.random() < 0.5:
        await scene.crew.start()
    else:
        await scene.crew.kill(first)
        await scene.crew.fill()
        await asyncio.sleep(scene.session_s)
    await asyncio.sleep(chance.uniform(0, TAKEOVER_S))
    since_s = time.monotonic()
    await scene.crew.kill(scene.crew.pick(chance))
    return since_s


async def broker_kill(scene: Scene, chance: random.Random) -> float:
    """SIGKILL the broker and start it again; recovery counts from when it answers."""
    await asyncio.to_thread(scene.broker.kill)
    await asyncio.to_thread(scene.broker.start)
    return time.monotonic()


async def broker_away(scene: Scene, chance: random.Random) -> float:
    """Take the broker away for some seconds: stopped, or frozen so that connections stay open and nobody answers."""
    return await _without_broker(scene, chance, AWAY_S)


async def broker_long_away(scene: Scene, chance: random.Random) -> float:
    """Take the broker away for a minute."""
    return await _without_broker(scene, chance, LONG_AWAY_S)


async def _without_broker(scene: Scene, chance: random.Random, seconds: float) -> float:
    if chance.random() < 0.5:
        await asyncio.to_thread(scene.broker.stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(scene.broker.start)
    else:
        scene.broker.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        scene.broker.signal(signal.SIGCONT)
    return time.monotonic()


async def disk_full(scene: Scene, chance: random.Random) -> float:
    """One worker can write no file, from its start or from now on, while partitions change hands."""
    (chosen,), since_s = scene.crew.pick(chance), time.monotonic()
    if chance.random() < 0.5:
        member = await scene.crew.start(full=True)
        await scene.crew.kill([chosen])
    else:
        member = chosen
        limit_disk(member.forked.pid, True)
        await scene.crew.start()
    await scene.until_recovered()
    if member.runs:  # One that has ended by itself is missed when the round is over.
        limit_disk(member.forked.pid, False)
    if len(scene.crew.running) > MOST:
        await scene.crew.stop([member])
    return since_s


async def settings(scene: Scene, chance: random.Random) -> float:
    """Other settings, from some record of every log on."""
    old = scene.settings
    budget, warmup = chance.uniform(10, 1000), chance.randrange(8, 16)
    anomaly = msgspec.structs.replace(old.anomaly, alarms_per_day=budget, warmup=warmup)
    decisions = msgspec.structs.replace(old.decisions, cooldown_s=chance.uniform(1, 4))
    late_s = chance.uniform(100, 300)
    scene.settings = msgspec.structs.replace(old, anomaly=anomaly, decisions=decisions, late_s=late_s)
    before, since_s = await scene.progress.ends(*CONTROLLED), time.monotonic()
    record = await put_settings(scene.process, scene.settings)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(_until_said(scene.process, topic, before, record.version) for topic in CONTROLLED))
    return since_s


async def _until_said(process: Process, topic: Topic, before: Mapping[Place, int], version: str) -> None:
    """Wait until settings stand in every log of a topic."""
    name, told = name_of(process, topic), f'"version":"{version}"'.encode()
    since = {partition: offset for (at, partition), offset in before.items() if at == name}
    missing = set(since)
    async with contextlib.aclosing(read(process, topic, since=since, until=None)) as messages:
        async for message in messages:
            if told in (message.value or b"") and b'"control":"settings"' in (message.value or b""):
                missing.discard(message.partition)
                if not missing:
                    return


async def poison(scene: Scene, chance: random.Random) -> float:
    """Send records on which a fold fails: always, or once in each process."""
    since_s = time.monotonic()
    for _ in range(chance.randrange(1, 4)):
        name = chance.choice(("poison", "poison", "hiccup"))
        reading = Reading(series=f"{chance.choice(SERVICES)}/{name}", value=1.0, at_s=time.time())
        at = await scene.publisher.publish_now(METRICS, reading)
        if name == "poison":
            scene.poison.setdefault(("poisoned", at.partition), []).append(at.offset)
    return since_s


async def malformed(scene: Scene, chance: random.Random) -> float:
    """Bytes that are no records, among those that are."""
    since_s = time.monotonic()
    for _ in range(30):
        key = str(chance.randrange(1000)).encode()
        await scene.publisher.publish(chance.choice((METRICS, REQUESTS)), chance.choice(MALFORMED), key)
    await scene.publisher.flush()
    return since_s


STRIKES: dict[str, Strike] = dict(
    zip(
        (*CHEAP, LONG),
        (
            kill, stop, join, zombie, two_kills, kill_in_recovery, broker_kill, broker_away, disk_full, settings,
            poison, malformed, broker_long_away,
        ),
        strict=True,
    )
)  # fmt: skip
