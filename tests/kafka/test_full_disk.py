"""A worker whose disk is full: all that it keeps is in Kafka, so it works as if nothing were."""

from __future__ import annotations

import asyncio

from benchmarks.storm.deployment import PROGRAM
from benchmarks.storm.feed import SETTINGS, Feed
from benchmarks.storm.judge import Judge
from streams.bus import capabilities
from streams.client import Publisher
from streams.kernels import compile_all
from tests.kafka.conftest import MakeSite
from topics.metrics import METRICS
from topics.requests import REQUESTS

FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "


def test_a_worker_that_can_write_no_file_starts_folds_and_stops(make_site: MakeSite) -> None:
    """Its kernels are compiled; where they are not, it ends before it joins the group, and says why."""
    compile_all(capabilities())
    site = make_site(settings={**SETTINGS, "worker": {"save_every_s": 0.2}}).make_topics()
    worker = site.start(program=("-c", FULL + PROGRAM))

    async def feed() -> None:
        async with Publisher(site.loaded.process) as publisher:
            feed = Feed(publisher, 5)
            feeding = asyncio.create_task(feed.run())
            await asyncio.sleep(3)
            feed.stop()
            await feeding

    asyncio.run(feed())
    site.until_folded(METRICS, REQUESTS)
    assert worker.said() == ""
    assert worker.stop() == 0
    assert Judge(site).judge()["words"] > 50
