"""Workers of one version are replaced by those of another, under load: nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.storm.judge import Judge
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, WorkerProcess, until
from tests.streams.engine.versions import versioned
from topics.metrics import METRICS, Reading

SERVICES = 40
# Pages are to stand at different positions when a worker leaves.
WORKER: dict[str, Any] = {"session_timeout_s": 3, "save_every_s": 0.3, "save_bytes_per_s": 1 << 16}


@asynccontextmanager
async def load(site: Site) -> AsyncIterator[None]:
    """Send readings of many services, some hundred a second, while it lasts."""
    ending = asyncio.Event()

    async def feed() -> None:
        async with Publisher(site.loaded.process) as publisher:
            n = 0
            while not ending.is_set():
                for _ in range(25):
                    reading = Reading(series=f"s{n % SERVICES}/load", value=float(n % 13), at_s=time.time())
                    await publisher.publish(METRICS, reading)
                    n += 1
                await asyncio.sleep(0.05)

    feeding = asyncio.create_task(feed())
    try:
        yield
    finally:
        ending.set()
        await feeding


def start(site: Site, version: int, name: str) -> WorkerProcess:
    """Start a worker of a version."""
    return site.start(name, ("-m", "tests.kafka.versions", str(version)))


def positions(worker: WorkerProcess, site: Site) -> dict[int, float]:
    """Return the offset that each shard of a worker folds next."""
    return {p: worker.meter("luminar_position", partition=str(p)) for p in range(site.partitions)}


async def ready(worker: WorkerProcess, times: int = 1) -> None:
    """Wait until a worker has found its positions so many times."""
    await asyncio.to_thread(worker.until_said, r"(?s)" + r"ready: \d+ partitions.*" * times)


async def folded(site: Site) -> None:
    """Wait until all that stands in the log now is folded and saved."""
    await asyncio.to_thread(site.until_folded, METRICS)


def judged(site: Site, version: int) -> Any:
    """Hold state and words to a sequential fold by one version; return what was compared."""
    counts = Judge(site, (versioned(version),)).judge()
    assert counts["rows"] == SERVICES
    assert counts["versioned -> metrics"] > SERVICES
    return counts


async def replace_one_by_one(site: Site) -> list[WorkerProcess]:
    """Two of version 1 work; each in turn is stopped and replaced by one of version 2."""
    old = [start(site, 1, "old0"), start(site, 1, "old1")]
    async with load(site):
        for worker in old:
            await ready(worker)
        await asyncio.sleep(3)
        new = []
        for n, worker in enumerate(old):
            assert await asyncio.to_thread(worker.stop) == 0
            new.append(start(site, 2, f"new{n}"))
            await ready(new[-1])
            await asyncio.sleep(3)
    await folded(site)
    return new


def test_a_rolling_upgrade_under_load_loses_nothing(make_site: MakeSite) -> None:
    site = make_site(settings={"worker": WORKER}).make_topics()
    new = asyncio.run(replace_one_by_one(site))
    told = "".join(worker.said() for worker in new)
    assert "are migrated: from version 1 by split_count" in told
    assert "learned again" not in told
    assert sum(worker.meter("luminar_loaded_pages_total", fate="migrated") for worker in new) > 0
    for worker in new:
        assert worker.stop() == 0
    assert judged(site, 2)["repeated words"] >= 0


async def fall_back_on_an_old_one(site: Site) -> tuple[WorkerProcess, str]:
    """A worker of version 2 dies while one of version 1 is left, which gets its partitions; then version 2 comes."""
    old = start(site, 1, "old")
    async with load(site):
        await ready(old)
        new = start(site, 2, "new")
        await ready(new)
        await asyncio.sleep(3)
        new.kill()
        _, text = await asyncio.to_thread(
            until, lambda: (answer := old.ask("/ready"))[0] == 503 and "newer" in answer[1] and answer, "it waits"
        )
        waiting = {p for p in range(site.partitions) if f"versioned/{p} waits" in text}
        before = await asyncio.to_thread(
            until, lambda: all((at := positions(old, site)).values()) and at, "it measures"
        )

        def moved() -> set[int]:
            return {p for p, position in positions(old, site).items() if position > before[p]}

        await asyncio.to_thread(until, lambda: len(moved()) == site.partitions - len(waiting) > 0, "others go on")
        assert not moved() & waiting
        last = start(site, 2, "last")
        await ready(last)
        assert await asyncio.to_thread(old.stop) == 0
        await ready(last, 2)
    await folded(site)
    return last, text


def test_pages_of_a_newer_version_wait_for_a_newer_worker_and_all_others_go_on(make_site: MakeSite) -> None:
    site = make_site(settings={"worker": WORKER}).make_topics()
    last, text = asyncio.run(fall_back_on_an_old_one(site))
    assert "waits for a worker of a newer version: pages of version 2, this is version 1" in text
    assert last.stop() == 0
    judged(site, 2)


async def one_after_the_other(site: Site, versions: list[int]) -> str:
    """Let workers of these versions work one after the other; return what they said."""
    told = ""
    for n, version in enumerate(versions):
        worker = start(site, version, f"v{version}")
        await ready(worker)
        async with load(site):
            await asyncio.sleep(2)
        if n + 1 == len(versions):
            await folded(site)
        assert await asyncio.to_thread(worker.stop) == 0
        told += worker.said()
    return told


def test_without_a_migration_pages_are_learned_again_and_nothing_is_said_again(make_site: MakeSite) -> None:
    site = make_site(settings={"worker": WORKER}).make_topics()
    told = asyncio.run(one_after_the_other(site, [2, 3]))
    assert "are dropped and learned again from the log: of version 2, this is version 3" in told
    assert judged(site, 3)["repeated words"] == 0, "both left in peace, and the second learned in silence"


def test_who_goes_back_to_an_older_version_may_have_it_learn_again(make_site: MakeSite) -> None:
    site = make_site(settings={"worker": {**WORKER, "relearn": True}}).make_topics()
    told = asyncio.run(one_after_the_other(site, [2, 1]))
    assert "are dropped and learned again from the log: of version 2, this is version 1" in told
    assert judged(site, 1)["repeated words"] == 0
