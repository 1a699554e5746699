"""Logs of every kind: compressed, transactional, stamped by their producers, and ones whose past is gone."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete

from benchmarks.storm.judge import Judge
from streams.admin import create_topics
from streams.bus import capabilities
from streams.connection import admin, connection, partition_of
from streams.settings import load, version_of
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import READ, Site, counted, until
from topics import Record, Topic
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request

CODECS = (None, "gzip", "snappy", "lz4", "zstd")


@asynccontextmanager
async def producer(site: Site, **more: Any) -> AsyncIterator[AIOKafkaProducer]:
    """Open a producer of somebody else's."""
    one = AIOKafkaProducer(**connection(site.loaded.process), **more)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def put(one: AIOKafkaProducer, site: Site, topic: Topic, record: Record, **more: Any) -> None:
    """Send a record to the partition of its key."""
    key = record.key().encode()
    where = partition_of(key, site.partitions)
    await one.send(site.name_of(topic), msgspec.json.encode(record), key=key, partition=where, **more)


async def compressed(site: Site, n: int) -> None:
    """Send requests with every codec."""
    for codec in CODECS:
        async with producer(site, compression_type=codec, linger_ms=20) as one:
            for i in range(n):
                await put(
                    one,
                    site,
                    REQUESTS,
                    Request(client=f"192.0.2.{i}", at_s=time.time(), path="/", service=codec or "plain"),
                )


async def transactions(site: Site, n: int) -> None:
    """Send requests in transactions, every other of which is given up."""
    async with producer(site, transactional_id=f"{site.prefix}mine") as one:
        for turn in range(4):
            await one.begin_transaction()
            service = "kept" if turn % 2 else "aborted"
            for i in range(n):
                await put(
                    one, site, REQUESTS, Request(client=f"192.0.2.{i}", at_s=time.time(), path="/", service=service)
                )
            await (one.commit_transaction() if turn % 2 else one.abort_transaction())


def test_records_of_every_codec_and_of_transactions_are_folded_once(make_site: MakeSite) -> None:
    """Control records leave gaps, and what a transaction gave up does not count."""
    site = make_site(settings={"worker": {"save_every_s": 0.2, "tick_s": 0.2}}).make_topics()
    worker = site.start().until_ready()
    asyncio.run(compressed(site, 100))
    asyncio.run(transactions(site, 50))
    wanted = {f"{service}/requests": 100.0 for service in ("plain", *CODECS[1:], "kept")}
    until(lambda: counted(site) == wanted, "every request is counted once")
    assert worker.stop() == 0
    Judge(site).judge()


async def stamp_by_producers(site: Site) -> None:
    """Let the producers' clocks stamp the topic, as topics of others may be."""
    resource = ConfigResource(ConfigResourceType.TOPIC, site.name_of(METRICS), {"message.timestamp.type": "CreateTime"})
    async with admin(site.loaded.process) as client:
        await client.alter_configs([resource])


async def stamped(site: Site) -> None:
    """Send readings whose times go to and fro."""
    now_ms = int(time.time() * 1000)
    async with producer(site, linger_ms=10) as one:
        for i in range(600):
            at_ms = now_ms - 20_000 + 40 * i - (i * 7919 % 3000)
            reading = Reading(series=f"s{i % 5}/load", value=float(i % 9), at_s=at_ms / 1000, kind="delta")
            await put(one, site, METRICS, reading, timestamp_ms=at_ms)


def test_a_topic_stamped_by_its_producers_has_their_highest_time_as_its_clock(make_site: MakeSite) -> None:
    site = make_site(settings={"worker": {"save_every_s": 0.2}, "anomaly": {"bucket_s": 1}}).make_topics()
    asyncio.run(stamp_by_producers(site))
    worker = site.start().until_ready()
    asyncio.run(stamped(site))
    site.until_folded(METRICS)
    assert worker.stop() == 0
    judge = Judge(site)
    judge.judge()
    times = [[message.time_ms for message in log] for log in judge.logs[METRICS.name]]
    assert any(log != sorted(log) for log in times)
    for partition, log in enumerate(times):
        assert judge.rows["anomaly", partition].clock_ms == max(log)


async def readings(site: Site, n: int) -> None:
    """Send readings."""
    async with producer(site, linger_ms=10) as one:
        for i in range(n):
            await put(one, site, METRICS, Reading(series=f"s{i % 9}/load", value=float(i % 7), at_s=time.time()))


async def forget(site: Site, topic: Topic, ends: dict[int, int]) -> None:
    """Delete all but the newest records of a topic, as a retention that is too short does."""
    name = site.name_of(topic)
    gone = {TopicPartition(name, p): RecordsToDelete(before_offset=max(0, end - 5)) for p, end in ends.items()}
    async with admin(site.loaded.process) as client:
        await client.delete_records(gone)


def test_pages_before_the_log_s_beginning_are_dropped_loudly_and_learned_again(make_site: MakeSite) -> None:
    site = make_site(settings={"worker": {"save_every_s": 0.2}}).make_topics()
    first = site.start("first").until_ready()
    asyncio.run(readings(site, 300))
    site.until_folded(METRICS)
    assert first.stop() == 0
    asyncio.run(readings(site, 300))
    asyncio.run(forget(site, METRICS, site.ends(METRICS)))
    second = site.start("second").until_ready()
    second.until_said(
        r"anomaly/\d: pages? .+ dropped and learned again from the log: standing at \d+, the log has \d+\.\.\d+"
    )
    site.until_folded(METRICS)
    asyncio.run(readings(site, 50))
    site.until_folded(METRICS)
    assert second.stop() == 0
    judge = Judge(site)
    for capability in capabilities():
        if capability.topic is METRICS:
            for partition in range(site.partitions):
                judge._compare_pages(capability, partition)
                assert judge.rows[capability.name, partition].version in ("", version_of(site.loaded.settings))
    assert judge.verdict.hold()["rows of anomaly"] == 9


@pytest.mark.parametrize("wrong", [3, 9])
def test_a_topic_with_a_wrong_number_of_partitions_is_refused_at_start_with_the_remedy(
    make_site: MakeSite, wrong: int
) -> None:
    site = make_site(partitions=4).make_topics()
    site.partitions = wrong
    worker = site.start()
    assert worker.process.wait(60) != 0
    said = worker.said()
    assert f"has 4 partitions, expected {wrong}" in said
    assert "set `partitions: 4` in the settings" in said
    assert "ready:" not in said


def test_topics_that_are_not_there_are_said_with_what_makes_them(make_site: MakeSite) -> None:
    worker = make_site().start()
    assert worker.process.wait(60) != 0
    assert "is not there; `luminar topics` makes it" in worker.said()


def test_with_a_settings_file_that_lacks_everything_but_the_broker_it_works(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else has a default: names without a prefix, twelve partitions."""
    monkeypatch.setenv("LUMINAR_BROKER", broker)
    empty = tmp_path / "settings.yaml"
    empty.write_text("")
    loaded = load(empty, os.environ)
    asyncio.run(create_topics(loaded.process, loaded.settings))
    site = Site(broker, "", tmp_path, partitions=12)
    program = "import os, sys; from streams.settings import load; from streams.worker import run; "
    worker = site.start("empty", ("-c", program + f"run(load({str(empty)!r}, os.environ))"))
    try:
        worker.until_ready()
        assert worker.ask("/ready") == (200, f"ready: {READ * site.partitions} partitions\n")
        assert worker.stop() == 0
    finally:
        site.close()
