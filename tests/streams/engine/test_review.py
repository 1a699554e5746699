"""What an adversary tried on the engine, and what comes of it now."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from faust.types import TP
from prometheus_client import generate_latest

import streams.worker
from detectors import compiled
from detectors.bank import Finding, page_of
from detectors.columns import Run
from detectors.ledger import Entry, Ledger
from streams import meters
from streams.bus import Capability
from streams.engine import chunks as engine_chunks
from streams.engine import transport
from streams.engine.chunks import Chunk, chunk_of, split
from streams.engine.host import Host
from streams.engine.outbox import Outbox
from streams.ingest import FORMATS
from streams.ingest.translate import translate
from streams.reader import Message
from streams.settings import load
from streams.worker import build
from tests.fakes import fold_into, shard_of, state_of
from topics import Derived, Record
from topics.control import SettingsChange
from topics.metrics import METRICS, Reading
from topics.requests import Request
from topics.settings import Settings, SettingsRecord, Source

HERE = TP(METRICS.name, 0)


class Client:
    """Stands in for aiokafka's consumer: knows which partitions it holds, and which of them are paused."""

    def __init__(self) -> None:
        self.paused: set[Any] = set()
        self.assigned = {HERE}
        self._fetcher = SimpleNamespace(_fetch_max_wait_ms=transport.IDLE_WAIT_MS)
        self._subscription = SimpleNamespace(is_assigned=lambda tp: tp in self.assigned)

    def pause(self, *tps: Any) -> None:
        """Fetch no more of these."""
        self.paused.update(tps)

    def resume(self, *tps: Any) -> None:
        """Fetch these again."""
        self.paused.difference_update(tps)


def worker() -> Any:
    """Return a worker of which nothing is opened."""
    return build(load(env={}))


def chunks(*edges: int) -> list[Chunk]:
    """Return chunks of empty values that follow one on the other."""
    return [chunk_of(METRICS.name, 0, low, [(None, b"", 0)] * (high - low)) for low, high in pairwise(edges)]


async def drain(app: Any, client: Client, fetched: list[Chunk], monkeypatch: pytest.MonkeyPatch) -> list[Chunk]:
    """Let a consumer drain what was fetched; return what came through to the agents."""
    consumer = app.consumer
    heard: list[Chunk] = []
    fetcher: Any = SimpleNamespace(_stopped=asyncio.Event())
    monkeypatch.setattr(type(consumer), "_client", client, raising=False)

    async def hear(message: Any) -> None:
        heard.append(message.value)

    async def wait_next_records(timeout: float) -> tuple[Any, Any]:
        fetcher._stopped.set()
        return {HERE: fetched}, {HERE}

    consumer.callback, consumer._wait_next_records = hear, wait_next_records
    await consumer._drain_messages(fetcher)
    return heard


def test_a_partition_that_is_read_from_far_before_its_committed_offset_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a new capability needs it: Faust would drop these chunks, and the partition stay paused."""

    async def go() -> None:
        app, client = worker(), Client()
        app.consumer._read_offset.update({HERE: 1000})
        fetched = chunks(0, 10, 20, 30)
        assert await drain(app, client, fetched, monkeypatch) == fetched
        for chunk in fetched:
            for _ in range(app.host.readers(HERE.topic)):
                app.consumer.finished(HERE, chunk)
        assert not client.paused

    asyncio.run(go())


def test_what_is_read_again_is_read_even_if_a_later_chunk_was_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust notes the offset of a chunk after it has been delivered, which may be after somebody went back."""

    async def go() -> None:
        app, client = worker(), Client()
        first, again = chunks(10, 20), chunks(0, 10, 20)
        await drain(app, client, first, monkeypatch)
        assert await drain(app, client, again, monkeypatch) == again

    asyncio.run(go())


def test_a_chunk_from_before_a_rebalance_frees_no_room_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its agents may be done with it only when the partition has come back and chunks of it are in hand again."""

    async def go() -> None:
        app, client = worker(), Client()
        (old,) = await drain(app, client, chunks(0, 10), monkeypatch)
        app.consumer._in_hand.clear()
        await drain(app, client, chunks(0, 10, 20), monkeypatch)
        assert client.paused
        for _ in range(app.host.readers(HERE.topic)):
            app.consumer.finished(HERE, old)
        assert client.paused

    asyncio.run(go())


def test_a_chunk_that_all_are_done_with_holds_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns know how to decode their chunk, so that only the garbage collector would part the two."""

    async def go() -> None:
        app, client = worker(), Client()
        (chunk,) = await drain(app, client, chunks(0, 10), monkeypatch)
        app.host.decoders[HERE.topic].columns(chunk)
        for _ in range(app.host.readers(HERE.topic)):
            assert chunk.columns is not None
            app.consumer.finished(HERE, chunk)
        assert chunk.columns is None

    asyncio.run(go())


