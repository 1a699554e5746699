"""A verification beside a running worker finds nothing wrong; what was changed, lost or made up is found and named."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner, Result

from benchmarks.storm.feed import SETTINGS, Feed
from detectors.anomaly_rows import ROW
from detectors.rows import SavedRows
from streams.admin import configuration
from streams.bus import capabilities
from streams.cli import main
from streams.client import Publisher
from streams.connection import admin
from streams.engine import pages
from streams.engine.pages import Page
from streams.replay import chosen_of
from streams.replay_compare import Identity
from streams.replay_logs import chunks, span_of
from streams.replay_shards import Replay
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, WorkerProcess
from topics import Origin
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS
from topics.signals import SIGNALS, Anomaly
from topics.state import STATE

# Pages are to stand at different positions while the worker works.
WORKER = {"save_every_s": 0.3, "save_bytes_per_s": 1 << 16}
READ = tuple(dict.fromkeys(capability.topic.name for capability in capabilities()))


def luminar(site: Site, *arguments: str) -> Result:
    """Call the program as an operator does."""
    return CliRunner().invoke(main, [*arguments, "--settings", str(site.file)], env={"LUMINAR_SETTINGS": None})


def verified(site: Site, *arguments: str, exit_code: int = 0) -> dict[str, dict[str, Any]]:
    """Verify; return by topic what is told as JSON."""
    result = luminar(site, "verify", *arguments, "--json")
    assert result.exit_code == exit_code, result.output
    return {(one := json.loads(line))["topic"].removeprefix(site.prefix): one for line in result.stdout.splitlines()}


async def beside(site: Site, worker: WorkerProcess) -> list[dict[str, dict[str, Any]]]:
    """Feed a worker, verify what it does while it works, in whole and as it moves; then let it finish and leave."""
    async with Publisher(site.loaded.process) as publisher:
        feed = Feed(publisher, 7)
        feeding = asyncio.create_task(feed.run())
        await asyncio.sleep(12)
        told = [await asyncio.to_thread(verified, site, *how) for how in ((), ("metrics", "--watch", "4"))]
        feed.stop()
        await feeding
    await asyncio.to_thread(site.until_folded, METRICS, REQUESTS, SIGNALS)
    assert await asyncio.to_thread(worker.stop) == 0
    return told


@pytest.fixture(scope="module")
def watched(module_site: MakeSite) -> tuple[Site, list[dict[str, dict[str, Any]]]]:
    """Give a deployment, and what was told of it while its worker worked."""
    site = module_site(settings={**SETTINGS, "worker": WORKER}).make_topics()
    asyncio.run(keep_old_pages(site))
    return site, asyncio.run(beside(site, site.start().until_ready()))


async def keep_old_pages(site: Site) -> None:
    """Have Kafka compact no state, which it otherwise may do at any time, or not."""
    lag = {"min.compaction.lag.ms": "86400000"}
    async with admin(site.loaded.process) as client:
        state = ConfigResource(ConfigResourceType.TOPIC, site.name_of(STATE), configuration(STATE) | lag)
        (answer,) = await client.alter_configs([state])
        assert [code for code, *_ in answer.resources] == [0]


async def write(site: Site, partition: int, key: bytes, value: bytes | None) -> None:
    """Write a record of the state topic, as no worker would."""
    async with Publisher(site.loaded.process) as publisher:
        await publisher.publish(STATE, value, key=key, partition=partition)


def test_beside_a_running_worker_state_and_outputs_agree(watched: tuple[Site, list[Any]]) -> None:
    _, (whole, moved) = watched
    assert tuple(whole) == READ
    assert {one["verdict"] for one in (*whole.values(), *moved.values())} == {"equal"}
    for topic in ("metrics", "requests"):
        for name, counts in whole[topic]["state"].items():
            assert counts["same"] == 4 * 64, name
            assert counts["rows"] > 0
        assert whole[topic]["partitions"]["0"]["begin"] == 0
    assert whole["metrics"]["outputs"]["anomaly"]["same"] > 0
    assert whole["requests"]["outputs"]["traffic"]["same"] > 0
    assert whole["metrics"]["outputs"]["bus"]["same"] > 0, "dead letters are compared, too"
    assert all(part["begin"] > 0 for part in moved["metrics"]["partitions"].values())
    assert moved["metrics"]["state"]["anomaly"]["same"] > 0
    assert all(" begins from its pages at " in note for note in moved["metrics"]["notes"])


def test_after_all_is_folded_all_is_compared(watched: tuple[Site, list[Any]]) -> None:
    site, _ = watched
    told = verified(site)
    assert {one["verdict"] for one in told.values()} == {"equal"}
    tallies = [tally for one in told.values() for tally in one["outputs"].values()]
    assert all(tally["said"] == tally["same"] + tally["gone"] for tally in tallies), tallies
    assert sum(tally["same"] > 0 for tally in tallies) > 8
    lines = luminar(site, "verify", "metrics").stdout.splitlines()
    assert lines[0] == f"{site.name_of(METRICS)}: state and outputs agree with the fold"


def test_of_a_range_only_that_is_compared(watched: tuple[Site, list[Any]]) -> None:
    site, _ = watched
    log = max(site.records(METRICS), key=len)
    middle = f"{log[len(log) // 2].time_ms / 1000:.3f}"
    first, second = (verified(site, "metrics", *way)["metrics"] for way in (("--to", middle), ("--from", middle)))
    whole = verified(site, "metrics")["metrics"]

    def said(told: dict[str, Any]) -> int:
        return sum(tally["said"] for tally in told["outputs"].values())

    assert {one["verdict"] for one in (first, second)} == {"equal"}
    assert 0 < said(first) < said(whole)
    assert said(first) + said(second) == said(whole)
    assert first["partitions"]["0"]["until"] < whole["partitions"]["0"]["until"]


# A page is damaged, and put right again ----------------------------------------------------------------------------


def one_row(page: Page) -> Page:
    """Change one bit of a row: of the level of its second series."""
    saved = msgspec.msgpack.decode(page.payload, type=SavedRows)
    rows = bytearray(saved.rows)
    rows[ROW.itemsize + ROW.fields["level"][1]] ^= 1  # type: ignore[index]
    payload = msgspec.msgpack.encode(msgspec.structs.replace(saved, rows=bytes(rows)))
    return msgspec.structs.replace(page, payload=payload)


def no_row(page: Page) -> Page:
    """Forget the first series."""
    saved = msgspec.msgpack.decode(page.payload, type=SavedRows)
    shorter = SavedRows(saved.names[1:], saved.heard_ms[8:], saved.rows[ROW.itemsize :], saved.extra)
    return msgspec.structs.replace(page, payload=msgspec.msgpack.encode(shorter))


def no_payload(page: Page) -> Page:
    """Hold what is no page of rows."""
    return msgspec.structs.replace(page, payload=b"\xc1")


def a_mark(page: Page) -> Page:
    """Take a word for had that never was."""
    return msgspec.structs.replace(page, marks=[*page.marks, ("traffic", "requests", 0, 7, 1, "x")])


def the_clock(page: Page) -> Page:
    """Say another time."""
    return msgspec.structs.replace(page, statement=msgspec.structs.replace(page.statement, clock_ms=1))


def the_place(page: Page) -> Page:
    """Say that it stands where the log has not come to."""
    return msgspec.structs.replace(page, statement=msgspec.structs.replace(page.statement, position=10**9))


DAMAGE: tuple[tuple[Callable[[Page], Page], str], ...] = (
    (one_row, r"row shop\d+/\w+, level"),
    (no_row, r"row shop\d+/\w+"),
    (no_payload, r"the page as a whole"),
    (a_mark, r"mark of traffic, requests\[0\]"),
    (the_clock, r"the log's clock in ms"),
    (the_place, r"where it stands"),
)


def test_pages_that_are_not_what_the_log_gives_are_found_and_named(watched: tuple[Site, list[Any]]) -> None:
    site, _ = watched
    newest = {m.key: (p, m.value) for p, log in enumerate(site.records(STATE)) for m in log if m.key and m.value}
    filled = {key: found for key, found in newest.items() if re.fullmatch(rb"anomaly/\d+/\d+", key)}
    assert len(filled) >= len(DAMAGE)
    for (key, (partition, raw)), (damage, _) in zip(filled.items(), DAMAGE, strict=False):
        page = pages.decode_page(raw)
        # Saved anew under another stamp: no statement is about it but its own.
        anew = msgspec.structs.replace(page, statement=msgspec.structs.replace(page.statement, stamp=b"new"))
        asyncio.run(write(site, partition, key, pages.encode(damage(anew))))
    told = verified(site, "metrics", exit_code=1)["metrics"]
    assert (told["verdict"], told["differences"]) == ("different", [])
    wrong = {f"anomaly/{one['partition']}/{one['page']}".encode(): one for one in told["pages"]}
    assert len(told["pages"]) == told["state"]["anomaly"]["different"] == len(DAMAGE)
    for key, (_, what) in zip(filled, DAMAGE, strict=False):
        assert re.fullmatch(what, wrong[key]["what"])
        assert wrong[key]["expected"] != wrong[key]["found"]
    lines = luminar(site, "verify", "metrics", "--capability", "anomaly").stdout.splitlines()
    assert lines[0].endswith("not what the fold gives")
    assert sum(line.startswith("state: anomaly[") and ": expected " in line for line in lines) == len(DAMAGE)
    for key, (partition, raw) in filled.items():
        asyncio.run(write(site, partition, key, raw))
    assert verified(site, "metrics")["metrics"]["state"]["anomaly"]["same"] == 4 * 64


# What was said is lost, changed, and said out of order --------------------------------------------------------------


async def publish(site: Site, record: Anomaly) -> None:
    """Publish one record."""
    async with Publisher(site.loaded.process) as publisher:
        await publisher.publish(SIGNALS, record)


async def folded(site: Site) -> Replay:
    """Fold the readings of a site, as a worker's anomaly would."""
    topic, chosen = chosen_of("metrics", "anomaly")
    span = await span_of(site.loaded.process, topic, "beginning", "now", print)
    run = Replay(topic, chosen, len(span.begins))
    async with aclosing(chunks(site.loaded.process, topic, span.begins, span.until, print)) as found:
        async for chunk in found:
            run.fold(chunk, span)
    return run


