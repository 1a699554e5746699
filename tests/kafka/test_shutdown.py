"""A worker that is asked to stop saves, commits and leaves; what it answers; ticks and settings in the log."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.storm.judge import Judge, is_tick
from streams.admin import put_settings
from streams.bus import capabilities
from streams.client import Publisher
from streams.connection import connection, partition_of
from streams.settings import version_of
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import READ, Site, until
from topics.catalogue import CONTROLLED
from topics.control import SettingsChange, decode_control
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request
from topics.settings import SETTINGS, AnomalySettings, Settings


async def members(site: Site) -> int:
    """Return how many members the group has."""
    process = site.loaded.process
    client = AIOKafkaAdminClient(**connection(process))
    await client.start()
    try:
        (answer,) = await client.describe_consumer_groups([process.group])
    finally:
        await client.close()
    return len(answer.groups[0][5])


async def send(site: Site, n: int, services: int = 5) -> None:
    """Send readings and requests."""
    async with Publisher(site.loaded.process) as publisher:
        for i in range(n):
            at_s = time.time()
            await publisher.publish(METRICS, Reading(series=f"s{i % services}/load", value=float(i % 7), at_s=at_s))
            client = f"192.0.2.{i % services}"
            await publisher.publish(REQUESTS, Request(client=client, at_s=at_s, path="/", service=f"s{i % services}"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_saves_commits_and_leaves_at_once(make_site: MakeSite, how: signal.Signals) -> None:
    """What it folded is saved, though it is stopped at work; and nobody has to wait until it is missed."""
    site = make_site(settings={"worker": {"save_every_s": 30, "session_timeout_s": 30}}).make_topics()
    worker = site.start().until_ready()
    asyncio.run(send(site, 2000))
    until(lambda: worker.meter("luminar_said_total", capability="traffic") > 0, "something is said")
    assert site.committed() == {} or max(site.committed().values()) <= 1
    assert asyncio.run(members(site)) == 1
    assert worker.end(how) == 0
    assert asyncio.run(members(site)) == 0
    assert "Traceback" not in worker.said()
    judge, committed = Judge(site), site.committed()
    assert judge.judge()["rows of anomaly"] > 0
    for capability in capabilities():
        for partition in range(site.partitions):
            saved = judge.shard(capability, partition)
            assert saved.load(judge.table) == committed[site.name_of(capability.topic), partition]
            assert len(set(saved.positions.tolist())) == 1


def test_it_answers_whether_it_lives_is_ready_and_what_it_measures(make_site: MakeSite) -> None:
    site = make_site().make_topics()
    worker = site.start().until_ready()
    assert worker.ask("/live") == (200, "alive\n")
    assert worker.ask("/ready") == (200, f"ready: {READ * site.partitions} partitions\n")
    assert worker.ask("/nothing")[0] == 404
    asyncio.run(send(site, 50))
    until(lambda: worker.meter("luminar_records_total", capability="anomaly") >= 50, "records are counted")
    site.until_folded(METRICS, REQUESTS)
    until(lambda: worker.meter("luminar_lag_records") == 0, "it has caught up")
    assert worker.meter("luminar_rows", capability="anomaly") >= 5


def test_time_passes_only_where_it_is_silent_and_something_is_due(make_site: MakeSite) -> None:
    """One request, and its second is over by a tick in its partition; no other log of requests gets any."""
    site = make_site(settings={"worker": {"tick_s": 0.2}}).make_topics()
    site.start().until_ready()
    client, mine = "192.0.2.1", partition_of(b"192.0.2.1", site.partitions)

    async def ask() -> None:
        async with Publisher(site.loaded.process) as publisher:
            await publisher.publish(REQUESTS, Request(client=client, at_s=time.time(), path="/", service="shop"))

    asyncio.run(ask())

    def said() -> list[Any]:
        return [m for log in site.records(METRICS) for m in log if b'"shop/requests"' in (m.value or b"")]

    until(said, "the second is said")
    logs = site.records(REQUESTS)
    assert [len(log) for p, log in enumerate(logs) if p != mine] == [1] * (site.partitions - 1)
    ticks = [is_tick(message) for message in logs[mine]]
    assert ticks[:2] == [False, False]
    assert any(ticks)


def test_new_settings_come_into_force_in_every_log_at_an_offset(make_site: MakeSite) -> None:
    """Put while the worker works, they stand in each log once; what is folded after them is as a replay folds it."""
    site = make_site(settings={"worker": {"save_every_s": 0.2}}).make_topics()
    worker = site.start().until_ready()
    asyncio.run(send(site, 500))
    new = Settings(anomaly=AnomalySettings(warmup=5, alarms_per_day=3.0), late_s=77.0)
    asyncio.run(put_settings(site.loaded.process, new))

    def changes() -> list[list[int]]:
        return [
            [m.offset for m in log if (change := _change(m.value)) and change.version == version_of(new)]
            for topic in CONTROLLED
            for log in site.records(topic)
        ]

    until(lambda: all(changes()), "the settings stand in every log")
    asyncio.run(send(site, 500))
    site.until_folded(METRICS, REQUESTS)
    assert worker.stop() == 0
    assert all(len(offsets) == 1 for offsets in changes())
    judge = Judge(site)
    judge.judge()
    offsets = dict(zip([(t.name, p) for t in CONTROLLED for p in range(site.partitions)], changes(), strict=True))
    for capability in capabilities():
        for partition in range(site.partitions):
            saved = judge.shard(capability, partition)
            saved.load(judge.table)
            assert saved.bank.settings == judge.rows[capability.name, partition].bank.settings == new
            assert {one.settings_at for one in saved.statements} == set(offsets[capability.topic.name, partition])


def _change(value: bytes | None) -> SettingsChange | None:
    if not value or b'"control":"settings"' not in value:
        return None
    control = decode_control(value)
    return control if isinstance(control, SettingsChange) else None


def test_settings_that_nobody_put_are_followed_by_those_in_force(make_site: MakeSite) -> None:
    """Whoever may write to a log can say settings in it; its owner says those of the settings topic again."""
    site = make_site(settings={"worker": {"save_every_s": 0.2}}).make_topics()
    worker = site.start().until_ready()

    async def forge() -> None:
        async with Publisher(site.loaded.process) as publisher:
            await publisher.publish(METRICS, SettingsChange("forged", Settings(late_s=1.0)), key=b"x", partition=2)

    asyncio.run(forge())

    def versions() -> list[str]:
        return [change.version for m in site.records(METRICS)[2] if (change := _change(m.value))]

    until(lambda: versions()[-2:] == ["forged", version_of(site.loaded.settings)], "the settings are said again")
    assert worker.stop() == 0
    Judge(site).judge()


def test_settings_that_are_none_change_nothing(make_site: MakeSite) -> None:
    site = make_site().make_topics()
    worker = site.start().until_ready()

    async def put() -> None:
        async with Publisher(site.loaded.process) as publisher:
            await publisher.publish(SETTINGS, b"{", key=b"settings")

    asyncio.run(put())
    worker.until_said(r"settings\[0\]@1 refused")
    asyncio.run(send(site, 10))
    site.until_folded(METRICS, REQUESTS)
    assert worker.stop() == 0