class Batch:
    """Stands in for a batch of aiokafka's producer."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []

    def append(self, value: bytes | None, **_: Any) -> object:
        """Take a record."""
        self.values.append(value)
        return self

    def close(self) -> None:
        """Take no more."""
        self.values = list(self.values)


class LosingProducer:
    """Stands in for aiokafka's producer: the batch that holds what is `lost` fails, all others are acknowledged."""

    def __init__(self, lost: bytes) -> None:
        self.lost = lost
        self.log: list[bytes | None] = []

    def create_batch(self) -> Batch:
        """Begin a batch."""
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, partition: int) -> asyncio.Future[None]:
        """Send a batch, or lose it."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.lost in batch.values:
            sent.set_exception(TimeoutError("lost"))
        else:
            self.log += batch.values
            sent.set_result(None)
        return sent


def test_nothing_overtakes_what_was_lost() -> None:
    """A reader that had the later would drop the lost as had before when it is said again."""

    async def go() -> None:
        producer = LosingProducer(b"2")
        failures: list[BaseException] = []
        outbox = Outbox(lambda: producer, failures.append)
        for value in (b"1", b"2", b"3"):
            outbox.put("signals", 0, None, value)
            for _ in range(10):
                await asyncio.sleep(0)
        assert producer.log == [b"1"]
        assert [str(why) for why in failures] == ["lost"]

    asyncio.run(go())


class Mark(Entry, kw_only=True):
    """How many readings there were."""

    count: int = 0


class Fragile(Ledger):
    """Counts readings and says each; fails at those that are named poison."""

    capability = "fragile"
    key = "series"
    entry = Mark
    takes: ClassVar[int] = 0

    def group_of(self, record: Record) -> str | None:
        """Return the service."""
        assert isinstance(record, Reading)
        return record.service

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading, or fail."""
        assert isinstance(record, Reading)
        Fragile.takes += 1
        if record.series.endswith("/poison"):
            raise ZeroDivisionError(record.series)
        if record.series.endswith("/unspeakable"):
            return [Reading(series=name, value=0.0, at_s=record.at_s) for name in ("out/first", "out/half\ud800")]
        mark = entries.setdefault(record.service, Mark())
        mark.count += 1
        return [Reading(series="out/count", value=float(mark.count), at_s=record.at_s)]

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Nothing is ever due."""
        raise AssertionError(name)


def fold_fragile(run: Run, bank: Fragile) -> list[Finding]:
    """Count readings."""
    return bank.fold(run)


class Log:
    """Stands in for the consumer: a log in memory that is read in chunks, from `first` on, and again after a rewind."""

    def __init__(self, records: list[bytes], first: int = 0) -> None:
        self.records, self.first, self.at = records, first, first
        self.rewinds = 0
        self.committable: dict[TP, int] = {}

    async def earliest_offsets(self, tp: TP) -> dict[TP, int]:
        """Return the first offset that is still there."""
        return {tp: self.first}

    async def rewind(self, tp: TP, offset: int) -> None:
        """Read again from an offset; one that is there no longer becomes the first."""
        self.rewinds += 1
        assert self.rewinds < 20, "it goes back for ever"
        self.at = max(self.first, offset)

    def next_chunk(self, size: int) -> Chunk | None:
        """Return what comes next."""
        at, values = self.at, self.records[self.at : self.at + size]
        self.at += len(values)
        return chunk_of(METRICS.name, 0, at, [(None, value, 1000) for value in values]) if values else None


FRAGILE = Capability("fragile", METRICS, Fragile, (METRICS,), fold_fragile)


async def feed(log: Log, capabilities: tuple[Capability, ...] = (FRAGILE,), size: int = 100) -> Host:
    """Let a host read a log to its end; its outbox keeps what was said."""
    host = Host(load(env={"LUMINAR_PARTITIONS": "1"}).process, capabilities)
    producer = LosingProducer(b"never")
    app = SimpleNamespace(consumer=log, producer=SimpleNamespace(_producer=producer))
    host.attach(app, SimpleNamespace(data=SimpleNamespace(data={})))
    host.load({HERE: (0, len(log.records))})
    while chunk := log.next_chunk(size):
        for capability in capabilities:
            await host.take(capability, chunk)
    return host


def count_of(shard: Any) -> int:
    """Return how many readings a shard has counted."""
    return int(shard.bank.entries[page_of(b"shop")]["shop"].count)


def readings(*names: str) -> list[bytes]:
    """Return readings of these series as they stand in the log."""
    return [msgspec.json.encode(Reading(series=f"shop/{name}", value=1.0, at_s=1.0)) for name in names]


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
    waiting = [item.value for lane in host.outbox._lanes.values() for item in lane.waiting]
    said = b"".join(value or b"" for value in host.app.producer._producer.log + waiting)
    assert b"out/count" in said
    assert b"out/first" not in said


def test_settings_that_were_replaced_are_told_nobody_and_broken_ones_end_no_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log of the settings holds old ones until it is compacted; and whoever may write to it may write anything."""
    said: list[Any] = []
    values = [
        msgspec.json.encode(SettingsRecord(version=name, settings=Settings())) for name in ("old", "new", "newest")
    ]
    log = [Message("settings", 0, i, 0, None, value) for i, value in enumerate([values[0], values[1], b"{", values[2]])]

    async def read_settings(process: Any, topic: Any, *, since: Any = None, until: Any) -> AsyncIterator[Message]:
        for message in log[since[0] if since else 0 : until[0] if until else None]:
            said.append(host.desired.version if host.desired else None)
            yield message

    async def bounds_of(process: Any, topic: Any) -> dict[int, tuple[int, int]]:
        return {0: (0, 2)}

    host = Host(load(env={}).process, ())
    monkeypatch.setattr(streams.worker, "read", read_settings)
    monkeypatch.setattr(streams.worker, "bounds", bounds_of)
    asyncio.run(streams.worker.follow_settings(host, host.process))
    assert said == [None, None, "new", "new"]
    assert host.desired is not None
    assert host.desired.version == "newest"


