"""A Faust transport, scheme `chunks://`, whose consumer hands each fetched partition chunk to the app as one message.

What it overrides, and why; the names of faust-streaming 0.15.3 and aiokafka 0.14.0 are checked before the first agent:

MemoryRecords, PartitionRecords, Fetcher (aiokafka.consumer)  see fetching.py
_create_worker_consumer   Faust hard-codes how long a fetch may wait, and reads what aborted transactions wrote
_to_message               a chunk is a message; its offset is the chunk's last
_add_gap, _new_offset     Faust counts every offset between two messages; here the pages say what may be committed
_read_offset              Faust drops what lies before the last it delivered; here the shards skip what they have had
on_buffer_full, on_buffer_drop  no pausing of Faust's: one unread partition makes aiokafka hold back its whole broker
getmany                   stock seeks to committed offsets while the flow stands, here positions come from the pages;
                          and who drains it makes two tasks a message, so chunks are delivered here where nothing waits
seek_wait                 Faust falls over where partitions change between asking for offsets and seeking to them
perform_seek              after recovery: load the pages, seek to the lowest position
on_partitions_revoked, on_stop  save what can be saved, then let the partitions go
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import aiokafka
import faust
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import consumer as stock_consumer
from aiokafka.consumer import fetcher
from faust.tables.recovery import RebalanceAgain
from faust.topics import Topic as FaustTopic
from faust.transport import drivers
from faust.transport.drivers import aiokafka as stock
from faust.types import ConsumerMessage

from streams.engine import fetching
from streams.engine.chunks import Chunk
from streams.engine.fetching import BUSY_WAIT_MS, IDLE_WAIT_MS

if TYPE_CHECKING:
    from streams.engine.host import Host

SCHEME = "chunks"
IN_HAND = 2
"""Chunks of a partition that may wait for their agents before it is paused; one more may be on its way."""
QUEUE = 1 << 16

_aiokafka_tp = stock.ensure_aiokafka_TP


class ChunkSchema(faust.Schema[Any, Any]):
    """Chunks are decoded by the engine, once for all agents."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Awaitable[Any]]:
        """Return how a message becomes an event: as it is."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode


def chunk_topic(app: Any, name: str) -> Any:
    """Declare a topic that is delivered in chunks."""
    fetching.hot.add(name)
    return FaustTopic(app, topics=[name], schema=ChunkSchema(), maxsize=QUEUE)


class LoopConsumer(stock.AIOKafkaConsumerThread):
    """The consumer on the app's own loop.

    Chunks are some milliseconds of work, so nothing needs a second thread, and at low rates two threads spend most of
    their time handing each other the interpreter's lock.
    """

    def __init__(self, consumer: Any, *, loop: Any, beacon: Any) -> None:
        super().__init__(consumer, loop=loop, thread_loop=loop, beacon=beacon)

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = IDLE_WAIT_MS
        consumer._isolation_level = "read_committed"  # what a transaction gave up was never said
        return consumer

    async def start(self) -> None:
        """Start as an ordinary service."""
        self._thread_started.set()
        await self._default_start()

    async def stop(self) -> None:
        """Stop as an ordinary service."""
        if self._started.is_set() and not self._stopped.is_set():
            if self._consumer is not None:
                await self._consumer.stop()
            self._stopped.set()
            await self._default_stop_children()
            self.set_shutdown()
            await self._default_stop_futures()

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call at once: there is no other thread."""
        result = fun(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result


class ReadOffsets(dict[Any, int | None]):
    """What Faust has read. Of our topics it sees nothing: pages may stand before the committed offset."""

    def __getitem__(self, tp: Any) -> int | None:
        """Return the last offset that was delivered of a topic that is not ours."""
        return None if tp.topic in fetching.hot else self.get(tp)


class Consumer(stock.Consumer):
    """Hands out chunks, and starts where the pages say."""

    app: Any
    host: Host

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.host = self.app.host
        self.committable: dict[Any, int] = {}
        self._in_hand: dict[Any, set[int]] = {}
        self._paused: set[Any] = set()
        self._sought: set[Any] = set()
        self._read_offset = ReadOffsets()

    def _new_consumer_thread(self) -> LoopConsumer:
        return LoopConsumer(self, loop=self.loop, beacon=self.beacon)

    # Chunks ----------------------------------------------------------------------------------------------------------

    def _to_message(self, tp: Any, record: Any) -> Any:
        if type(record) is not Chunk:
            return super()._to_message(tp, record)
        in_hand = self._in_hand.setdefault(tp, set())
        in_hand.add(id(record))
        if len(in_hand) >= IN_HAND and tp not in self._paused:
            self._pause(tp)
        value: Any = record
        return ConsumerMessage(
            tp.topic, tp.partition, record.next - 1, 0.0, 0, [], None, value, None, 0, 0, tp,
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    def finished(self, tp: Any, chunk: Chunk) -> None:
        """Hear that the agent is done with a chunk: there is room for another."""
        chunk.columns = None  # They know their chunk: together, the two would live until the garbage collector comes.
        in_hand = self._in_hand.get(tp, set())
        in_hand.discard(id(chunk))
        if len(in_hand) < IN_HAND and tp in self._paused:
            self._resume(tp)

    def _pause(self, tp: Any) -> None:
        self._paused.add(tp)
        if self._holds(tp):
            self._client.pause(_aiokafka_tp(tp))
        self._client._fetcher._fetch_max_wait_ms = BUSY_WAIT_MS  # a fetch without it must not keep it waiting

    def _resume(self, tp: Any) -> None:
        self._paused.discard(tp)
        if self._holds(tp):
            self._client.resume(_aiokafka_tp(tp))
        if not self._paused:
            self._client._fetcher._fetch_max_wait_ms = IDLE_WAIT_MS

    @property
    def _client(self) -> Any:
        return self._thread._ensure_consumer()

    def on_buffer_full(self, tp: Any) -> None:
        """Leave partitions of chunks alone: they are paused by `_pause`."""
        if tp.topic not in fetching.hot:
            super().on_buffer_full(tp)

    def on_buffer_drop(self, tp: Any) -> None:
        """Leave partitions of chunks alone."""
        if tp.topic not in fetching.hot:
            super().on_buffer_drop(tp)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[Any, Any]]:
        """Deliver what was fetched, or yield it; what cannot be delivered now is fetched again later."""
        records, active = await self._wait_next_records(timeout)
        generation, left = self.app.consumer_generation_id, dict[Any, int]()
        self._sought.clear()
        for tp, record in self.scheduler.iterate(records or {}):
            stands = self.flow_active and not self.should_stop and self.app.consumer_generation_id == generation
            if not stands or tp in left or (active is not None and tp not in active):
                left.setdefault(tp, record.start if type(record) is Chunk else record.offset)
                continue
            message = self._to_message(tp, record)
            if type(record) is Chunk and self.app.flow_control.is_active():
                await self.callback(message)
            else:
                yield tp, message
        for tp, offset in left.items():
            if tp not in self._sought and self._holds(tp):
                self._client.seek(_aiokafka_tp(tp), offset)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        """Fetch from what is active now: Faust's set changes meanwhile, and aiokafka takes an empty one for all."""
        return await super()._getmany(None if active_partitions is None else set(active_partitions), timeout)

    # Offsets ---------------------------------------------------------------------------------------------------------

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        if tp.topic not in fetching.hot:
            await super()._add_gap(tp, offset_from, offset_to)

    def _new_offset(self, tp: Any) -> int | None:
        if tp.topic not in fetching.hot:
            return super()._new_offset(tp)
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.committable.get(tp)

    async def _seek(self, partition: Any, offset: int) -> None:
        self._sought.add(partition)
        await super()._seek(partition, offset)

    async def rewind(self, tp: Any, offset: int) -> None:
        """Read a partition again from an offset."""
        await self.seek(tp, offset)

    def _holds(self, tp: Any) -> bool:
        return bool(self._client._subscription.is_assigned(_aiokafka_tp(tp)))  # not one of which only Faust knows

    def log_end(self, tp: Any) -> int | None:
        """Return where a partition ends, as the last fetch told: None before the first, and where it has just left."""
        return self._client.highwater(_aiokafka_tp(tp)) if self._holds(tp) else None

    def is_caught_up(self, tp: Any, following: int) -> bool:
        """Say whether all that may be read yet lies before the offset `following`, as far as the last fetch told."""
        stable: Any = self._client.last_stable_offset(_aiokafka_tp(tp)) if self._holds(tp) else None
        return stable is not None and following >= stable

    # Assignment ------------------------------------------------------------------------------------------------------

    async def perform_seek(self) -> None:
        """Find every partition's position: from its pages, where a bank reads it, else the committed one."""
        self._in_hand.clear()
        for tp in list(self._paused):
            self._resume(tp)
        self.committable.clear()
        await super().perform_seek()
        assignment = self.assignment()
        self._sought.update(assignment)
        sources = {tp for tp in assignment if tp.topic in fetching.hot and not self.host.has_state(tp.topic)}
        if sources:
            first = await self.earliest_offsets(*sources)
            self.host.stateless = {tp: max(first[tp], self._read_offset.get(tp) or 0) for tp in sources}
        changelogs = self.app.tables.changelog_topics
        self._client.pause(*(_aiokafka_tp(tp) for tp in assignment if tp.topic in changelogs))
        tps = {tp for tp in assignment if self.host.has_state(tp.topic)}
        if tps:
            first, ends = await self.earliest_offsets(*tps), await self.highwaters(*tps)
            for _ in self.host.loading({tp: (first[tp], ends[tp]) for tp in tps}):
                await give_turn()  # the group must hear of us
            await self.seek_wait(self.host.positions())
        for tp in tps:  # what the owner before has saved and not committed is committed, even if nothing more comes
            self._acked.setdefault(tp, [])
        self.host.assigned(assignment)

    async def seek_wait(self, partitions: Mapping[Any, Any]) -> None:
        """Seek; where an offset is not known, partitions have changed since it was asked for: recovery begins anew.

        Faust's recovery asks for offsets and then seeks. A rebalance between the two leaves new partitions without one,
        and the worker would fall over.
        """
        if None in partitions.values():
            raise RebalanceAgain
        self._sought.update(partitions)
        await super().seek_wait(partitions)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Save, commit, and forget the partitions that leave."""
        await super().on_partitions_revoked(revoked)
        await self.host.let_go()
        await self.commit()

    async def on_stop(self) -> None:
        """Finish the chunks in hand, save, commit, leave."""
        self.stop_flow()
        await self.host.let_go()
        await super().on_stop()


class Producer(stock.Producer):
    """Idempotent, so that a retry neither repeats nor reorders.

    pages          another one, for pages: aiokafka has one request under way for each broker, and what is said must
                   not wait behind half a megabyte of them
    """

    pages: Any = None

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def on_start(self) -> None:
        """Start both."""
        await super().on_start()
        self.pages = self._new_producer()
        await self.pages.start()

    async def on_stop(self) -> None:
        """Stop both."""
        await super().on_stop()
        pages, self.pages = self.pages, None
        if pages is not None:
            await pages.stop()


class Transport(stock.Transport):
    """Faust's own transport with our consumer and producer."""

    Consumer = Consumer
    Producer = Producer


_NAMES: tuple[tuple[Any, str], ...] = (
    (fetcher, "MemoryRecords PartitionRecords READ_COMMITTED FetchResult"),
    (AIOKafkaClient, "_metadata_update"),
    (fetcher.Fetcher, "fetched_records _get_actions_per_node _proc_fetch_request"),
    (stock_consumer, "Fetcher"),
    (aiokafka.AIOKafkaConsumer, "seek pause resume last_stable_offset highwater"),
    (stock.AIOKafkaConsumerThread, "_create_worker_consumer _ensure_consumer"),
    (stock.Consumer, "_to_message _add_gap _new_offset on_buffer_full on_buffer_drop perform_seek"),
    (stock.Consumer, "_wait_next_records _getmany getmany _seek seek_wait"),
    (stock.Producer, "_settings_extra _new_producer on_start on_stop"),
)


def register() -> None:
    """Make the scheme known, before the first agent is declared: declaring one creates the transport."""
    for owner, names in _NAMES:
        for name in names.split():
            if not hasattr(owner, name):
                raise ImportError(
                    f"{owner.__name__} has no {name}: luminar needs faust-streaming 0.15.3 and aiokafka 0.14.0, "
                    f"found aiokafka {aiokafka.__version__} and faust {faust.__version__}"
                )
    fetching.install()
    drivers.TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


async def give_turn() -> None:
    """Let everything else on the loop have a turn."""
    await asyncio.sleep(0)
