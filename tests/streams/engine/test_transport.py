"""What was fetched reaches every agent, whatever Faust remembers of the partition."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from faust.tables.recovery import RebalanceAgain
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from streams.engine import fetching
from streams.engine.chunks import Chunk, chunk_of
from streams.settings import load
from streams.worker import build
from topics.metrics import METRICS

HERE = TP(METRICS.name, 0)


class Client:
    """Stands in for aiokafka's consumer: knows which partitions it holds, and which of them are paused."""

    def __init__(self) -> None:
        self.paused: set[Any] = set()
        self.sought: list[tuple[Any, int]] = []
        self.assigned = {HERE}
        self._fetcher = SimpleNamespace(_fetch_max_wait_ms=fetching.IDLE_WAIT_MS)
        self._subscription = SimpleNamespace(is_assigned=lambda tp: tp in self.assigned)

    def pause(self, *tps: Any) -> None:
        """Fetch no more of these."""
        assert self.assigned.issuperset(tps), "No current assignment"
        self.paused.update(tps)

    def resume(self, *tps: Any) -> None:
        """Fetch these again."""
        self.paused.difference_update(tps)

    def seek(self, tp: Any, offset: int) -> None:
        """Read on from here."""
        self.sought.append((tp, offset))

    def last_stable_offset(self, tp: Any) -> int:
        """Return where what may be read ends."""
        assert tp in self.assigned, "Partition is not assigned"
        return 7

    def highwater(self, tp: Any) -> int:
        """Return where the partition ends."""
        assert tp in self.assigned, "Partition is not assigned"
        return 9


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
        app.consumer.finished(HERE, old)
        assert client.paused

    asyncio.run(go())


def test_a_chunk_that_all_are_done_with_holds_no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns know how to decode their chunk, so that only the garbage collector would part the two."""

    async def go() -> None:
        app, client = worker(), Client()
        (chunk,) = await drain(app, client, chunks(0, 10), monkeypatch)
        app.host.decoders[HERE.topic].columns(chunk)
        assert chunk.columns is not None
        app.consumer.finished(HERE, chunk)
        assert chunk.columns is None

    asyncio.run(go())


@pytest.mark.parametrize(
    ("heard", "sought_by_others", "stays", "then"),
    [
        (0, False, True, [(HERE, 0)]),
        (1, False, True, [(HERE, 10)]),
        (1, True, True, [(HERE, 5)]),
        (1, False, False, []),
        (3, False, True, []),
    ],
)
def test_what_was_fetched_and_cannot_be_delivered_is_fetched_again(
    heard: int, sought_by_others: bool, stays: bool, then: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow stops; a fetch that was on its way has moved the position, maybe after recovery went back to 0."""

    async def go() -> None:
        consumer, client, delivered = worker().consumer, Client(), 0
        monkeypatch.setattr(type(consumer), "_client", client, raising=False)
        consumer._thread, consumer.flow_active = SimpleNamespace(seek=client.seek), heard > 0

        async def fetched(timeout: float) -> tuple[Any, Any]:
            return {HERE: chunks(0, 10, 20, 30)}, {HERE}

        consumer._wait_next_records = fetched
        async for _ in consumer.getmany(1.0):
            delivered += 1
            consumer.flow_active = delivered < heard
            if not stays:
                client.assigned.clear()
            if sought_by_others:
                await consumer.seek(HERE, 5)
        assert delivered == heard
        assert client.sought == then

    asyncio.run(go())


async def test_a_fetch_asks_for_what_was_active_when_it_began() -> None:
    """Faust empties its set when partitions leave, and aiokafka takes an empty one for all that it has."""
    consumer, active = worker().consumer, {HERE}

    async def getmany(partitions: set[Any], timeout: float) -> set[Any]:
        active.clear()
        return partitions

    consumer._thread = SimpleNamespace(getmany=getmany)
    assert await consumer._getmany(active, 1.0) == {HERE}
    assert await consumer._getmany(None, 1.0) is None


async def test_a_partition_that_has_just_left_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for one that is not assigned is answered by aiokafka with an error, which would end the worker."""
    consumer, client = worker().consumer, Client()
    monkeypatch.setattr(type(consumer), "_client", client, raising=False)
    assert [consumer.is_caught_up(HERE, following) for following in (6, 7)] == [False, True]
    assert consumer.log_end(HERE) == 9
    client.assigned.clear()
    assert not consumer.is_caught_up(HERE, 7)
    assert consumer.log_end(HERE) is None
    consumer._pause(HERE)
    consumer._resume(HERE)
    assert not client.paused


async def test_partitions_that_change_between_asking_and_seeking_begin_recovery_anew() -> None:
    """Faust's recovery hears of it and starts again; anything else that is raised here ends the worker."""
    consumer = worker().consumer
    with pytest.raises(RebalanceAgain):
        await consumer.seek_wait({HERE: 5, TP(METRICS.name, 1): None})


async def test_what_the_owner_before_has_saved_and_not_committed_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if no record comes any more: Faust commits only where something was acknowledged since."""
    app, client = worker(), Client()
    consumer, host = app.consumer, app.host

    async def offsets(*_: Any) -> dict[TP, int]:
        return {HERE: 7}

    async def nothing(*_: Any) -> None:
        pass

    monkeypatch.setattr(stock.Consumer, "perform_seek", nothing)
    monkeypatch.setattr(type(consumer), "_client", client, raising=False)
    consumer.assignment, consumer.earliest_offsets, consumer.highwaters = lambda: {HERE}, offsets, offsets
    consumer.seek_wait, host.assigned = nothing, lambda _: None
    host.table = SimpleNamespace(data=SimpleNamespace(data={}))
    await consumer.perform_seek()
    consumer.committable[HERE], consumer._committed_offset[HERE] = 7, 4
    assert consumer._filter_committable_offsets(consumer._filter_tps_with_pending_acks()) == {HERE: 7}


def test_shards_are_made_one_by_one_and_held_once_all_are_made() -> None:
    """Between them the loop has turns, so that the group hears of a worker that loads for longer than its patience."""
    host, there = worker().host, TP(HERE.topic, 1)
    host.table = SimpleNamespace(data=SimpleNamespace(data={}))
    shards = sum(capability.topic.name == HERE.topic for capability in host.capabilities)
    assert [len(host.held) for _ in host.loading({HERE: (3, 7), there: (0, 5)})] == [0] * 2 * shards
    assert len(host.held) == 2 * shards
    assert host.positions() == {HERE: 3, there: 0}