def test_a_page_whose_settings_were_never_saved_is_learned_again() -> None:
    """A worker may die between the two; the next must not fall over what it left, and all others after it."""
    change = SettingsChange("v2", Settings())
    history = [(1000 * i, Reading(series="shop/load", value=1.0, at_s=float(i))) for i in range(4)]
    log: list[Any] = [*history, (4000, change), *((5000 + when, what) for when, what in history)]
    first, again = shard_of(Fragile, METRICS), shard_of(Fragile, METRICS)
    said = fold_into(first, METRICS, log)
    table = {key: value for key, value in first.snapshot(float("inf"))[0] if b"settings" not in key}
    assert again.load(table, 0, len(log)) == 0
    assert fold_into(again, METRICS, log) == said
    assert state_of(again) == state_of(first)
    assert again.version == "v2"


def test_a_record_at_which_translation_fails_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker would read it again, and end at it."""

    def parse(value: bytes, key: bytes | None, source: Source) -> list[Reading | Request]:
        return [Reading(series="shop/load", value=1 / len(value), at_s=1.0)]

    async def go() -> list[tuple[str, Any]]:
        host = await feed(Log([]))
        monkeypatch.setitem(FORMATS, "canonical", parse)
        chunk = chunk_of("foreign", 0, 0, [(None, value, 1000) for value in (b"1", b"", b"1")])
        await translate(host, Source(topic="foreign", format="canonical"), chunk)
        assert host.stateless == {TP("foreign", 0): 3}
        return [(lane.topic, len(lane.waiting)) for lane in host.outbox._lanes.values()]

    assert asyncio.run(go()) == [("metrics", 2), ("dead-letters", 1)]


def batch_of(values: list[bytes], base: int, codec: int) -> bytes:
    """Return a record batch as a producer writes and a broker keeps it."""
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 30)
    for i, value in enumerate(values):
        builder.append(i, 1000, None, value, [])
    return struct.pack(">q", base) + bytes(builder.build())[8:]


@pytest.mark.parametrize("codec", [1, 3, 4])
def test_a_batch_that_would_fill_the_memory_is_left_out(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write to a topic can make a gigabyte of some kilobytes; what is around it is read all the same."""
    monkeypatch.setattr(engine_chunks, "LARGEST_BATCH", 1 << 20)
    monkeypatch.setattr(engine_chunks, "_room", np.empty(1 << 20, np.uint8))
    raw = batch_of([b"a"], 0, codec) + batch_of([bytes(2 << 20)], 1, codec) + batch_of([b"b", b"c"], 2, codec)
    chunk = split("metrics", 0, raw, 0)
    assert [chunk.value(i) for i in range(len(chunk))] == [b"a", b"b", b"c"]
    assert (chunk.start, chunk.next) == (0, 4)


def test_a_chunk_ends_before_its_positions_need_more_than_31_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is fetched again, and comes with the next chunk."""
    monkeypatch.setattr(engine_chunks, "LARGEST_CHUNK", 100)
    raw = b"".join(batch_of([b"x" * 90], base, 3) for base in range(4))
    first = split("metrics", 0, raw, 0)
    rest = split("metrics", 0, raw, first.next)
    assert (len(first), first.next, len(rest), rest.next) == (2, 2, 2, 4)


def test_compiled_kernels_of_another_version_stay_while_it_may_run(tmp_path: Path) -> None:
    """Two versions on one machine: who starts must not take away what the other is compiling."""
    folders = [tmp_path / f"kernels-{i}" for i in range(compiled.KEPT + 2)]
    for age, folder in enumerate(folders):
        folder.mkdir()
        os.utime(folder, (1000 - age, 1000 - age))
    compiled._clear_away(tmp_path, folders[-1])
    assert {folder for folder in folders if folder.exists()} == {*folders[: compiled.KEPT], folders[-1]}
