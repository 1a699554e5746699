"""On a real broker: a flood is told by what it is made of; its heavy hitters are blocked, reported, and let go."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import Any

from click.testing import CliRunner

from streams.cli import main
from streams.client import Publisher
from tests.detectors.crowd import Asked, heavy, visitors
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, plain, until
from topics.blocklist import BLOCKLIST
from topics.compositions import COMPOSITIONS, WINDOW_S
from topics.requests import REQUESTS, Request
from topics.signals import SIGNALS

CALM, VISITS = 12, 80
SETTINGS: dict[str, Any] = {
    "anomaly": {"warmup": 6, "joint": False},
    "floods": {"least": 100},
    "security": {"limit": {"requests": 100, "window_s": 1}, "block_s": 3600},
    "worker": {"save_every_s": 0.2},
}
HEAVY = {"203.0.113.7", "203.0.113.8", "203.0.113.9"}


async def send(site: Site, windows: list[list[Asked]], first_s: float) -> None:
    """Send windows of requests, one after the other, each when those before it are there."""
    async with Publisher(site.loaded.process) as publisher:
        for number, asked in enumerate(windows):
            for k, (client, path, agent) in enumerate(asked):
                at_s = first_s + WINDOW_S * (number + k / len(asked))
                one = Request(client=client, at_s=at_s, path=path, agent=agent, service="shop")
                await publisher.publish(REQUESTS, one)
            await publisher.flush()


def luminar(site: Site, *arguments: str) -> str:
    """Call the program as an operator does."""
    result = CliRunner().invoke(main, [*arguments, "--settings", str(site.file)], env={"LUMINAR_SETTINGS": None})
    assert result.exit_code == 0, result.output
    return result.stdout


def floods(site: Site) -> list[dict[str, Any]]:
    """Return the floods that were said."""
    said = [plain(message) for log in site.records(SIGNALS) for message in log]
    return [one for one in said if one.get("family") == "flood"]


def blocked(site: Site) -> set[str]:
    """Return who is blocked now."""
    last = {message.key: message.value for log in site.records(BLOCKLIST) for message in log}
    return {(key or b"").decode() for key, value in last.items() if value is not None}


def test_a_flood_is_told_its_heavy_hitters_are_blocked_and_one_command_lifts_every_block(make_site: MakeSite) -> None:
    site = make_site(settings=SETTINGS).make_topics()
    worker = site.start().until_ready()
    chance = random.Random(1)
    calm = [visitors(chance, VISITS) for _ in range(CALM)]
    first_s = (time.time() // WINDOW_S - CALM - 3) * WINDOW_S
    asyncio.run(send(site, calm, first_s))
    site.until_folded(REQUESTS, COMPOSITIONS)
    assert floods(site) == []

    flood = visitors(chance, VISITS) + heavy(chance, 20 * VISITS)
    asyncio.run(send(site, [flood], first_s + CALM * WINDOW_S))
    until(lambda: blocked(site) >= HEAVY, "the heavy hitters are blocked")
    (said,) = {(one["service"], one["rule"]) for one in floods(site)}
    assert said == ("shop", "heavy hitters")

    told = json.loads(luminar(site, "report", "threats", "--since", "1h", "--json"))
    assert set(told["blocked"]) >= HEAVY
    assert told["families"]["flood"]["services"] == 1
    assert "blocked until" in luminar(site, "report", "threats")

    luminar(site, "lift", "--all", "--author", "ann")
    until(lambda: blocked(site) == set(), "every block is lifted")
    told = json.loads(luminar(site, "report", "threats", "--json"))
    fates = {one["client"]: one["fate"] for one in told["clients"]}
    assert {fates[client] for client in HEAVY} == {"lifted: lifted by ann with all others"}
    assert worker.stop() == 0
