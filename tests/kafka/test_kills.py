"""Workers come, are killed, freeze and go under load; afterwards all is as a sequential fold of the logs gives it."""

import asyncio
import os
import random
import signal

import pytest

from benchmarks.storm.feed import SETTINGS, Feed
from benchmarks.storm.judge import Judge
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, WorkerProcess
from topics.metrics import METRICS
from topics.requests import REQUESTS

SEED = int(os.environ.get("LUMINAR_TEST_SEED", "1"))
SOAK_S = float(os.environ.get("LUMINAR_TEST_SOAK_S", "0"))
# Little may be saved at once, so that pages stand at different positions when a worker is killed.
WORKER = {"session_timeout_s": 6, "save_every_s": 0.3, "save_bytes_per_s": 1 << 16, "fetch_bytes": 1 << 16}


async def ready(worker: WorkerProcess, times: int = 1) -> None:
    """Wait until a worker has found its positions so many times."""
    await asyncio.to_thread(worker.until_said, r"(?s)" + r"ready: \d+ partitions.*" * times)


async def come_and_go(site: Site) -> int:
    """Two work; one is killed, one joins, one freezes and wakes a zombie, one leaves; return how much was sent."""
    async with Publisher(site.loaded.process) as publisher:
        feed = Feed(publisher, SEED)
        feeding = asyncio.create_task(feed.run())
        first, second = site.start("first"), site.start("second")
        await ready(first)
        await ready(second)
        await asyncio.sleep(2)
        first.kill()
        third = site.start("third")
        await ready(third)
        await asyncio.sleep(1)
        second.process.send_signal(signal.SIGSTOP)
        await ready(third, 2)
        await asyncio.sleep(1)
        second.process.send_signal(signal.SIGCONT)
        await ready(third, 3)
        await asyncio.sleep(1)
        assert await asyncio.to_thread(third.stop) == 0
        await asyncio.sleep(1)
        second.kill()
        last = site.start("last")
        await ready(last)
        feed.stop()
        await feeding
        await asyncio.to_thread(site.until_folded, METRICS, REQUESTS)
        assert await asyncio.to_thread(last.stop) == 0
        return feed.sent


def test_after_kills_a_zombie_a_join_and_a_leave_all_is_as_if_nothing_had_happened(make_site: MakeSite) -> None:
    """Rows equal the fold; every word is there, copies are alike, marks let each through once; nothing else is said."""
    site = make_site(settings={**SETTINGS, "worker": WORKER}).make_topics()
    sent = asyncio.run(come_and_go(site))
    counts = Judge(site).judge()
    print({"sent": sent, **dict(sorted(counts.items()))})
    for speaker in ("anomaly -> signals", "traffic -> metrics", "percentiles -> metrics", "forward -> metrics"):
        assert counts[speaker] > 0, f"the feed is meant to bring {speaker}"
    for speaker in ("scaling -> proposals", "security -> signals", "security -> proposals", "forward -> requests"):
        assert counts[speaker] > 0, f"the feed is meant to bring {speaker}"
    for speaker in ("incidents -> alerts", "decisions -> commands", "decisions -> blocklist", "decisions -> metrics"):
        assert counts[speaker] > 0, f"the feed is meant to bring {speaker}"
    assert counts["letters"] > 100


async def at_random(site: Site, seconds: float) -> int:
    """Kill, stop, freeze and start workers by chance, mostly with two at work; return how much was sent."""
    chance, loop = random.Random(SEED), asyncio.get_running_loop()
    async with Publisher(site.loaded.process) as publisher:
        feed = Feed(publisher, SEED)
        feeding, end_s, n = asyncio.create_task(feed.run()), loop.time() + seconds, 0
        while loop.time() < end_s:
            running = [worker for worker in site.workers if worker.process.poll() is None]
            if len(running) < 2 or (len(running) < 3 and chance.random() < 0.4):
                site.start(f"worker{n}")
                n += 1
            else:
                how = chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGINT))
                chosen = chance.choice(running)
                chosen.process.send_signal(how)
                if how == signal.SIGSTOP:
                    await asyncio.sleep(chance.choice((1, 8)))
                    chosen.process.send_signal(signal.SIGCONT)
            await asyncio.sleep(chance.uniform(0, 6))
        feed.stop()
        await feeding
    for worker in site.workers:
        if worker.process.poll() is None:
            await asyncio.to_thread(worker.kill)
    last = site.start("last")
    await ready(last)
    await asyncio.to_thread(site.until_folded, METRICS, REQUESTS)
    assert await asyncio.to_thread(last.stop) == 0
    return feed.sent


@pytest.mark.skipif(not SOAK_S, reason="takes minutes: LUMINAR_TEST_SOAK_S says how long")
def test_after_any_coming_and_going_all_is_as_if_nothing_had_happened(make_site: MakeSite) -> None:
    site = make_site(settings={**SETTINGS, "worker": WORKER}).make_topics()
    sent = asyncio.run(at_random(site, SOAK_S))
    print({"sent": sent, "workers": len(site.workers), **dict(sorted(Judge(site).judge().items()))})
