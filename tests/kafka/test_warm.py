"""Learning from the past on a real broker: the first reading is judged, the past is not told, a kill costs nothing."""

import asyncio
import random
import subprocess
import sys
import time
from typing import Any

import pytest

from benchmarks.storm.deployment import ROOT
from streams.admin import put_settings
from streams.bus import capabilities
from streams.client import Publisher
from streams.replay_logs import Span, chunks, span_of
from streams.replay_shards import Replay
from tests.kafka.conftest import MakeSite
from tests.kafka.test_feedback import alarms, luminar
from tests.kafka.workers import Site, until
from topics import Topic
from topics.alerts import ALERTS
from topics.commands import COMMANDS
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request
from topics.signals import SIGNALS
from topics.state import STATE

SETTINGS: dict[str, Any] = {
    "anomaly": {"warmup": 20, "joint": False},
    "incidents": {"fire_after": 1},
    "services": {"shop": {"scaling": {"load": "shop/load", "capacity": 2, "every_s": 1}}},
    "worker": {"save_every_s": 0.2},
}
SERVICES = ("shop", "bank", "mail", "film")


async def history(site: Site, count: int = 200) -> None:
    """Write a past with calm, excursions and a flood of requests; whoever had read it would have said something."""
    chance, at_s = random.Random(5), time.time() - 250
    async with Publisher(site.loaded.process) as publisher:
        for k in range(count):
            value = chance.gauss(30.0 if k in (120, 121, 122) else 10.0, 1.0)
            for service in SERVICES:
                await publisher.publish(METRICS, Reading(series=f"{service}/load", value=value, at_s=at_s + k))
        for k in range(150):
            request = Request(client="203.0.113.7", at_s=at_s + k / 100, path="/cart", status=200, service="shop")
            await publisher.publish(REQUESTS, request)


async def say(site: Site, value: float) -> None:
    """Write one reading of every service, now."""
    async with Publisher(site.loaded.process) as publisher:
        for service in SERVICES:
            await publisher.publish(METRICS, Reading(series=f"{service}/load", value=value, at_s=time.time()))


def pages(site: Site) -> dict[bytes, Any]:
    """Return what every saved page holds and where it stands, loaded as a worker would."""
    from streams.verify_pages import Limits, read_claims

    names = [one.name for one in capabilities()]
    limits = dict.fromkeys(range(site.partitions), Limits())
    claims = asyncio.run(read_claims(site.loaded.process, names, limits, print))
    found: dict[bytes, Any] = {}
    for (name, partition), one in claims.items():
        for number, claim in enumerate(one.last):
            if claim is not None and claim.page is not None:
                held = sorted(claim.page.marks), claim.page.payload
                found[f"{name}/{partition}/{number}".encode()] = (claim.statement.position, *held)
    return found


async def folded(site: Site, topic: Topic) -> dict[bytes, bytes]:
    """Return by key the pages that a fold of a whole log gives, but for those that hold nothing."""
    process = site.loaded.process
    span = await span_of(process, topic, "beginning", "now", print)
    run = Replay(topic, tuple(one for one in capabilities() if one.topic is topic), len(span.begins))
    async for chunk in chunks(process, topic, span.begins, span.until, print):
        run.fold(chunk, Span(span.begins, span.until, span.until))
    return {
        f"{shard.capability}/{partition}/{number}".encode(): (shard.next, marks, page)  # type: ignore[misc]
        for partition in span.begins
        for _, shard in run.shards_of(partition)
        for number, (page, marks) in enumerate(shard.contents())
        if shard.bank.dirty[number]
    }


def test_what_was_learned_is_the_fold_of_the_log_and_nothing_was_said(make_site: MakeSite) -> None:
    site = make_site(settings=SETTINGS).make_topics()
    asyncio.run(history(site))
    warmed = luminar(site, "warm")
    assert warmed.exit_code == 0, warmed.output
    assert f"{site.prefix}metrics: folded 804 records of 4 partitions" in warmed.output
    wanted = {**asyncio.run(folded(site, METRICS)), **asyncio.run(folded(site, REQUESTS))}
    assert {key: one for key, one in pages(site).items() if key in wanted} == wanted
    assert [sum(site.ends(topic).values()) for topic in (ALERTS, COMMANDS)] == [0, 0]
    assert sum(site.ends(SIGNALS).values()) == site.partitions, "the settings, and nothing else"

    worker = site.start().until_ready()
    began_s = time.time()
    asyncio.run(say(site, 30.0))
    until(lambda: alarms(site, 0) == {f"{service}/load" for service in SERVICES}, "the first readings are judged")
    assert alarms(site, began_s) == alarms(site, 0)
    site.until_folded(METRICS, REQUESTS, SIGNALS)
    refused = luminar(site, "warm")
    assert (refused.exit_code, "stop them, wait until `luminar status` shows none" in refused.output) == (2, True)
    assert worker.stop() == 0
    checked = luminar(site, "verify")
    assert checked.exit_code == 0, checked.output
    assert "learned from the past" in checked.output


def test_killed_in_the_middle_and_called_again_it_is_the_same(make_site: MakeSite) -> None:
    site = make_site(settings=SETTINGS).make_topics()
    asyncio.run(history(site, 2000))
    command = [sys.executable, "-m", "streams.cli", "warm", "--settings", str(site.file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: sum(site.ends(STATE).values()) > 0, "something is written")
        process.kill()
    assert luminar(site, "warm").exit_code == 0
    wanted = {**asyncio.run(folded(site, METRICS)), **asyncio.run(folded(site, REQUESTS))}
    assert {key: one for key, one in pages(site).items() if key in wanted} == wanted


@pytest.mark.parametrize("since", ["@100", "now"])
def test_from_later_on_nothing_before_is_known(make_site: MakeSite, since: str) -> None:
    site = make_site(settings=SETTINGS).make_topics()
    asyncio.run(history(site))
    first = luminar(site, "warm", "--topic", "metrics", "--from", since)
    assert first.exit_code == 0, first.output
    ends = site.ends(METRICS)
    folded_ = sum(max(0, end - 100) for end in ends.values()) if since == "@100" else 0
    assert f"folded {folded_} records" in first.output
    again = luminar(site, "warm", "--topic", "metrics", "--from", since)
    assert (again.exit_code, "--replace writes over them" in again.output) == ((2, True) if folded_ else (0, False))
    assert luminar(site, "warm", "--topic", "metrics", "--from", since, "--replace").exit_code == 0
    worker = site.start().until_ready()
    asyncio.run(say(site, 10.0))
    site.until_folded(METRICS)
    assert worker.stop() == 0
    assert alarms(site, 0) == set()


def test_settings_that_changed_can_be_given_a_past(make_site: MakeSite) -> None:
    site = make_site(settings={**SETTINGS, "services": {}}).make_topics()
    asyncio.run(history(site))
    site.settings = SETTINGS
    asyncio.run(put_settings(site.loaded.process, site.loaded.settings, "ann", print))
    before = luminar(site, "warm", "--topic", "metrics")
    assert "scaling" not in " ".join(key.decode() for key in pages(site))
    assert before.exit_code == 0
    after = luminar(site, "warm", "--topic", "metrics", "--as-if-always", "--replace")
    assert after.exit_code == 0, after.output
    assert any(key.startswith(b"scaling/") for key in pages(site))
    worker = site.start().until_ready()
    asyncio.run(say(site, 30.0))
    until(lambda: "shop/load" in alarms(site, 0), "the first reading is judged")
    site.until_folded(METRICS)
    assert worker.stop() == 0
    checked = luminar(site, "verify", "metrics")
    assert checked.exit_code == 0, checked.output
