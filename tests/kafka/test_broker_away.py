"""A broker that is not there yet, and one that goes away: the worker waits, says so, and goes on where it was."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.storm.feed import SETTINGS, Feed
from benchmarks.storm.judge import Judge
from streams.broker import Broker
from streams.client import Publisher
from tests.kafka.workers import Site, until
from topics.metrics import METRICS
from topics.requests import REQUESTS

OUTAGE_S = float(os.environ.get("LUMINAR_TEST_OUTAGE_S", "8"))
TRIES_PER_S = 100
"""Attempts to reach an absent broker that a worker may log in a second: all of its clients together, every 0.1 s."""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Broker]:
    """Give a broker that a test may end."""
    broker = Broker(tmp_path / "kafka")
    broker.start()
    yield broker
    broker.stop()


async def feed_for(site: Site, seconds: float) -> None:
    """Send a live feed for some time."""
    async with Publisher(site.loaded.process) as publisher:
        feed = Feed(publisher, 7)
        feeding = asyncio.create_task(feed.run())
        await asyncio.sleep(seconds)
        feed.stop()
        await feeding


@pytest.mark.kafka
@pytest.mark.parametrize("end", [Broker.kill, Broker.stop])
def test_it_waits_for_a_broker_and_outlives_one_that_goes(
    end: Callable[[Broker], None], own: Broker, tmp_path: Path
) -> None:
    """Not there at start: said, waited for. Gone for a while under load: the same process goes on, nothing is lost.

    A broker that stops in good order says first that its partitions have no leader: asking again and again at once, a
    worker took a whole core and wrote ten thousand lines a second.
    """
    site = Site(own.address, "away-", tmp_path, settings={**SETTINGS, "worker": {"save_every_s": 0.3}})
    site.make_topics()
    own.stop()
    worker = site.start()
    try:
        worker.until_said(r"no Kafka answers at 127\.0\.0\.1:\d+ \(PLAINTEXT\); waiting for it")
        own.start()
        worker.until_said("Kafka answers")
        worker.until_ready()
        asyncio.run(feed_for(site, 4))
        end(own)
        until(lambda: "onnect" in worker.said() or worker.process.poll() is not None, "the loss is noticed")
        # What is tried here is the time itself: a worker must bear it, whatever it does meanwhile.
        gone_until_s = time.monotonic() + OUTAGE_S
        while time.monotonic() < gone_until_s:
            assert worker.process.poll() is None, worker.said()[-3000:]
            assert worker.ask("/live")[0] == 200
            time.sleep(0.5)
        assert worker.said().count("Unable connect to node") < TRIES_PER_S * OUTAGE_S
        own.start()
        asyncio.run(feed_for(site, 3))
        site.until_folded(METRICS, REQUESTS)
        assert worker.process.poll() is None
        until(lambda: worker.ask("/ready")[0] == 200, "it is ready again")
        assert worker.stop() == 0
        Judge(site).judge()
    finally:
        site.close()