async def err(site: Site, wrong: dict[Identity, bytes | None], later: Identity) -> None:
    """Do what a worker does for `metrics`, but for what is wrong: fold it, say all, `later` last, save all pages."""
    run = await folded(site)
    async with Publisher(site.loaded.process) as publisher:
        words = [(i, word) for i, word in run.now.items() if i.home == "signals"]
        for identity, word in sorted(words, key=lambda pair: pair[0] == later):
            content = wrong.get(identity, word.copy.content)
            if content is not None:
                await publisher.publish(SIGNALS, content, key=word.copy.key)
        for partition in range(run.count):
            for _, shard in run.shards_of(partition):
                for key, value in shard.snapshot(float("inf"))[0]:
                    await publisher.publish(STATE, value, key=key, partition=partition)


async def spikes(site: Site) -> list[Identity]:
    """Send readings with spikes; return which words that leads to, in the order of the log."""
    async with Publisher(site.loaded.process) as publisher:
        at_s = time.time() - 15
        for i in range(300):
            reading = Reading(series="shop/load", value=5.0 + (i % 7) / 10 + 9.0 * (i % 30 > 27), at_s=at_s + i / 20)
            await publisher.publish(METRICS, reading)
    return [identity for identity in (await folded(site)).now if identity.home == "signals"]


