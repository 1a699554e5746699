"""One piece of a storm: a broker and topics of its own, a steady feed, a fault a round, and the judge at the end."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from benchmarks.storm.crew import Crew
from benchmarks.storm.deployment import Site
from benchmarks.storm.faults import STRIKES, Scene
from benchmarks.storm.feed import SETTINGS, Feed
from benchmarks.storm.judge import Judge
from benchmarks.storm.nursery import KNOWN, Nursery
from benchmarks.storm.plan import Round
from benchmarks.storm.poisoned import Poisoned
from benchmarks.storm.progress import Progress
from streams.admin import configuration, create_topics
from streams.broker import Broker
from streams.client import Publisher
from streams.connection import admin, name_of
from streams.settings import Process, version_of
from topics.catalogue import ALL
from topics.state import STATE

Say = Callable[[str], None]

# Little may be saved at once, so that pages stand at different positions when a worker is killed.
WORKER = {"session_timeout_s": 2, "save_every_s": 0.4, "save_bytes_per_s": 1 << 18}
BATCH_S = 0.2
"""A batch is some 70 records: little enough that what a storm costs are its faults."""
KEEP = {"segment.ms": "86400000"}
"""Compaction leaves alone what it is still written to."""


@dataclass
class Outcome:
    """What came of a piece.

    recovered      how long each round took to recover (s), with its kind
    counts         what was compared; wrong: all that was not as it must be; grown_mb: by how much a worker grew at most
    """

    seed: int
    recovered: list[tuple[str, float]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    grown_mb: float = 0.0
    workers: int = 0
    rounds_s: float = 0.0
    judged_s: float = 0.0


def run_piece(plan: Sequence[Round], say: Say) -> Outcome:
    """Let the faults of a piece strike, judge, and return what came of it; where anything is wrong, all logs stay."""
    folder = Path(tempfile.mkdtemp(prefix="luminar-storm-"))
    outcome = Outcome(plan[0].seed)
    with Broker(folder / "kafka") as broker:
        site = Site(broker.address, "storm-", folder, settings={**SETTINGS, "worker": WORKER})
        asyncio.run(_weather(plan, site, broker, outcome, say))
    if outcome.wrong:
        say(f"what was logged is kept in {folder}")
    else:
        shutil.rmtree(folder)
    return outcome


async def _weather(plan: Sequence[Round], site: Site, broker: Broker, outcome: Outcome, say: Say) -> None:
    loaded, began_s = site.loaded, time.monotonic()
    await create_topics(loaded.process, loaded.settings)
    await _compact(loaded.process)
    async with Nursery() as nursery:
        crew = Crew(site, nursery)
        try:
            async with _scene(site, broker, crew, plan[0].seed) as scene:
                try:
                    await _rounds(plan, scene, outcome, say)
                    await _calm_down(scene)
                except TimeoutError as why:
                    outcome.wrong.append(str(why))
        finally:
            await crew.close()
    outcome.wrong += crew.wrong + crew.grown()
    outcome.grown_mb, outcome.workers = max(member.grown_mb for member in crew.members), len(crew.members)
    outcome.rounds_s = time.monotonic() - began_s
    await asyncio.to_thread(_judge, site, scene, outcome)
    outcome.judged_s = time.monotonic() - began_s - outcome.rounds_s


async def _compact(process: Process) -> None:
    """Let Kafka compact the state all the time, as it does in the long run, and keep every copy of what is said."""
    resources = []
    for topic in ALL:
        if topic.compact:
            changes = {"segment.ms": "4000", "min.cleanable.dirty.ratio": "0.01"} if topic is STATE else KEEP
            configs = {**configuration(topic), **changes}
            resources.append(ConfigResource(ConfigResourceType.TOPIC, name_of(process, topic), configs))
    async with admin(process) as client:
        await client.alter_configs(resources)


@asynccontextmanager
async def _scene(site: Site, broker: Broker, crew: Crew, seed: int) -> AsyncIterator[Scene]:
    """Let the feed flow and the first workers come."""
    loaded = site.loaded
    async with Publisher(loaded.process) as publisher, Progress(loaded.process) as progress:
        feed = Feed(publisher, seed, BATCH_S)
        feeding = asyncio.create_task(feed.run())
        try:
            yield Scene(loaded.process, broker, crew, feed, publisher, progress, loaded.settings)
        finally:
            feed.stop()
            await feeding


async def _rounds(plan: Sequence[Round], scene: Scene, outcome: Outcome, say: Say) -> None:
    await scene.crew.fill()
    await scene.until_recovered()
    for one in plan:
        here = f"round {one.number} of seed {one.seed}, {one.kind}"
        try:
            since_s = await STRIKES[one.kind](scene, one.chance())
            await scene.crew.fill()
            await scene.until_recovered()
        except TimeoutError as why:
            words = "\n".join(f"--- {member.name}:\n{member.last_words()}" for member in scene.crew.running)
            raise TimeoutError(f"{here}: {why}\n{words}") from why
        took_s, before = time.monotonic() - since_s, len(scene.crew.wrong)
        outcome.recovered.append((one.kind, took_s))
        scene.crew.look()
        scene.crew.wrong[before:] = [f"{here}: {text}" for text in scene.crew.wrong[before:]]
        say(f"{here}: recovered in {took_s:.1f} s, {len(scene.crew.running)} at work")


async def _calm_down(scene: Scene) -> None:
    """Stop the feed, wait until all that stands in the logs is folded, said and saved, and let all workers go."""
    scene.feed.stop()
    await scene.until_drained()
    await scene.crew.stop(scene.crew.running)


def _judge(site: Site, scene: Scene, outcome: Outcome) -> None:
    Poisoned.hiccups[:] = ["had in the workers"]
    judge = Judge(site, KNOWN, poison=scene.poison)
    verdict = judge.look()
    outcome.counts, outcome.wrong = verdict.counts, outcome.wrong + verdict.wrong
    version = version_of(scene.settings)
    outcome.wrong += [
        f"{name}/{partition} has not the settings that were put last, {version}, but {shard.version}"
        for (name, partition), shard in judge.rows.items()
        if shard.version != version
    ]
