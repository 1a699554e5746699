"""A worker's host saves what was said and nothing else, and mends what fails."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from faust.types import TP
from prometheus_client import generate_latest

from detectors.bank import Finding, page_of
from detectors.columns import Run
from streams import meters
from streams.bus import Capability
from streams.engine.chunks import Chunk, chunk_of
from streams.engine.host import Host
from streams.engine.pages import page_key
from streams.engine.shard import Shard
from streams.settings import Process, Worker
from tests.fakes import log_chunk
from tests.streams.engine.counting import COUNTING, FAILING, Counting, Failing
from tests.streams.engine.desk import HERE, T0_MS, Desk
from tests.streams.engine.fragile import FRAGILE, Fragile, Log, count_of, feed, fold_fragile, readings
from tests.streams.engine.test_outbox import FakeProducer, turns
from topics.metrics import METRICS, Reading


async def test_pages_are_written_when_what_led_to_them_is_acknowledged_and_committed_when_they_are() -> None:
    """Pages go by a connection of their own: no word waits behind them."""
    desk, pages = Desk(COUNTING), FakeProducer()
    desk.host.app.producer.pages = pages
    await desk.host.take(COUNTING, desk.readings(*["a/load"] * 10))
    saving = asyncio.ensure_future(desk.host._save(dict(desk.host.held), float("inf")))
    await turns()
    assert (len(desk.sent("metrics")), desk.sent("state"), pages.sent) == (1, [], [])
    await desk.producer.acknowledge()
    assert {topic for topic, *_ in pages.sent} == {"state"}
    assert (desk.consumer.committable, desk.table) == ({}, {})
    await pages.acknowledge_all()
    await saving
    assert desk.consumer.committable == {HERE: 10}
    assert set(desk.table) == {page_key("counting", 0, page_of(b"a")), page_key("counting", 0, "pages")}


async def test_all_partitions_are_saved_in_turn() -> None:
    desk, there = Desk(COUNTING), TP("metrics", 1)
    desk.host.process = Process(partitions=2, worker=Worker(save_every_s=0.1))
    desk.host.load({HERE: (0, 0), there: (0, 0)})
    desk.host.app.should_stop = False
    for partition in (0, 1):
        log = [(T0_MS, Reading(series="a/load", value=1.0, at_s=T0_MS / 1000))] * (3 + partition)
        await desk.host.take(COUNTING, log_chunk(METRICS, log, partition))
    saving = asyncio.ensure_future(desk.host.save_for_ever())
    for _ in range(100):
        await asyncio.sleep(0.01)
        await desk.producer.acknowledge_all()
        if len(desk.consumer.committable) == 2:
            break
    saving.cancel()
    assert desk.consumer.committable == {HERE: 3, there: 4}
    assert {page_key("counting", number, "pages") for number in (0, 1)} <= set(desk.table)


async def test_what_is_folded_while_a_save_waits_is_not_in_it() -> None:
    """Its words are not acknowledged yet: a page that had it would lose them in a crash."""
    desk = Desk(COUNTING)
    await desk.host.take(COUNTING, desk.readings(*["a/load"] * 10))
    saving = asyncio.ensure_future(desk.host._save(dict(desk.host.held), float("inf")))
    await turns()
    await desk.host.take(COUNTING, desk.readings(*["a/load"] * 10))
    await desk.producer.acknowledge_all()
    await saving
    assert desk.consumer.committable == {HERE: 10}
    other = Shard(Counting, "metrics", 0)
    assert other.load(desk.table) == 10
    assert other.bank.entries[page_of(b"a")]["a/load"].count == 10  # type: ignore[attr-defined]


async def test_what_was_had_is_passed_over_and_what_is_missing_is_asked_for() -> None:
    desk = Desk(COUNTING)
    whole = desk.readings(*["a/load"] * 30)
    await desk.host.take(COUNTING, desk.chunk(0, 10))
    await desk.host.take(COUNTING, desk.chunk(20, 30))
    assert desk.consumer.rewound == [10]
    await desk.host.take(COUNTING, desk.chunk(0, 10))
    await desk.host.take(COUNTING, desk.chunk(5, 15))
    await desk.host.take(COUNTING, whole)
    assert desk.shard(COUNTING).bank.entries[page_of(b"a")]["a/load"].count == 30  # type: ignore[attr-defined]


async def test_a_batch_that_could_not_be_unpacked_is_in_the_dead_letters_once() -> None:
    desk = Desk(COUNTING, FAILING)
    desk.readings(*["a/load"] * 10)
    chunk = desk.chunk(0, 10)
    chunk.left_out, chunk.next = ((10, 19),), 20
    for _ in range(2):
        for capability in (COUNTING, FAILING):
            await desk.host.take(capability, chunk)
    await turns()
    await desk.producer.acknowledge_all()
    assert desk.sent("dead-letters") == [None]


async def test_a_record_that_cannot_be_folded_is_found_kept_and_said_and_the_rest_is_folded() -> None:
    desk = Desk(COUNTING, FAILING)
    chunk = desk.readings(*["a/load"] * 15, "a/poison", *["a/load"] * 15)
    await desk.host.take(FAILING, chunk)
    await desk.read_again(FAILING)
    await turns()
    assert desk.shard(FAILING).bank.entries[page_of(b"a")]["a/load"].count == 30  # type: ignore[attr-defined]
    assert [msgspec.json.decode(value)["series"] for value in desk.sent("dead-letters")] == ["a/poison"]
    (fault,) = [msgspec.json.decode(value) for value in desk.sent("signals")]
    assert fault["text"] == "failing could not fold metrics[0]@15; it is kept in dead-letters"
    assert desk.host.held["failing", HERE].stopped == ""


async def test_a_shard_whose_pages_do_not_load_after_a_fault_is_not_saved_by_a_save_under_way() -> None:
    """It is half folded. Shards are copied one after the other, with turns for others in between."""
    desk = Desk(COUNTING, FAILING)
    chunk = desk.readings(*["a/load"] * 15, "a/poison")
    await desk.host.take(COUNTING, chunk)

    def load(*_: Any) -> int:
        raise MemoryError("no room for pages")

    setattr(desk.shard(FAILING), "load", load)  # noqa: B010
    saving = asyncio.ensure_future(desk.host._save(dict(desk.host.held), float("inf")))
    await asyncio.sleep(0)
    assert desk.host._saving.locked()
    taking = asyncio.ensure_future(desk.host.take(FAILING, chunk))
    for _ in range(5):
        await turns()
        await desk.producer.acknowledge_all()
    await saving
    with pytest.raises(MemoryError):
        await taking
    assert {key for key in desk.table if b"failing" in key} == set()
    assert page_key("counting", 0, page_of(b"a")) in desk.table


async def test_a_shard_that_left_while_its_load_waited_for_a_save_is_not_loaded() -> None:
    desk = Desk(COUNTING, FAILING)
    chunk = desk.readings(*["a/load"] * 15, "a/poison")
    await desk.host.take(COUNTING, chunk)
    saving = asyncio.ensure_future(desk.host._save(dict(desk.host.held), float("inf")))
    await asyncio.sleep(0)
    shard = desk.shard(FAILING)
    taking = asyncio.ensure_future(desk.host.take(FAILING, chunk))
    await turns()
    leaving = asyncio.ensure_future(desk.host.let_go())
    for _ in range(8):
        await turns()
        await desk.producer.acknowledge_all()
    await asyncio.gather(saving, taking, leaving)
    assert shard.next == 0
    assert {key for key in desk.table if b"failing" in key} == set()
    assert desk.consumer.committable == {HERE: 0}


async def test_a_sound_record_that_fails_once_while_a_bad_one_is_looked_for_is_not_left_out() -> None:
    """Found by the simulation: a fault that is not in the log must not decide what is left out for ever."""

    def stumble(run: Run, bank: Failing) -> list[Finding]:
        alone.append(run.end - run.start == 1)
        if sum(alone) == 3 and alone[-1]:
            raise MemoryError("for once")
        return bank.fold(run)

    alone: list[bool] = []
    stumbling = Capability("failing", METRICS, Failing, (METRICS,), stumble)
    desk = Desk(stumbling)
    await desk.host.take(stumbling, desk.readings(*["a/load"] * 5, "a/poison", *["a/load"] * 5))
    await desk.read_again(stumbling)
    assert list(desk.shard(stumbling).skips) == [5]
    assert desk.shard(stumbling).bank.entries[page_of(b"a")]["a/load"].count == 10  # type: ignore[attr-defined]


async def test_a_fault_stops_nobody_else() -> None:
    desk = Desk(COUNTING, FAILING)
    chunk = desk.readings(*["a/load"] * 15, "a/poison", *["a/load"] * 15)
    await desk.host.take(FAILING, chunk)
    await desk.host.take(COUNTING, chunk)
    assert desk.shard(COUNTING).next == 31


async def test_on_leaving_all_is_saved_and_forgotten() -> None:
    desk = Desk(COUNTING)
    await desk.host.take(COUNTING, desk.readings("a/load", "b/load", "c/load"))
    leaving = asyncio.ensure_future(desk.host.let_go())
    await turns()
    await desk.producer.acknowledge_all()
    await leaving
    assert desk.host.held == {}
    assert Shard(Counting, "metrics", 0).load(desk.table) == 3


async def test_a_save_on_leaving_does_not_overtake_the_one_under_way() -> None:
    """Found by the simulation: what the first has copied counts as clean, so the second had nothing to wait for."""
    desk = Desk(COUNTING)
    desk.readings(*["a/load"] * 10)
    desk.log.append((T0_MS, b"{"))
    await desk.host.take(COUNTING, desk.chunk(0))
    saving = asyncio.ensure_future(desk.host._save(dict(desk.host.held), float("inf")))
    await turns()
    words, letters = desk.producer.acks
    words.set_result(None)
    leaving = asyncio.ensure_future(desk.host.let_go())  # it begins before the first save has looked again
    await turns()
    letters.set_result(None)
    await turns()
    assert not leaving.done()
    assert desk.consumer.committable == {}
    await desk.producer.acknowledge_all()
    await asyncio.gather(saving, leaving)
    assert desk.consumer.committable == {HERE: 11}
    assert Shard(Counting, "metrics", 0).load(desk.table) == 11


async def test_on_leaving_nobody_waits_for_a_broker_for_ever(monkeypatch: Any) -> None:
    desk = Desk(COUNTING)
    process = msgspec.structs.replace(
        desk.host.process, worker=msgspec.structs.replace(desk.host.process.worker, grace_s=0.02)
    )
    monkeypatch.setattr(desk.host, "process", process)
    await desk.host.take(COUNTING, desk.readings("a/load"))
    await desk.host.let_go()
    assert desk.table == {}
    assert desk.consumer.committable == {}


def test_a_shard_whose_records_are_gone_from_the_log_goes_on_behind_them() -> None:
    """A worker was away longer than the log keeps records: what is gone cannot be asked for, again and again."""
    log = Log(readings(*["load"] * 50), first=30)
    host = asyncio.run(feed(log))
    (held,) = host.held.values()
    assert held.shard.next == 50
    assert count_of(held.shard) == 20


def test_a_fault_is_looked_for_where_it_is_suspected_only() -> None:
    """Between the pages and the stretch that failed may lie far more records than in it."""
    Fragile.takes = 0
    log = Log(readings(*["load"] * 4000, *["load"] * 50, "poison", *["load"] * 49))
    steps: list[int] = []
    take = Host._step

    async def counted(self: Host, held: Any, tp: TP, chunk: Chunk) -> bool:
        steps.append(1)
        return await take(self, held, tp, chunk)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Host, "_step", counted)
        host = asyncio.run(feed(log))
    (held,) = host.held.values()
    assert list(held.shard.skips) == [4050]
    assert count_of(held.shard) == 4099
    assert len(steps) < 600


def test_a_shard_that_stopped_calls_nobody_back() -> None:
    """Going back for another shard starts from where the others stand, not from where it stopped for ever."""

    async def go() -> None:
        log = Log(readings(*["load"] * 50))
        other = Capability(
            "other", METRICS, type("Other", (Fragile,), {"capability": "other"}), (METRICS,), fold_fragile
        )
        host = await feed(log, (FRAGILE, other))
        stopped, going = host.held["fragile", HERE], host.held["other", HERE]
        stopped.shard.next, stopped.stopped = 10, "a fault"
        host.table.data.data.update(dict(going.shard.snapshot(float("inf"))[0]))
        await host._mend(going, HERE, chunk_of(METRICS.name, 0, 50, [(None, b"", 0)]), (0, 1), ValueError("again"))
        assert log.at == 50

    asyncio.run(go())


def test_partitions_that_have_left_are_measured_no_more() -> None:
    """The lag of a partition that another worker reads would stand still where it was last seen."""

    async def go() -> None:
        host = await feed(Log(readings("load")))
        host.table.data._key_partition = {}
        meters.lag.labels(METRICS.name, "0").set(7)
        await host.let_go()

    asyncio.run(go())
    assert b"luminar_lag_records{" not in generate_latest(meters.REGISTRY)


def test_what_cannot_be_written_is_a_fault_and_nothing_of_it_is_said() -> None:
    """State that went on without its outputs would be saved, and they be lost."""
    log = Log(readings("load", "load", "unspeakable", "load"))
    host = asyncio.run(feed(log))
    (held,) = host.held.values()
    assert list(held.shard.skips) == [2]
    assert count_of(held.shard) == 3
    waiting = [value for lane in host.outbox._lanes.values() for _, value, _ in lane.waiting]
    said = b"".join(value or b"" for value in host.app.producer._producer.log + waiting)
    assert b"out/count" in said
    assert b"out/first" not in said
