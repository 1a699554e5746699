"""Host: the shards of one worker, fed with chunks, saved, ticked, and mended when one of them fails."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from faust.types import TP

from streams import meters
from streams.bus import Capability, home_of, leads
from streams.connection import name_of, partition_of
from streams.engine.chunks import Chunk
from streams.engine.columns import Decoder
from streams.engine.held import LOADING, Held, Part
from streams.engine.letters import Letter, batch_headers, letter_headers
from streams.engine.measures import measure
from streams.engine.outbox import Headers, Outbox
from streams.engine.shard import Shard
from streams.engine.transport import give_turn
from streams.settings import Process
from topics import Derived, Record, Topic, encode
from topics.blocklist import Lift
from topics.dead_letters import DEAD_LETTERS
from topics.settings import SettingsRecord
from topics.state import STATE

log = logging.getLogger(__name__)

RUN = 16_384
"""Records folded without giving the loop a turn."""


def _written(record: Derived) -> tuple[bytes | None, Headers]:
    """Return value and headers of a record as it is published; what lifts a block is a tombstone."""
    if isinstance(record, Lift):
        return None, (("why", record.why.encode()), ("origin", msgspec.json.encode(record.origin)))
    return encode(record), ()


class Host:
    """What stands between the transport and the shards. All of it runs on the worker's one loop."""

    now_s: Callable[[], float] = staticmethod(time.monotonic)  # tells how long a partition was silent, nothing else

    def __init__(self, process: Process, capabilities: tuple[Capability, ...]) -> None:
        self.process, self.capabilities = process, capabilities
        self.names = {name_of(process, c.topic): c.topic for c in capabilities}
        self.decoders = {name: Decoder(topic) for name, topic in self.names.items()}
        self.known = frozenset({c.name for c in capabilities} | {"ingest", "forward"})
        self.held: dict[tuple[str, TP], Held] = {}
        self.parts: dict[TP, Part] = {}
        self.stateless: dict[TP, int] = {}
        self.desired: SettingsRecord | None = None
        self.app: Any = None
        self.table: Any = None
        self.outbox: Outbox
        self.is_ready = False
        self._saving = asyncio.Lock()
        self._end: asyncio.Future[None] | None = None

    def attach(self, app: Any, table: Any) -> None:
        """Take the app whose consumer, producer and table are to be used."""
        self.app, self.table = app, table
        self._state = name_of(self.process, STATE)
        self.outbox = Outbox(
            lambda topic: app.producer.pages if topic == self._state else app.producer._producer, self._could_not_send
        )

    def _could_not_send(self, why: BaseException) -> None:
        log.error("a batch could not be delivered, the worker stops; its pages stand before the loss: %r", why)
        self._end = asyncio.ensure_future(self.app.crash(why))

    # What there is ---------------------------------------------------------------------------------------------------

    def has_state(self, topic: str) -> bool:
        """Say whether a bank reads this topic."""
        return topic in self.names

    def shards_of(self, tp: TP) -> list[Held]:
        """Return the shards that read a partition."""
        return [held for (_, where), held in self.held.items() if where == tp]

    # Positions -------------------------------------------------------------------------------------------------------

    def load(self, ranges: Mapping[TP, tuple[int, int]]) -> dict[TP, int]:
        """Make the shards of these partitions from their pages; return where to read on."""
        for _ in self.loading(ranges):
            pass
        return self.positions()

    def loading(self, ranges: Mapping[TP, tuple[int, int]]) -> Iterator[None]:
        """Make the shards one by one, hold them once all are made: whoever gives the loop turns stays in the group."""
        self.held, self.parts, made = {}, {}, dict[tuple[str, TP], Held]()
        for tp, (first, end) in ranges.items():
            for capability in self.capabilities:
                if capability.topic is self.names[tp.topic]:
                    held = made[capability.name, tp] = Held(capability, self._new_shard(capability, tp))
                    self._load(held, first, end, "assigned")
                    yield
        self.held, self.parts = made, {tp: Part(first, self.now_s(), end) for tp, (first, end) in ranges.items()}

    def positions(self) -> dict[TP, int]:
        """Return where to read each partition on."""
        nexts = {tp: [held.shard.next for held in self.shards_of(tp) if not held.stopped] for tp in self.parts}
        return {tp: min(nexts[tp], default=part.end) for tp, part in self.parts.items()}

    def _new_shard(self, capability: Capability, tp: TP) -> Shard:
        partitions, mine = self.process.partitions, tp.partition
        return Shard(
            capability.bank, self.names[tp.topic].name, tp.partition, verb=capability.verb,
            owns=lambda key: partition_of(key, partitions) == mine,
            leads=leads(capability, self.capabilities), known=self.known,
        )  # fmt: skip

    def _load(self, held: Held, first: int, end: int | None, why: str) -> None:
        """Fill a shard from its pages; where they are of a version that this program does not know, it stops there."""
        name, shard = held.capability.name, held.shard
        held.saved = shard.load(self.table.data.data, first, end, self.process.worker.relearn)
        meters.loads.labels(name, why).inc()
        for fate, count in shard.fates.items():
            meters.loaded_pages.labels(name, fate).inc(count)
        if shard.newer:
            held.stopped = f"{name}/{shard.partition} waits for a worker of a newer version: pages {shard.newer}"
            meters.stopped.inc()
            log.critical("%s; with worker.relearn they are learned again instead", held.stopped)

    def assigned(self, assignment: set[TP]) -> None:
        """Hear that positions are found and records will come."""
        self.is_ready = True
        meters.rebalances.inc()
        state = sum(len(held.shard.bank) for held in self.held.values())
        log.warning("ready: %d partitions, %d shards, %d rows", len(assignment), len(self.held), state)

    async def let_go(self) -> None:
        """Partitions are leaving: save all there is, then forget it. The next owner folds again what is not saved."""
        self.is_ready = False
        held, self.held, self.parts = dict(self.held), {}, {}
        meters.forget_shards()
        try:
            async with asyncio.timeout(self.process.worker.grace_s / 2):
                await self._save(held, float("inf"))
        except TimeoutError:
            log.warning("not all pages were saved on leaving; the next owner folds again what they lack")

    # Chunks ----------------------------------------------------------------------------------------------------------

    async def take_all(self, capabilities: Iterable[Capability], chunk: Chunk) -> None:
        """Let each of the capabilities that read a chunk's topic take it, one after the other."""
        for capability in capabilities:
            await self.take(capability, chunk)

    async def take(self, capability: Capability, chunk: Chunk) -> None:
        """Fold what is new in a chunk, and publish what that leads to."""
        tp = TP(chunk.topic, chunk.partition)
        if (part := self.parts.get(tp)) is not None:
            part.heard_s = self.now_s()
        leader = self.held.get((capability.name, tp))
        if chunk.left_out and leader is not None and leader.shard.leads:
            self.refuse_batches(tp, chunk, leader.shard.next)
        while True:
            held = self.held.get((capability.name, tp))
            if held is None or held.stopped or chunk.next <= held.shard.next:
                return
            if chunk.start > held.shard.next:
                if await self._close_gap(tp, chunk):
                    return
                continue
            if not await self._step(held, tp, chunk):
                return
            await self.outbox.has_room()
            if chunk.next > held.shard.next:
                await give_turn()

    async def _close_gap(self, tp: TP, chunk: Chunk) -> bool:
        """Something was dropped on the way, as rebalances do: ask for it again, from the shard that is furthest behind.

        What the log has no longer cannot be asked for: that is said, and the shards go on behind it. Return False then.
        """
        first = int((await self.app.consumer.earliest_offsets(tp))[tp])
        if tp not in self.parts:
            return True  # It has left meanwhile.
        shards = [held.shard for held in self.shards_of(tp) if not held.stopped]
        for shard in shards:
            if shard.next < first:
                where = f"{tp.topic}[{tp.partition}]@{shard.next}..{first - 1}"
                log.error("%s is in the log no longer: %s goes on without it", where, shard.capability)
                shard.next = first
        lowest = min((shard.next for shard in shards), default=chunk.start)
        if lowest >= chunk.start:
            return False
        meters.gaps.labels(tp.topic).inc()
        await self.app.consumer.rewind(tp, lowest)
        return True

    async def _step(self, held: Held, tp: TP, chunk: Chunk) -> bool:
        """Fold one stretch of a chunk; return False where a fault ended it."""
        shard, began_s = held.shard, time.perf_counter()
        at = int(chunk.offset.searchsorted(shard.next))
        end = min(at + self._stretch(held, at, chunk), len(chunk))
        following = chunk.next if end == len(chunk) else int(chunk.offset[end])
        try:
            said = shard.fold(self.decoders[tp.topic].columns(chunk), at, end, following)
            self._publish(held.capability, said.records)
            for letter in said.letters:
                self.refuse(tp, chunk, letter)
        except Exception as why:  # noqa: BLE001 - whatever is wrong inside is our bug, and is mended or stops the shard
            await self._mend(held, tp, chunk, (at, end), why)
            return False
        if held.suspect is not None and following >= held.suspect[1]:
            held.suspect, held.stepping = None, False
        held.folded.inc(end - at)
        if chunk.start < shard.spoken:
            held.replayed.inc(int(chunk.offset[at:end].searchsorted(shard.spoken)))
        held.fold_s.observe(time.perf_counter() - began_s)
        return True

    def _stretch(self, held: Held, at: int, chunk: Chunk) -> int:
        """Return how many records to fold at once: all up to where a fault is suspected, there one by one."""
        if not held.stepping or held.suspect is None:
            return RUN
        return min(RUN, max(1, int(chunk.offset.searchsorted(held.suspect[0])) - at))

    def _publish(self, capability: Capability, records: list[Derived]) -> None:
        """Publish all of these or, where one of them cannot be written, none."""
        homes = {kind: home_of(capability, one) for kind, one in {type(one): one for one in records}.items()}
        topics = {kind: name_of(self.process, home) for kind, home in homes.items()}
        written = [(topics[type(one)], one.key().encode("utf-8", "replace"), *_written(one)) for one in records]
        for topic, key, value, headers in written:
            self.outbox.put(topic, partition_of(key, self.process.partitions), key, value, headers)
        for kind, count in Counter(map(type, records)).items():
            meters.said.labels(capability.name, homes[kind].name).inc(count)

    def refuse(self, tp: TP, chunk: Chunk, letter: Letter) -> None:
        """Keep a record that cannot be used in the dead letters, with the reason."""
        key, offset = chunk.key(letter.index), int(chunk.offset[letter.index])
        raw = chunk.value(letter.index)
        value, headers = letter_headers(raw, tp.topic, tp.partition, offset, letter.reason, letter.stage)
        where = partition_of(key, self.process.partitions) if key else tp.partition % self.process.partitions
        self.outbox.put(name_of(self.process, DEAD_LETTERS), where, key, value, headers)
        meters.dead_letters.labels(tp.topic, letter.stage).inc()
        log.warning("%s[%d]@%d refused: %s; kept in dead-letters", tp.topic, tp.partition, offset, letter.reason)

    def refuse_batches(self, tp: TP, chunk: Chunk, since: int) -> None:
        """Say in the dead letters which batches from `since` on could not be unpacked; there is no value to keep."""
        topic, where = name_of(self.process, DEAD_LETTERS), tp.partition % self.process.partitions
        for first, last in chunk.left_out:
            if first >= since:
                self.outbox.put(topic, where, None, None, batch_headers(tp.topic, tp.partition, first, last))
                meters.dead_letters.labels(tp.topic, "bus").inc()

    # Faults ----------------------------------------------------------------------------------------------------------

    async def _mend(self, held: Held, tp: TP, chunk: Chunk, where: tuple[int, int], why: Exception) -> None:
        """Our own code failed: forget the shard, load its pages, fold again; when it comes again, find the record.

        Any cut of the log gives the same state, so the record is found by folding the suspect stretch record by record.
        """
        name, shard = held.capability.name, held.shard
        first, last = int(chunk.offset[where[0]]), int(chunk.offset[where[1] - 1]) + 1
        meters.faults.labels(name).inc()
        log.error("%s failed in %s[%d]@%d..%d", name, tp.topic, tp.partition, first, last - 1, exc_info=why)
        outcome = held.after_fault(first, last, where[1] - where[0])
        if outcome == "stop":
            held.stopped = f"{name} fails at {tp.topic}[{tp.partition}]@{first} even without that record: {why!r}"
            meters.stopped.inc()
            log.critical("%s; its shard stops here, all others go on", held.stopped)
            return
        if outcome == "leave out":
            shard.skips[first] = "".join(traceback.format_exception(why))[-4000:]
        held.stopped = LOADING  # what is half folded must not be saved
        async with self._saving:  # the pages of a save on its way are in the table once it has ended
            if self.held.get((name, tp)) is not held:
                return  # It has left meanwhile.
            self._load(held, self.parts[tp].first, None, "fault")
        held.stopped = ""
        await self.app.consumer.rewind(tp, min(other.shard.next for other in self.shards_of(tp) if not other.stopped))

    # Saving ----------------------------------------------------------------------------------------------------------

    async def save_for_ever(self) -> None:
        """Save dirty pages once per `save_every_s`, one partition after the other.

        All of them at once would be one large request, and what is said meanwhile would have to wait behind it.
        """
        worker = self.process.worker
        while not self.app.should_stop:
            numbers = sorted({tp.partition for _, tp in self.held}) or [0]
            for number in numbers:
                await asyncio.sleep(worker.save_every_s / len(numbers))
                budget = worker.save_bytes_per_s * worker.save_every_s / max(1, len(self.held))
                await self._save({at: one for at, one in self.held.items() if at[1].partition == number}, budget)
                measure(self.held, self.parts, self.app.consumer.log_end, number)

    async def _save(self, held: dict[tuple[str, TP], Held], budget: float) -> None:
        """Copy dirty pages; when all said up to there is acknowledged, write the copies; then let Faust commit.

        Waiting first and copying afterwards would be wrong: folding goes on meanwhile. One save begins when the one
        before has ended: what that has copied counts as clean already, and might not be written yet.
        """
        async with self._saving:
            copies = {}
            for where, one in held.items():
                if not one.stopped and not one.shard.is_saved:
                    copies[where] = one.shard.snapshot(budget)
                    await give_turn()
            lowest = dict(self.stateless)
            await self.outbox.settled(self.outbox.ticket())
            for (_, tp), (records, _) in copies.items():
                for key, value in records:
                    self.outbox.put(self._state, tp.partition, key, value)
                    meters.saved_pages.inc()
                    meters.saved_bytes.inc(len(value))
            await self.outbox.settled(self.outbox.ticket())
            for where, (records, position) in copies.items():
                held[where].saved, tp = position, where[1]
                for key, value in records:  # keep the table as its topic has it: a fault loads pages from here
                    self.table.data.data[key] = value
                    self.table.data._key_partition[key] = tp.partition
            for (_, tp), one in held.items():  # of a stopped one, too: whoever goes on with it begins there
                lowest[tp] = min(one.saved, lowest.get(tp, one.saved))
            self.app.consumer.committable.update(lowest)

    async def misses_before(self, tp: TP, start: int) -> bool:
        """Say whether records of a source before `start` were dropped, as rebalances do, and ask for them again."""
        expected = self.stateless.get(tp, start)
        if start <= expected:
            return False
        first = int((await self.app.consumer.earliest_offsets(tp))[tp])
        if first > expected:
            log.error("%s[%d]@%d..%d are in the log no longer", tp.topic, tp.partition, expected, first - 1)
            self.stateless[tp] = first
        if start <= first:
            return False
        meters.gaps.labels(tp.topic).inc()
        await self.app.consumer.rewind(tp, max(expected, first))
        return True

    def publish_translated(self, topic: Topic, record: Record) -> None:
        """Publish what a record of a foreign topic was translated into."""
        key = record.key().encode("utf-8", "replace")
        where = partition_of(key, self.process.partitions)
        self.outbox.put(name_of(self.process, topic), where, key, encode(record))
        meters.said.labels("ingest", topic.name).inc()
