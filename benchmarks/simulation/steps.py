"""Steps: all that can happen to workers and between them.

Each takes two numbers that say to whom and how, and returns what it did. One that finds nothing to do does nothing, so
any part of a schedule is a schedule.
"""

from __future__ import annotations

from typing import TypeVar

from faust.types import TP

from benchmarks.simulation.banks import BEATS, WORDS
from benchmarks.simulation.kafka import Entry, Log
from benchmarks.simulation.worker import PARTITIONS
from benchmarks.simulation.world import World
from streams.engine.ticks import append_due
from topics.settings import Settings, SettingsRecord
from topics.state import STATE

T = TypeVar("T")

MOST_WORKERS = 4
BUDGETS = (1.0, 1.0, 80.0, float("inf"))
SETTINGS = tuple(SettingsRecord(version=f"v{s}", settings=Settings(late_s=s)) for s in (900, 1500, 2200))


def _some(among: list[T], number: int) -> T | None:
    return among[number % len(among)] if among else None


# What a worker does ---------------------------------------------------------------------------------------------------


def turn(world: World, a: int, b: int) -> str:
    """Let a worker go on for a while; one that was told to crash does so in the end."""
    worker = _some([worker for worker in world.awake if worker.loop.is_ready or worker.is_doomed], a)
    if worker is None:
        return ""
    ran = worker.loop.turn(b % 24 + 1)
    if worker.is_doomed and not worker.loop.is_ready:
        worker.kill()
        return f"{worker} crashes"
    return f"{worker} does {ran} things"


