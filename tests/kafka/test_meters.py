"""What operators watch moves when what it stands for happens."""

from __future__ import annotations

import asyncio
import re

from benchmarks.storm.feed import SETTINGS, Feed
from streams.bus import capabilities
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, WorkerProcess, until
from topics.metrics import METRICS
from topics.requests import REQUESTS

# So little is saved at once that pages stand at different positions.
WORKER = {"session_timeout_s": 3, "save_every_s": 0.3, "save_bytes_per_s": 1 << 16}


async def killed_under_load(site: Site) -> tuple[WorkerProcess, dict[str, float]]:
    """Feed a worker until all of its meters have moved, kill it, and start another; return that, and what was seen."""
    first, seen = site.start("first"), {}
    await asyncio.to_thread(first.until_ready)
    async with Publisher(site.loaded.process) as publisher:
        feed = Feed(publisher, 3)
        feeding = asyncio.create_task(feed.run())
        for name in ("luminar_saved_bytes_total", "luminar_page_age_seconds", "luminar_dead_letters_total"):
            seen[name] = await asyncio.to_thread(until, lambda name=name: first.meter(name), f"{name} moves")  # type: ignore[misc]
        seen["process_start_time_seconds"] = first.meter("process_start_time_seconds")
        await asyncio.sleep(3)
        first.kill()
        second = site.start("second")
        await asyncio.to_thread(second.until_ready)
        feed.stop()
        await feeding
    await asyncio.to_thread(site.until_folded, METRICS, REQUESTS)
    return second, seen


async def say_again(site: Site, value: bytes, key: bytes | None) -> None:
    """Publish a record once more."""
    async with Publisher(site.loaded.process) as publisher:
        await publisher.publish(METRICS, value, key=key)


def until_each_is_saved(worker: WorkerProcess, partitions: int) -> None:
    """Wait until each shard of the worker was seen with nothing unsaved, at one time or another.

    Not all at once: what is weighed and said anew every second makes pages dirty again, here these, there those.
    """
    unsaved = {(capability.name, str(number)) for capability in capabilities() for number in range(partitions)}

    def look() -> bool:
        text = worker.ask("/metrics")[1]
        ages = re.findall(r'luminar_page_age_seconds\{capability="(.*)",partition="(.*)"\} (\S+)', text)
        unsaved.difference_update((name, number) for name, number, age_s in ages if float(age_s) == 0)
        return not unsaved

    until(look, f"each shard is saved where nothing new comes: {unsaved}")


def test_what_a_takeover_does_and_what_is_dropped_as_had_is_counted(make_site: MakeSite) -> None:
    site = make_site(settings={**SETTINGS, "worker": WORKER}).make_topics()
    worker, seen = asyncio.run(killed_under_load(site))
    assert worker.meter("process_start_time_seconds") > seen["process_start_time_seconds"]
    assert worker.meter("process_resident_memory_bytes") > 0
    assert worker.meter("luminar_rebalances_total") >= 1
    assert worker.meter("luminar_loads_total", why="assigned") >= 7 * site.partitions
    assert worker.meter("luminar_loads_total", why="fault") == 0
    assert worker.meter("luminar_loaded_pages_total", fate="kept") > site.partitions
    assert worker.meter("luminar_loaded_pages_total") == worker.meter("luminar_loaded_pages_total", fate="kept")
    assert worker.meter("luminar_replayed_records_total") > 0, "pages stood at different positions"
    assert worker.meter("luminar_replayed_records_total") < worker.meter("luminar_records_total")

    before = worker.meter("luminar_duplicate_records", capability="anomaly")
    word = next(m for log in site.records(METRICS) for m in log if b'"capability":"traffic"' in (m.value or b""))
    assert word.value is not None
    asyncio.run(say_again(site, word.value, word.key))
    until(lambda: worker.meter("luminar_duplicate_records", capability="anomaly") > before, "a repeat is counted")
    until_each_is_saved(worker, site.partitions)
