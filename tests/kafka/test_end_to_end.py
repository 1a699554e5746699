"""From telemetry to an alert, a scaling command and a block, seen by a consumer that knows nothing but the topics."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from streams.client import Publisher
from streams.reader import read
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import PATIENCE_S, Site
from topics import Topic
from topics.alerts import ALERTS
from topics.blocklist import BLOCKLIST
from topics.catalogue import named
from topics.commands import COMMANDS
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request

SETTINGS: dict[str, Any] = {
    "anomaly": {"warmup": 12},
    "incidents": {"resolve_s": 2, "resend_s": 1},
    "security": {"block_s": 3},
    "decisions": {"cooldown_s": 1},
    "services": {"shop": {"scaling": {"load": "shop/load", "capacity": 10, "every_s": 1, "start_s": 1}}},
}
Seen = dict[str, list[dict[str, Any]]]


async def watch(site: Site, topic: Topic, seen: list[dict[str, Any]]) -> None:
    """Note whatever appears on a topic; a tombstone by its key."""
    async for message in read(site.loaded.process, topic, until=None):
        seen.append(json.loads(message.value) if message.value else {"lifted": (message.key or b"").decode()})


async def telemetry(site: Site, is_done: Callable[[], bool]) -> None:
    """Be a shop: calm, slow and crowded with a client that asks too much, calm again, and so on until all is seen."""
    async with Publisher(site.loaded.process) as publisher:
        begun_s = time.monotonic()
        n = 0
        while not is_done() and time.monotonic() < begun_s + PATIENCE_S:
            at_s, ill = time.time(), n % 120 in range(30, 60)
            latency_s = (2.0 if ill else 0.2) + n % 3 / 100
            await publisher.publish(METRICS, Reading(series="shop/latency_s", value=latency_s, at_s=at_s))
            await publisher.publish(METRICS, Reading(series="shop/load", value=80.0 if ill else 9.0, at_s=at_s))
            for _ in range(5 if ill else 0):
                await publisher.publish(REQUESTS, Request(client="203.0.113.9", at_s=at_s, path="/", service="shop"))
            n += 1
            await asyncio.sleep(0.1)


def alert_and_its_end(seen: Seen) -> bool:
    """Say whether an alert has fired and been resolved."""
    ended = {one["id"] for one in seen["alerts"] if one["state"] == "resolved"}
    return any(one["id"] in ended for one in seen["alerts"] if one["state"] == "firing")


def everything(seen: Seen) -> bool:
    """Say whether all three outputs were seen to their end."""
    scaled = any(one["after"] > 5 for one in seen["commands"])
    return alert_and_its_end(seen) and scaled and any("lifted" in one for one in seen["blocklist"])


@pytest.fixture(scope="module")
def outcome(module_site: MakeSite) -> tuple[Site, Seen]:
    """Let one worker watch the shop."""
    site = module_site(settings=SETTINGS).make_topics()
    site.start().until_ready()
    seen: Seen = {topic.name: [] for topic in (ALERTS, COMMANDS, BLOCKLIST)}

    async def play() -> None:
        watching = [asyncio.create_task(watch(site, t, seen[t.name])) for t in (ALERTS, COMMANDS, BLOCKLIST)]
        await telemetry(site, lambda: everything(seen))
        for task in watching:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(play())
    return site, seen


def record_at(site: Site, origin: dict[str, Any]) -> dict[str, Any]:
    """Return the record that an origin names."""
    topic = named(origin["topic"])
    assert topic is not None
    log = site.records(topic)[origin["partition"]]
    (found,) = [message.value for message in log if message.offset == origin["offset"]]
    one: dict[str, Any] = json.loads(found or b"{}")
    return one


def test_an_alert_fires_with_its_evidence_and_is_resolved(outcome: tuple[Site, Seen]) -> None:
    site, seen = outcome
    assert alert_and_its_end(seen)
    fired = [one for one in seen["alerts"] if one["state"] == "firing" and one["service"] == "shop"]
    evidence = [one for alert in fired for one in alert["evidence"]]
    assert any("latency_s" in one["text"] or "load" in one["text"] for one in evidence)
    led = [record_at(site, one["origin"]) for one in evidence]
    assert any(one.get("series") == "shop/latency_s" and one["value"] > 1 for one in led)


def test_a_service_that_is_crowded_is_scaled_and_not_beyond_its_need(outcome: tuple[Site, Seen]) -> None:
    seen = outcome[1]
    scaled = [one for one in seen["commands"] if one["target"] == "shop"]
    assert [one["epoch"] for one in scaled] == sorted({one["epoch"] for one in scaled})
    assert max(one["after"] for one in scaled) > 5
    assert all(one["action"] == "scale" and 1 <= one["after"] <= 10 for one in scaled)


def test_a_client_that_asks_too_much_is_blocked_until_its_time_is_over(outcome: tuple[Site, Seen]) -> None:
    site, seen = outcome
    block = next(one for one in seen["blocklist"] if "client" in one)
    assert (block["client"], block["family"], block["service"]) == ("203.0.113.9", "rate", "shop")
    assert block["until_s"] > block["at_s"]
    assert {"lifted": "203.0.113.9"} in seen["blocklist"]
    assert block["origin"]["capability"] == "decisions"
    assert block["proposal"]["topic"] == "requests"
    assert record_at(site, block["proposal"])["client"] == "203.0.113.9"
