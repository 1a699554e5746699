"""On a real broker: where the model abstains is learned by a worker, outlives its kills, and agrees with the fold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from itertools import product

from benchmarks.storm.judge import Judge
from detectors.security.abstaining import CLIENTS
from detectors.security.payloads import look
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, plain, until
from topics.control import Lesson, decode_control
from topics.requests import REQUESTS, Request
from topics.signals import SIGNALS

ODD = ["".join(parts) for parts in product("{$(`[", "{1a('", "aq7", "})$]", ("", "}", "$", "z"))]


def unsure() -> str:
    """Return a value that the shipped model alone, and unsurely, calls hostile."""
    for value in ODD:
        raw = f"/?title={value}".encode()
        if look("path", raw).evidence and not look("path", raw, abstains=lambda field: True).evidence:
            return value
    raise AssertionError("the model is sure of all of these")


async def send(site: Site, clients: Iterable[int]) -> None:
    """Send a request of each client."""
    value, at_s = unsure(), time.time()
    async with Publisher(site.loaded.process) as publisher:
        for k in clients:
            client = f"192.0.2.{k}"
            await publisher.publish(
                REQUESTS, Request(client=client, at_s=at_s, path=f"/?title={value}", service="shop")
            )


def lessons(site: Site) -> list[Lesson]:
    """Return the lessons that stand in the log."""
    controls = [m.value for log in site.records(REQUESTS) for m in log if m.value and b'"control"' in m.value]
    return [one for one in map(decode_control, controls) if isinstance(one, Lesson)]


def threatening(site: Site) -> set[str]:
    """Return the clients of whom a threat was said."""
    return {one["client"] for log in site.records(SIGNALS) for one in map(plain, log) if "client" in one}


def test_where_the_model_abstains_outlives_whoever_learned_it(make_site: MakeSite) -> None:
    site = make_site(partitions=1, settings={"worker": {"save_every_s": 0.2}}).make_topics()
    worker = site.start().until_ready()
    asyncio.run(send(site, range(CLIENTS)))
    until(lambda: lessons(site), "a lesson in the log")
    worker.kill()
    asyncio.run(send(site, range(100, 110)))
    worker = site.start("second").until_ready()
    site.until_folded(REQUESTS, SIGNALS)
    worker.kill()
    asyncio.run(send(site, range(110, 120)))
    worker = site.start("third").until_ready()
    site.until_folded(REQUESTS, SIGNALS)
    assert threatening(site) == {f"192.0.2.{k}" for k in range(CLIENTS)}
    assert len(lessons(site)) == 1
    assert worker.stop() == 0
    assert Judge(site).judge()["rows of security"] == CLIENTS + 20
