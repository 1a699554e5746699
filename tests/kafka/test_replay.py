"""A log that workers have folded is folded again: the same is said; what was changed, lost or made up is found."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from click.testing import CliRunner, Result

from streams.cli import main
from streams.client import Publisher
from streams.connection import connection
from streams.replay import chosen_of
from streams.replay_compare import Identity, Word
from streams.replay_logs import chunks, span_of
from streams.replay_shards import Replay
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, until
from topics import Origin
from topics.alerts import ALERTS
from topics.blocklist import BLOCKLIST
from topics.commands import COMMANDS
from topics.metrics import METRICS, Reading
from topics.proposals import PROPOSALS
from topics.requests import REQUESTS, Request
from topics.signals import SIGNALS, Anomaly

SETTINGS: dict[str, Any] = {
    "anomaly": {"warmup": 12, "bucket_s": 1},
    "decisions": {"cooldown_s": 1},
    "services": {"shop": {"scaling": {"load": "shop/load", "capacity": 2, "every_s": 1, "stabilisation_s": 2}}},
    "worker": {"save_every_s": 0.2},
}
SAID_ON = {"metrics": ("anomaly", "scaling"), "requests": ("security", "traffic"), "signals": ("incidents",)}


async def feed(site: Site) -> None:
    """Send readings with spikes, one of them misplaced, what is no reading, and a flood of requests."""
    async with Publisher(site.loaded.process) as publisher:
        at_s = time.time()
        for i in range(300):
            value = 5.0 + (i % 7) / 10 + (9.0 if i % 100 > 90 else 0.0)
            for service in ("shop", "bank", "mail", "film"):
                reading = Reading(series=f"{service}/load", value=value, at_s=at_s - 15 + i / 20)
                await publisher.publish(METRICS, reading)
        stray = Reading(series="shop/stray", value=1.0, at_s=at_s)
        for partition in range(site.partitions):
            await publisher.publish(METRICS, stray, partition=partition)
        await publisher.publish(METRICS, b"{", key=b"shop")
        for i in range(130):
            request = Request(client="203.0.113.7", at_s=at_s + i / 100, path="/cart", status=200, service="shop")
            await publisher.publish(REQUESTS, request)


@pytest.fixture(scope="module")
def site(module_site: MakeSite) -> Site:
    """Give a deployment whose worker has folded all that was fed, and has left."""
    site = module_site(settings=SETTINGS).make_topics()
    worker = site.start().until_ready()
    asyncio.run(feed(site))
    for topic in (ALERTS, BLOCKLIST, COMMANDS):
        until(lambda name=topic: sum(site.ends(name).values()), f"something is said on {topic.name}")  # type: ignore[misc]
    until(lambda: worker.meter("luminar_said_total", capability="traffic"), "what the second came to is said")
    site.until_folded(METRICS, REQUESTS, SIGNALS, PROPOSALS)
    assert worker.stop() == 0
    return site


def luminar(site: Site, *arguments: str) -> Result:
    """Call the program as an operator does."""
    return CliRunner().invoke(main, [*arguments, "--settings", str(site.file)], env={"LUMINAR_SETTINGS": None})


def replayed(site: Site, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
    """Replay and return what is told as JSON."""
    result = luminar(site, "replay", *arguments, "--json")
    assert result.exit_code == exit_code, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


@pytest.mark.parametrize("topic", ["metrics", "requests", "signals", "proposals"])
def test_a_replay_says_what_the_worker_said(site: Site, topic: str) -> None:
    told = replayed(site, "--topic", topic)
    assert (told["equal"], told["differences"], told["from_the_first_record"]) == (True, [], True)
    for tally in told["capabilities"].values():
        assert tally["said"] == tally["same"] + tally["pending"]
    same = {name: tally["same"] for name, tally in told["capabilities"].items()}
    assert all(same[name] for name in SAID_ON.get(topic, ("decisions",))), same
    assert same["forward"] == (site.partitions - 1 if topic == "metrics" else 0)
    assert same["bus"] == (topic == "metrics"), "what is no reading is among the dead letters"


def test_of_a_range_only_what_its_records_led_to_is_compared(site: Site) -> None:
    whole = replayed(site, "--topic", "metrics", "--capability", "anomaly")
    assert list(whole["capabilities"]) == ["anomaly", "bus", "forward"]
    log = max(site.records(METRICS), key=len)
    middle_s = log[2 * len(log) // 3].time_ms / 1000
    parts = [
        replayed(site, "--topic", "metrics", "--capability", "anomaly", *range_)
        for range_ in (("--to", f"{middle_s:.3f}"), ("--from", f"{middle_s:.3f}"))
    ]
    assert all(part["equal"] for part in parts)
    assert parts[0]["folded"] == parts[1]["folded_before"] > 0
    assert sum(part["capabilities"]["anomaly"]["same"] for part in parts) == whole["capabilities"]["anomaly"]["same"]


def test_other_settings_are_weighed_against_what_was_said(site: Site, tmp_path: Any) -> None:
    file = tmp_path / "deaf.yaml"
    file.write_text(yaml.safe_dump({**SETTINGS, "anomaly": {"warmup": 10_000, "bucket_s": 1}}))
    arguments = ("--topic", "metrics", "--capability", "anomaly", "--with-settings", str(file))
    told = replayed(site, *arguments)
    was = replayed(site, "--topic", "metrics", "--capability", "anomaly")["capabilities"]["anomaly"]["same"]
    assert told["equal"] is False
    tally = told["capabilities"]["anomaly"]
    assert tally["only_then"] > 0
    assert tally["only_then"] + tally["same"] + tally["different"] == was
    lines = luminar(site, "replay", *arguments).stdout.splitlines()
    assert lines[0].endswith(f"with settings {told['settings']} all along")
    assert any(line.startswith("only then: ") and " → anomaly on signals: level " in line for line in lines)


def test_who_asks_for_what_there_is_not_is_told_what_there_is(site: Site) -> None:
    for arguments, hint in (
        (("--topic", "metric"), "did you mean 'metrics'?"),
        (("--topic", "metrics", "--capability", "security"), "no capability 'security' reads metrics"),
    ):
        result = luminar(site, "replay", *arguments)
        assert result.exit_code == 2
        assert hint in result.output


# A worker of this test's own, which errs -----------------------------------------------------------------------------


async def say_again(site: Site, wrong: Mapping[Identity, bytes | None]) -> None:
    """Say all that a replay of `metrics` says, but for what is wrong; say that the group has folded the log."""
    process = site.loaded.process
    words, ends = await words_of(site)
    async with Publisher(process) as publisher:
        for identity, word in words.items():
            content = wrong.get(identity, word.copy.content)
            if content is not None:
                await publisher.publish(SIGNALS, content, key=word.copy.key)
    consumer = AIOKafkaConsumer(**connection(process), group_id=process.group, enable_auto_commit=False)
    await consumer.start()
    try:
        name = site.name_of(METRICS)
        consumer.assign([TopicPartition(name, p) for p in ends])
        await consumer.commit({TopicPartition(name, p): end for p, end in ends.items()})
    finally:
        await consumer.stop()


async def words_of(site: Site) -> tuple[dict[Identity, Word], Mapping[int, int]]:
    """Return what a replay of `metrics` says, and where the log ends."""
    process = site.loaded.process
    topic, chosen = chosen_of("metrics", "anomaly")
    span = await span_of(process, topic, "beginning", "now", print)
    run = Replay(topic, chosen, len(span.begins))
    async with aclosing(chunks(process, topic, span.begins, span.until, print)) as found:
        async for chunk in found:
            run.fold(chunk, span)
    return {i: word for i, word in run.now.items() if i.home == "signals"}, span.until


async def forget(site: Site, topic: Any) -> None:
    """Delete all records that a topic has, as Kafka does when their time has passed."""
    client = AIOKafkaAdminClient(**connection(site.loaded.process))
    await client.start()
    try:
        name = site.name_of(topic)
        ends = await asyncio.to_thread(site.ends, topic)
        await client.delete_records({TopicPartition(name, p): RecordsToDelete(end) for p, end in ends.items()})
    finally:
        await client.close()


def test_what_was_lost_changed_or_made_up_is_found(make_site: MakeSite) -> None:
    site = make_site(settings=SETTINGS).make_topics()
    asyncio.run(feed(site))
    arguments = ("--topic", "metrics", "--capability", "anomaly", "--to", str(time.time() + 60))
    before = replayed(site, *arguments)
    assert (before["equal"], before["capabilities"]["anomaly"]["same"]) == (True, 0)
    assert before["capabilities"]["anomaly"]["pending"] == before["capabilities"]["anomaly"]["said"] > 2

    words, _ = asyncio.run(words_of(site))
    lost, changed, *_ = words
    record: Any = msgspec.json.decode(words[changed].copy.content, type=Anomaly)
    louder = msgspec.json.encode(msgspec.structs.replace(record, score=99.0))
    asyncio.run(say_again(site, {lost: None, changed: louder}))
    made_up = Anomaly(series="shop/load", kind="level", at_s=1.0, origin=Origin("anomaly", "metrics", 0, 1, (1, "x")))
    asyncio.run(publish(site, made_up))

    told = replayed(site, *arguments, exit_code=1)
    tally = told["capabilities"]["anomaly"]
    assert (tally["only_now"], tally["different"], tally["only_then"]) == (1, 1, 1)
    assert tally["same"] == tally["said"] - 2 == len(words) - 2
    found = {one["kind"]: one for one in told["differences"] if one["origin"]["capability"] == "anomaly"}
    assert found["only now"]["origin"]["offset"] == lost.origin.offset
    assert found["different"]["then"]["score"] == 99.0
    assert found["only then"]["origin"]["subject"] == [1, "x"]
    result = luminar(site, "replay", *arguments)
    assert f"; score: 99.0 → {record.score}" in result.stdout

    asyncio.run(forget(site, SIGNALS))
    told = replayed(site, *arguments, exit_code=1)
    assert told["capabilities"]["anomaly"]["gone"] == len(words)
    asyncio.run(forget(site, METRICS))
    told = replayed(site, *arguments, exit_code=0)
    assert (told["folded"], told["from_the_first_record"]) == (0, False)
    assert "the log has lost its first records" in told["notes"][0]


async def publish(site: Site, record: Anomaly) -> None:
    """Publish one record."""
    async with Publisher(site.loaded.process) as publisher:
        await publisher.publish(SIGNALS, record)
