"""More names than a worker holds: memory is bounded, rows make room and are counted, state is the log's fold."""

from __future__ import annotations

import asyncio
import os
import time

from benchmarks.storm.judge import Judge
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request

SERIES = int(os.environ.get("LUMINAR_TEST_SERIES", "100000"))
CLIENTS = int(os.environ.get("LUMINAR_TEST_CLIENTS", "100000"))
ROOM_MB = 800
"""What a worker may grow by under a flood of names, whatever their number: rows, names, saved pages, all full.

A series has some 2 kB, which are held twice: 100,000 of them and as many clients were seen to take 712 MB.
"""


async def flood(site: Site) -> None:
    """Send as many new series, and spoofed clients, as fast as they go."""
    at_s = time.time()
    async with Publisher(site.loaded.process) as publisher:
        for i in range(max(SERIES, CLIENTS)):
            if i < SERIES:
                await publisher.publish(METRICS, Reading(series=f"flood{i % 500}/series{i}", value=float(i), at_s=at_s))
            if i < CLIENTS:
                client = f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"
                await publisher.publish(REQUESTS, Request(client=client, at_s=at_s, path=f"/{i}", service="flooded"))


def test_a_flood_of_names_is_bounded_counted_and_forgets_only_the_oldest(make_site: MakeSite) -> None:
    site = make_site(settings={"worker": {"save_every_s": 1.0}}).make_topics()
    worker = site.start().until_ready()
    before_mb = worker.rss_mb
    asyncio.run(flood(site))
    site.until_folded(METRICS, REQUESTS, patience_s=600)
    grown_mb, rows = worker.rss_mb - before_mb, {}
    for capability in ("anomaly", "security"):
        rows[capability] = worker.meter("luminar_rows", capability=capability)
        rows[f"{capability} evicted"] = worker.meter("luminar_evicted_rows", capability=capability)
    print({"grown_mb": round(grown_mb), **rows})
    assert grown_mb < ROOM_MB
    assert rows["anomaly"] + rows["anomaly evicted"] >= SERIES
    assert rows["security"] + rows["security evicted"] >= CLIENTS
    assert worker.meter("luminar_faults_total") == 0
    assert worker.stop() == 0
    counts = Judge(site).judge()
    assert counts["rows of anomaly"] == rows["anomaly"]
