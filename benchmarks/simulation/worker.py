"""A worker of the simulation: the engine's own host, outbox and shards between a simulated consumer and producer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING

from faust.types import TP

from benchmarks.simulation.kafka import Consumer, Producer
from benchmarks.simulation.loop import Loop
from detectors.bank import NEVER
from streams.bus import Capability
from streams.engine.chunks import Chunk
from streams.engine.held import LOADING
from streams.engine.host import Host
from streams.engine.shard import Shard
from streams.settings import Process
from topics.state import STATE

if TYPE_CHECKING:
    from benchmarks.simulation.world import World

PARTITIONS = 2
PROCESS = Process(partitions=PARTITIONS)
IN_HAND = 3
_load = Shard.load


class Worker:
    """One process of a worker.

    restored       the state topic as it was when partitions came, and what of this worker's own pages arrived since
    is_paused      it stands still, and may go on later
    is_doomed      it has been told to crash
    """

    def __init__(self, number: int, world: World, is_newer: bool) -> None:
        self.number, self.world, self.loop = number, world, Loop()
        self.consumer = Consumer(world.logs)
        self.host = Host(PROCESS, world.newer if is_newer else world.older)
        self.host.now_s = lambda: world.now_ms / 1000 + 1000 * number
        self.table = SimpleNamespace(data={}, _key_partition={})
        words = Producer(self, world.lanes, world.schedule.rooms)
        producer = SimpleNamespace(_producer=words, pages=words)
        app = SimpleNamespace(consumer=self.consumer, producer=producer, crash=self._crash)
        self.host.attach(app, SimpleNamespace(data=self.table))
        self.queues: dict[str, asyncio.Queue[tuple[list[Capability], Chunk]]] = {}
        self.restored: dict[bytes, bytes] = {}
        self.is_paused = self.is_doomed = self.is_dead = False
        self._joining: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None
        for topic in {capability.topic.name: None for capability in self.host.capabilities}:
            self.queues[topic] = asyncio.Queue()
            self.loop.start(self._agent(self.queues[topic]))

    def __str__(self) -> str:
        return f"worker {self.number}"

    async def _agent(self, queue: asyncio.Queue[tuple[list[Capability], Chunk]]) -> None:
        while True:
            readers, chunk = await queue.get()
            await self.host.take_all(readers, chunk)

    async def _crash(self, why: BaseException) -> None:
        self.is_doomed = True

    # Partitions ------------------------------------------------------------------------------------------------------

    @property
    def is_joining(self) -> bool:
        """Say whether partitions are leaving or coming."""
        return self._joining is not None and not self._joining.done()

    def join(self, partitions: tuple[int, ...]) -> None:
        """Let the partitions go that there are, and take these."""
        self._joining = self.loop.start(self._join(partitions))

    async def _join(self, partitions: tuple[int, ...]) -> None:
        """Do what the transport does in a rebalance."""
        self.consumer.positions.clear()
        await self.host.let_go()
        self.commit()
        self.consumer.committable.clear()
        if not partitions:
            return
        table: dict[bytes, bytes] = {}
        for partition in partitions:
            table |= self.world.logs[TP(STATE.name, partition)].table
        self.table.data = table
        self.restored |= table
        await asyncio.sleep(0)
        logs = {tp: log for tp, log in self.world.logs.items() if self.host.has_state(tp.topic)}
        ranges = {tp: (log.first, log.next) for tp, log in logs.items() if tp.partition in partitions}
        self.consumer.positions.update(self.host.load(ranges))
        self.host.is_ready = True

    # Records ---------------------------------------------------------------------------------------------------------

    def deliver(self, chunk: Chunk, lost: Callable[[int], bool]) -> list[str]:
        """Hand a chunk to the agent of its topic, for its readers but those for whom it is lost; return to whom."""
        readers = [c for c in self.host.capabilities if c.topic.name == chunk.topic]
        heard = [reader for place, reader in enumerate(readers) if not lost(place)]
        self.queues[chunk.topic].put_nowait((heard, chunk))
        return [reader.name for reader in heard]

    def has_room(self, topic: str) -> bool:
        """Say whether more may be fetched: a partition is paused while too much of it waits."""
        return self.queues[topic].qsize() < IN_HAND

    @property
    def readable(self) -> list[TP]:
        """Return the partitions from which something new may be fetched."""
        stable, logs = self.consumer.stable, self.world.logs
        return [
            tp for tp, position in self.consumer.positions.items()
            if (position < logs[tp].next or stable.get(tp) != position) and self.has_room(tp.topic)
        ]  # fmt: skip

    # Saving ----------------------------------------------------------------------------------------------------------

    @property
    def may_save(self) -> bool:
        """Say whether there is something to save, and no save is under way."""
        return bool(self.host.held) and (self._saving is None or self._saving.done())

    def save(self, budget: float) -> None:
        """Begin to save."""
        self._saving = self.loop.start(self._save(budget))

    async def _save(self, budget: float) -> None:
        if self.host.held:
            await self.host._save(dict(self.host.held), budget)

    def commit(self) -> dict[TP, int]:
        """Commit what may be committed, where the group still counts this worker as the owner; return what was."""
        mine = {
            tp: offset for tp, offset in self.consumer.committable.items()
            if self.world.owner.get(tp.partition) == self.number and self.world.committed.get(tp) != offset
        }  # fmt: skip
        for tp, offset in mine.items():
            held = self.position_of(tp, self.restored)
            if held < offset:
                self.world.problems.append(f"{self} commits {tp.topic}[{tp.partition}]@{offset}, its pages hold {held}")
            self.world.committed[tp] = offset
        return mine

    def position_of(self, tp: TP, table: Mapping[bytes, bytes]) -> int:
        """Return from where these pages would be read on."""
        log, lowest = self.world.logs[tp], NEVER
        for capability in self.host.capabilities:
            if capability.topic.name == tp.topic:
                probe = self.world.probes.get((capability.bank, tp))
                if probe is None:
                    probe = self.world.probes[capability.bank, tp] = self.host._new_shard(capability, tp)
                lowest = min(lowest, _load(probe, table, log.first, log.next))
        return lowest

    # The end ---------------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Stop for ever."""
        self.is_dead = True
        self.loop.kill()

    @property
    def problems(self) -> list[str]:
        """Return what went wrong and nobody caught, and the shards that stopped."""
        stopped = [held.stopped for held in self.host.held.values() if held.stopped and not held.shard.newer]
        return self.loop.problems + [why for why in stopped if why != LOADING or not self.is_dead]