def test_what_was_lost_changed_made_up_or_said_out_of_order_is_found_and_named(make_site: MakeSite) -> None:
    settings = {"anomaly": {"warmup": 12, "bucket_s": 1, "alarms_per_day": 100}}
    site = make_site(settings=settings).make_topics()
    lost, changed, late, *others = asyncio.run(spikes(site))
    assert others
    assert verified(site, "metrics", "--capability", "anomaly", exit_code=2)["metrics"]["unchecked"] == [
        f"anomaly[{p}]: no page is saved" for p in range(4)
    ]
    made_up = Anomaly(series="shop/load", kind="level", at_s=1.0, origin=Origin("anomaly", "metrics", 0, 1, (1, "x")))
    louder = msgspec.structs.replace(made_up, score=99.0, origin=changed.origin)
    asyncio.run(err(site, {lost: None, changed: msgspec.json.encode(louder)}, late))
    asyncio.run(publish(site, made_up))
    told = verified(site, "metrics", "--capability", "anomaly", exit_code=1)["metrics"]
    assert told["state"]["anomaly"]["same"] == 4 * 64
    assert {one["kind"]: one["origin"]["offset"] for one in told["differences"]} == {
        "only now": lost.origin.offset,
        "different": changed.origin.offset,
        "out of order": late.origin.offset,
        "only then": 1,
    }
    lines = luminar(site, "verify", "metrics", "--capability", "anomaly").stdout.splitlines()
    (line,) = [line for line in lines if line.startswith("different: ")]
    assert f"metrics[{changed.origin.partition}]@{changed.origin.offset} → anomaly on signals: " in line
    assert "score: 99.0 → " in line


# The log has lost its beginning --------------------------------------------------------------------------------------


async def forget(site: Site, before: dict[int, int]) -> None:
    """Delete the records of `metrics` before these offsets, as Kafka does when their time has passed."""
    gone = {TopicPartition(site.name_of(METRICS), p): RecordsToDelete(end) for p, end in before.items()}
    async with admin(site.loaded.process) as client:
        await client.delete_records(gone)


def test_without_the_log_s_beginning_it_is_said_what_could_not_be_checked(watched: tuple[Site, list[Any]]) -> None:
    """The fold begins from the oldest pages that are kept; from there on all is compared."""
    site, _ = watched
    ends = site.ends(METRICS)
    whole = verified(site, "metrics")["metrics"]
    asyncio.run(forget(site, {p: end // 2 for p, end in ends.items()}))
    told = verified(site, "metrics", exit_code=2)["metrics"]
    assert (told["verdict"], told["pages"], told["differences"]) == ("unchecked", [], [])
    assert all(ends[p] // 2 <= told["partitions"][str(p)]["begin"] < ends[p] for p in ends)
    assert 0 < told["state"]["anomaly"]["same"] <= whole["state"]["anomaly"]["same"]
    assert 0 < told["outputs"]["anomaly"]["same"] < whole["outputs"]["anomaly"]["same"]
    gone = re.compile(r"anomaly\[\d\]: what was said of \d+\.\.\d+: the log's beginning is gone")
    assert sum(bool(gone.fullmatch(one)) for one in told["unchecked"]) == len(ends)
    lines = luminar(site, "verify", "metrics").stdout.splitlines()
    assert lines[0].endswith(": no difference, but not all could be checked")
    assert any(gone.fullmatch(line.strip()) for line in lines)

    asyncio.run(forget(site, ends))
    told = verified(site, "metrics", exit_code=2)["metrics"]
    assert told["state"]["anomaly"]["same"] == told["folded"] == 0
