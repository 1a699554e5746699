"""More names than a worker holds: memory is bounded, rows make room and are counted, the worst stay."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from benchmarks.storm.judge import Judge
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, until
from topics.blocklist import BLOCKLIST
from topics.metrics import METRICS, Reading
from topics.proposals import PROPOSALS
from topics.requests import REQUESTS, Request
from topics.signals import SIGNALS

SERIES = int(os.environ.get("LUMINAR_TEST_SERIES", "100000"))
CLIENTS = int(os.environ.get("LUMINAR_TEST_CLIENTS", "100000"))
ROOM_MB = 800
"""What a worker may grow by under a flood of names, whatever their number: rows, names, saved pages, all full.

A series has some 2 kB, which are held twice: 100,000 of them and as many clients were seen to take 712 MB.
"""

HOSTILE = [f"203.0.113.{k}" for k in range(1, 9)]
ATTACKS = ("/?id=1%27+union+all+select+1,2--", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", "/?f=../../../../etc/passwd")
"""Each a piece of evidence; it takes three for a block."""


async def attack(site: Site, *paths: str) -> None:
    """Let each hostile client ask for these paths."""
    async with Publisher(site.loaded.process) as publisher:
        for client in HOSTILE:
            for path in paths:
                await publisher.publish(REQUESTS, Request(client=client, at_s=time.time(), path=path, service="shop"))


def blocked(site: Site) -> set[str]:
    """Return who was blocked."""
    return {(message.key or b"").decode() for log in site.records(BLOCKLIST) for message in log}


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


@pytest.mark.timeout(1800)
def test_a_flood_of_names_is_bounded_counted_and_forgets_neither_the_newest_nor_the_worst(make_site: MakeSite) -> None:
    security = {"evidence": len(ATTACKS), "evidence_window_s": 3600}
    site = make_site(settings={"worker": {"save_every_s": 1.0}, "security": security}).make_topics()
    worker = site.start().until_ready()
    before_mb = worker.rss_mb
    asyncio.run(attack(site, *ATTACKS[:-1]))
    asyncio.run(flood(site))
    site.until_folded(METRICS, REQUESTS, patience_s=600)
    grown_mb = worker.rss_mb - before_mb

    def counted(capability: str) -> tuple[float, float]:
        """Return how many rows there are, and how many made room, once the meters tell of all partitions."""
        of = {"capability": capability}
        return worker.meter("luminar_rows", **of), worker.meter("luminar_evicted_rows", **of)

    until(lambda: sum(counted("anomaly")) >= SERIES, "every series has or had a row")
    until(lambda: sum(counted("security")) >= CLIENTS, "every client has or had a row")
    rows = {"anomaly": counted("anomaly")[0], "security evicted": counted("security")[1]}
    print({"grown_mb": round(grown_mb), **rows})
    assert grown_mb < ROOM_MB
    assert rows["security evicted"] > 0
    assert blocked(site) == set()
    asyncio.run(attack(site, ATTACKS[-1]))
    until(lambda: blocked(site) == set(HOSTILE), "what was held against a client before the flood is held after it")
    site.until_folded(REQUESTS, METRICS, SIGNALS, PROPOSALS)
    assert worker.meter("luminar_faults_total") == 0
    assert worker.stop() == 0
    counts = Judge(site).judge()
    assert 0 <= counts["rows of anomaly"] - rows["anomaly"] < 100, "more only by what the shop's own traffic came to"