def fetch(world: World, a: int, b: int) -> str:
    """Let a worker fetch from one of its partitions; now and then the chunk is lost to some of its readers."""
    worker = _some(world.awake, a)
    tp = _some(worker.readable, b) if worker else None
    if worker is None or tp is None:
        return ""
    lost = b // 64 % 16
    return world.fetch(worker, tp, b // 4 % 9 + 1, lambda place: lost == 15 or lost == place + 13)


def stray(world: World, a: int, b: int) -> str:
    """Hand a worker a chunk that it did not ask for, as answers to earlier requests come late."""
    worker = _some(world.awake, a)
    topic = (BEATS.name, WORDS.name)[b % 2]
    log = world.logs[TP(topic, b // 2 % PARTITIONS)]
    if worker is None or not worker.has_room(topic) or log.next == log.first:
        return ""
    chunk = log.chunk(log.first + a % (log.next - log.first), b // 4 % 6 + 1)
    worker.deliver(chunk, lambda place: False)
    return f"{worker} gets {topic}[{log.partition}]@{chunk.start}..{chunk.next - 1} unasked"


def save(world: World, a: int, b: int) -> str:
    """Let a worker begin to save."""
    worker, budget = _some([worker for worker in world.awake if worker.may_save], a), BUDGETS[b % len(BUDGETS)]
    if worker is None:
        return ""
    worker.save(budget)
    return f"{worker} begins to save within {budget} bytes"


def commit(world: World, a: int, b: int) -> str:
    """Let a worker commit."""
    worker = _some(world.awake, a)
    committed = worker.commit() if worker else {}
    return f"{worker} commits {_places(committed)}" if committed else ""


def tick(world: World, a: int, b: int) -> str:
    """Let a worker look around for what is due in its partitions, by its own clock."""
    worker = _some(world.awake, a)
    if worker is None:
        return ""
    world.now_ms += b % 2000
    with worker.loop.running():
        append_due(worker.host, world.now_ms / 1000 + 20 * (worker.number % 3 - 1))
    return f"{worker} looks for what is due"


def configure(world: World, a: int, b: int) -> str:
    """Let a worker hear of other settings."""
    worker = _some(world.living, a)
    if worker is None:
        return ""
    worker.host.desired = SETTINGS[b % len(SETTINGS)]
    return f"{worker} hears of settings {worker.host.desired.version}"


def stumble(world: World, a: int, b: int) -> str:
    """Let the next folds fail, for no reason that is in the log; so often that the engine has to bear it."""
    world.stumbles = min(world.stumbles_left, b % 2 + 1)
    world.stumbles_left -= world.stumbles
    return f"the next {world.stumbles} folds will fail" if world.stumbles else ""


# What the network does ------------------------------------------------------------------------------------------------


def carry(world: World, a: int, b: int) -> str:
    """Let a batch arrive, or its sender hear that it did; often both at once."""
    lane = _some([lane for lane in world.lanes.values() if lane], a)
    if lane is None:
        return ""
    sending, said = lane[0], ""
    if not sending.has_arrived:
        world.arrive(sending)
        log = world.logs[sending.to]
        said = f"{sending.sender} wrote {log.topic}[{log.partition}]@{_last(log, len(sending.entries))}"
        if b % 3:
            return said
    world.acknowledge(sending, lane)
    return said or f"{sending.sender} hears that {sending.to.topic}[{sending.to.partition}] arrived"


def lose(world: World, a: int, b: int) -> str:
    """Let a batch fail for good; whether it arrived, its sender cannot know."""
    lane = _some([lane for lane in world.lanes.values() if lane], a)
    if lane is None:
        return ""
    sending = lane[0]
    if b % 2 and not sending.has_arrived:
        world.arrive(sending)
    lane.popleft()
    if not sending.heard.done():
        sending.heard.set_exception(TimeoutError("it could not be delivered"))
    arrived = "although it arrived" if sending.has_arrived else "and it never arrived"
    return f"{sending.sender} hears that {sending.to.topic}[{sending.to.partition}] failed, {arrived}"


def repeat(world: World, a: int, b: int) -> str:
    """Let a page that was written before arrive once more, late."""
    log = world.logs[TP(STATE.name, b % PARTITIONS)]
    entry = _some(log.entries, a)
    if entry is None:
        return ""
    log.append(entry, world.now_ms)
    return f"written again: {STATE.name}[{log.partition}]@{_last(log, 1)}"


def _last(log: Log, count: int) -> str:
    entries = ", ".join(_shown(log, entry) for entry in log.entries[-count:])
    return f"{log.next - count}: {entries}"


def _shown(log: Log, entry: Entry) -> str:
    key, value = (entry.key or b"").decode(), entry.value or b""
    if log.topic == STATE.name:
        return f"{key} ({len(value)} bytes)"
    return f"{key} {value.decode('utf-8', 'replace')}"


def _places(offsets: dict[TP, int]) -> str:
    return ", ".join(f"{tp.topic}[{tp.partition}]@{offset}" for tp, offset in offsets.items())


# Coming and going -----------------------------------------------------------------------------------------------------


def _partitions(number: int) -> tuple[int, ...]:
    return tuple(p for p in range(PARTITIONS) if number >> p & 1)


def begin(world: World, a: int, b: int) -> str:
    """Start a worker, and give it partitions; those who have them hear of it later, or never."""
    if len(world.living) >= MOST_WORKERS:
        return ""
    partitions = _partitions(b % 3 + 1)
    worker = world.start(partitions)
    return f"{worker} starts with partitions {partitions}"


def move(world: World, a: int, b: int) -> str:
    """Give partitions to a worker."""
    worker = _some([worker for worker in world.awake if not worker.is_joining], a)
    if worker is None:
        return ""
    partitions = _partitions(b % 4)
    world.give(worker, partitions)
    return f"{worker} gets partitions {partitions}"


def kill(world: World, a: int, b: int) -> str:
    """Kill a worker; of what it has sent some may arrive later."""
    worker = _some(world.living, a)
    if worker is None:
        return ""
    worker.kill()
    world.events["crashes"] += 1
    if b % 2:
        for lane in world.lanes.values():
            if lane and lane[0].sender is worker:
                lane.clear()
    return f"{worker} is killed, what it sent {'is lost' if b % 2 else 'may arrive later'}"


def pause(world: World, a: int, b: int) -> str:
    """Let a worker stand still; others may take its partitions before it goes on."""
    worker = _some(world.awake, a)
    if worker is None:
        return ""
    worker.is_paused = True
    return f"{worker} stands still"


def resume(world: World, a: int, b: int) -> str:
    """Let a worker go on that stood still, as if nothing had been."""
    worker = _some([worker for worker in world.living if worker.is_paused], a)
    if worker is None:
        return ""
    worker.is_paused = False
    return f"{worker} goes on"


def ring(world: World, a: int, b: int) -> str:
    """Let a worker's patience end."""
    worker = _some(world.awake, a)
    return f"{worker} waits no longer" if worker is not None and worker.loop.ring() else ""
