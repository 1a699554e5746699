"""World: logs, workers and what is on its way between them, under one schedule."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from benchmarks.simulation import banks
from benchmarks.simulation.kafka import Log, Sending
from benchmarks.simulation.rows import Beside
from benchmarks.simulation.worker import PARTITIONS, Worker
from detectors.bank import Bank, Finding
from detectors.columns import Run
from streams.bus import Capability
from streams.engine.shard import Shard
from topics import Topic
from topics.dead_letters import DEAD_LETTERS
from topics.signals import SIGNALS
from topics.state import STATE

START_MS = 1_700_000_000_000
MOST_ROUNDS = 300
Step = tuple[str, int, int]
"""What is done, and two numbers that say to whom and how; what they stand for depends on what there is then."""


@dataclass(frozen=True)
class Schedule:
    """All that happens, in its order; made of a seed, and any part of it is a schedule again.

    pages          of a shard; first: the first offset of every log
    has_beside     whether a second capability reads the first log, by columns
    upgrade        every other worker is of a newer version, to which older pages are "migrated", or "relearned"
    rooms          how many records a batch takes, in turns
    has_poison     whether there are records that the first hop cannot take; if not, more may fail for once
    is_abrupt      whether those who are there in the end are killed, rather than told that they have nothing any more
    """

    seed: int
    steps: tuple[Step, ...]
    pages: int = 5
    first: int = 0
    has_beside: bool = True
    upgrade: str = ""
    rooms: tuple[int, ...] = (1, 3, 8)
    has_poison: bool = False
    is_abrupt: bool = False


class World:
    """What there is. `problems` is what must not be; `events` counts what happened.

    older, newer   the capabilities of a worker of either version
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.now_ms = schedule, START_MS
        self.older, self.newer = self._capabilities(""), self._capabilities(schedule.upgrade)
        names = [topic.name for topic in (banks.BEATS, banks.WORDS, banks.ECHOES, SIGNALS, DEAD_LETTERS, STATE)]
        self.logs = {TP(name, p): Log(name, p, schedule.first) for name in names for p in range(PARTITIONS)}
        self.lanes: dict[tuple[int, TP], deque[Sending]] = {}
        self.workers: list[Worker] = []
        self.owner: dict[int, int] = {}
        self.committed: dict[TP, int] = {}
        self.probes: dict[tuple[type[Bank], TP], Shard] = {}
        self.poisoned: set[tuple[int, int]] = set()
        self.stumbles, self.stumbles_left = 0, 1 if schedule.has_poison else 3
        self.problems: list[str] = []
        self.events: Counter[str] = Counter()

    def _stumbling(self, run: Run, bank: Bank) -> list[Finding]:
        """Fold a run; now and then fail for no reason that is in the log, when it is too late to undo that."""
        found = bank.fold(run)
        if self.stumbles:
            self.stumbles -= 1
            raise MemoryError("for once")
        return found

    def _capabilities(self, upgrade: str) -> tuple[Capability, ...]:
        first, second = banks.VERSIONS[upgrade]
        beats = banks.HOT_BEATS if self.schedule.has_beside else banks.BEATS
        hops: tuple[tuple[type[Bank], Topic, Topic], ...] = (
            (first, beats, banks.WORDS), (Beside, beats, banks.WORDS), (second, banks.WORDS, banks.ECHOES),
        )  # fmt: skip
        return tuple(
            Capability(bank.capability, reads, bank, (says,), self._stumbling)
            for bank, reads, says in hops
            if self.schedule.has_beside or bank is not Beside
        )

    @property
    def living(self) -> list[Worker]:
        """Return the workers that are not dead."""
        return [worker for worker in self.workers if not worker.is_dead]

    @property
    def awake(self) -> list[Worker]:
        """Return the workers that are neither dead nor paused."""
        return [worker for worker in self.workers if not worker.is_dead and not worker.is_paused]

    def start(self, partitions: tuple[int, ...], is_newer: bool = False) -> Worker:
        """Start a worker, which takes these partitions; every other one is of the newer version."""
        worker = Worker(len(self.workers), self, is_newer or len(self.workers) % 2 == 1)
        self.workers.append(worker)
        self.give(worker, partitions)
        return worker

    def give(self, worker: Worker, partitions: tuple[int, ...]) -> None:
        """Let the group give partitions to a worker; whoever had them may not know it yet."""
        for partition in partitions:
            self.owner[partition] = worker.number
        worker.join(partitions)

    # What is on its way ----------------------------------------------------------------------------------------------

    def arrive(self, sending: Sending) -> None:
        """Let a batch arrive."""
        sending.has_arrived = True
        log, sender = self.logs[sending.to], sending.sender
        for entry in sending.entries:
            log.append(entry, self.now_ms)
            if sending.to.topic == STATE.name:
                sender.restored[entry.key] = entry.value
        if sender.is_dead:
            self.events["late"] += 1
        elif self.owner.get(sending.to.partition) != sender.number and sending.to.topic == STATE.name:
            self.events["zombie"] += 1

    def acknowledge(self, sending: Sending, lane: deque[Sending]) -> None:
        """Let a sender hear that its batch arrived."""
        lane.popleft()
        if not sending.heard.done():
            sending.heard.set_result(None)

    # The end ---------------------------------------------------------------------------------------------------------

    def settle(self) -> Worker:
        """Let everything come to rest: all that are there end, and one new worker takes all that is left to do."""
        for worker in self.living:
            worker.is_paused = False
            if not self.schedule.is_abrupt:
                worker.join(())
        if not self.schedule.is_abrupt:
            self.rest()
        for worker in self.living:
            worker.kill()
        self._deliver()
        last = self.start(tuple(range(PARTITIONS)), is_newer=True)
        self.rest()
        return last

    def rest(self) -> None:
        """Let everybody work and every batch arrive until nothing moves."""
        for _ in range(MOST_ROUNDS):
            moved = sum(worker.loop.turn(1000) for worker in self.living) + self._deliver() + self._fetch()
            for worker in self.living:
                if worker.is_doomed:
                    worker.kill()
            if not moved and not sum(worker.loop.ring() for worker in self.living if worker.is_joining):
                return
        self.problems.append("it does not come to rest")

    def _deliver(self) -> int:
        moved = 0
        for lane in self.lanes.values():
            while lane:
                if not lane[0].has_arrived:
                    self.arrive(lane[0])
                self.acknowledge(lane[0], lane)
                moved += 1
        return moved

    def _fetch(self) -> int:
        moved = 0
        for worker in self.living:
            for tp, position in list(worker.consumer.positions.items()):
                if worker.has_room(tp.topic) and position < self.logs[tp].next:
                    moved += 1
                    self.fetch(worker, tp, 1000)
        return moved

    def fetch(self, worker: Worker, tp: TP, most: int, lost: Any = None) -> str:
        """Let a worker fetch; return what came."""
        log, positions = self.logs[tp], worker.consumer.positions
        worker.consumer.stable[tp] = log.next
        if positions[tp] >= log.next:
            return ""
        chunk = log.chunk(positions[tp], most)
        positions[tp] = chunk.next
        heard = worker.deliver(chunk, lost or (lambda place: False))
        who = " and ".join(heard) or "nobody"
        return f"{worker} fetches {tp.topic}[{tp.partition}]@{chunk.start}..{chunk.next - 1} for {who}"

    def end(self) -> None:
        """Let nothing go on."""
        for worker in self.living:
            worker.kill()
