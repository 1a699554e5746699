"""A live feed: readings with spikes; requests with a flood, a scan and an attack; and some of what is wrong."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from streams.client import Publisher
from topics import Topic
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request

MOST = 6000
"""Batches after which the names of clients begin again, so that a long feed makes nobody grow."""
SERVICES = tuple(f"shop{i}" for i in range(12))
SETTINGS: dict[str, Any] = {
    "anomaly": {"warmup": 12, "bucket_s": 1, "alarms_per_day": 100},
    "incidents": {"window_s": 5, "resolve_s": 2, "resolve_most_s": 4, "flap_s": 5, "resend_s": 2},
    "decisions": {"cooldown_s": 2, "blocks_per_minute": 1000},
    "services": {
        name: {
            "scaling": {"load": f"{name}/load", "capacity": 10, "stabilisation_s": 2, "every_s": 1, "start_s": 2},
            "main": [f"{name}/latency_s", f"{name}/load", f"{name}/errors"],
        }
        for name in SERVICES
    },
}


def readings(rng: random.Random, n: int, at_s: float) -> Iterator[tuple[Any, bytes | None]]:
    """Give one batch of readings: (record or bytes, key or None for its own)."""
    for service in SERVICES:
        spike = 8.0 if n % 40 in (30, 31, 32, 33) and service != "shop0" else 0.0
        for name, level in (("latency_s", 0.2), ("load", 50.0), ("errors", 1.0)):
            value = level * (1 + spike + rng.gauss(0, 0.05))
            yield Reading(series=f"{service}/{name}", value=value, at_s=at_s - rng.random() / 10), None
        yield Reading(series=f"{service}/orders", value=float(rng.randrange(5)), at_s=at_s, kind="delta"), None
    service = rng.choice(SERVICES)
    yield Reading(series=f"{service}/late", value=1.0, at_s=at_s - 400), None
    yield Reading(series=f"{service}/stray{rng.randrange(50)}", value=1.0, at_s=at_s), b"elsewhere"
    yield msgspec.json.encode(Reading(series=f"{service}/broken", value=1.0, at_s=at_s))[:-3], service.encode()
    if n % 5 == 0:
        yield Reading(series=f"{service}/\u00e9tat", value=rng.random(), at_s=at_s), None
        yield Reading(series=f"{service}/early", value=1.0, at_s=at_s + 4000), None


def requests(rng: random.Random, n: int, at_s: float) -> Iterator[tuple[Any, bytes | None]]:
    """Give one batch of requests."""
    service, n = rng.choice(SERVICES), n % MOST

    def request(client: str, path: str = "/cart", status: int = 200, **more: Any) -> Request:
        return Request(
            client=client, at_s=at_s, path=path, status=status, service=service, duration_s=rng.random(), **more
        )

    for _ in range(6):
        yield request(f"198.51.100.{rng.randrange(200)}"), None
    for k in range(4):
        yield request(f"203.0.113.{n // 60}", status=rng.choice((200, 500))), None
        yield request(f"2001:db8:{n // 50:x}::{k:x}", f"/admin{rng.randrange(30)}", 404), None
    if n % 5 == 0:
        yield request(f"192.0.2.{n // 25}", f"/p?id={n}%27%20UNION%20SELECT%20{n},password%20FROM%20users--"), None
        yield request(f"192.0.2.{n // 25}", f"/../../../../etc/passwd?{n}"), b"elsewhere"
        yield b'{"client": "1.2.3.4", "at_s": "now"}', b"1.2.3.4"


class Feed:
    """Sends batches of both kinds at a steady pace until it is stopped; what a broker's absence held up follows after.

    What is sent when, and what it says, the seed decides; only the time at which the feed began is the day's.
    """

    def __init__(self, publisher: Publisher, seed: int, batch_s: float = 0.1) -> None:
        self.publisher, self.batch_s = publisher, batch_s
        self.rng, self.sent, self.batches = random.Random(seed), 0, 0
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Send until `stop`."""
        loop = asyncio.get_running_loop()
        begun_s, first_s = loop.time(), time.time()
        while not self._stop.is_set():
            at_s = first_s + self.batches * self.batch_s
            await self._batch(METRICS, readings(self.rng, self.batches, at_s))
            await self._batch(REQUESTS, requests(self.rng, self.batches, at_s))
            self.batches += 1
            await asyncio.sleep(max(0.0, begun_s + self.batches * self.batch_s - loop.time()))
        await self.publisher.flush()

    async def _batch(self, topic: Topic, batch: Iterator[tuple[Any, bytes | None]]) -> None:
        for record, key in batch:
            await self.publisher.publish(topic, record, key)
            self.sent += 1

    def stop(self) -> None:
        """Let the batch in hand be the last."""
        self._stop.set()
