"""The world outside: what others append to the logs, odd things among it, and the passing of time."""

from __future__ import annotations

import msgspec
from faust.types import TP

from benchmarks.simulation.banks import BEATS, GROUPS, LISTENERS, POISON, WORDS, Beat, Word
from benchmarks.simulation.kafka import Entry
from benchmarks.simulation.worker import PARTITIONS
from benchmarks.simulation.world import World
from streams.connection import partition_of
from topics import Derived, Origin
from topics.control import Feedback, Lesson

HOME = {name: partition_of(name.encode(), PARTITIONS) for name in (*GROUPS, *LISTENERS)}
STRANGER = Origin("stranger", "elsewhere", 0, 7, (1, "x"))


def feed(world: World, a: int, b: int) -> str:
    """Append a few records from outside, some of them odd."""
    world.now_ms += b % 700
    said = [_feed_one(world, a // 3 + 5 * i, (b // 7 + 13 * i) % 64) for i in range(a % 3 + 1)]
    return "from outside: " + ", ".join(said)


def _feed_one(world: World, which: int, oddity: int) -> str:
    group, at_s = GROUPS[which % len(GROUPS)], world.now_ms / 1000
    value, where, topic, time_ms = which % 500, HOME[group], BEATS.name, world.now_ms
    record: Derived | Feedback | Lesson = Beat(group=group, value=value, at_s=at_s)
    if oddity == 0:
        record = Beat(group=group, value=value, at_s=at_s + 1000)
    elif oddity in (1, 2):
        where = 1 - where
    elif oddity == 3:
        record = Beat(group=group, value=value, at_s=at_s - 1200)
    elif oddity in (4, 5):
        record = Feedback(verdict="confirmed", subject=group)
    elif oddity == 6 and world.schedule.has_poison:
        world.poisoned.add((where, world.logs[TP(topic, where)].next))
        record = Beat(group=group, value=POISON, at_s=at_s)
    elif oddity == 7:
        record = Beat(group=group, value=value, at_s=at_s, origin=STRANGER)
    elif oddity in (8, 9):
        group = LISTENERS[which % len(LISTENERS)]
        topic, where = WORDS.name, HOME[group] if oddity == 8 else 1 - HOME[group]
        record = Word(to=group, about="outside", chain=value, count=1, why="outside", at_s=at_s)
    elif oddity == 10:
        time_ms -= 3000
    elif oddity == 13:
        record = Lesson("first", b"none" if which % 3 else str(which).encode())
    log = world.logs[TP(topic, where)]
    if oddity == 11:
        log.next += 2
    raw = b"{" if oddity == 12 else msgspec.json.encode(record)
    log.append(Entry(group.encode(), raw), time_ms)
    return f"{topic}[{where}]@{log.next - 1} {raw.decode()}"


def wait(world: World, a: int, b: int) -> str:
    """Let time pass."""
    world.now_ms += b % 5000
    return f"{b % 5000} ms pass"
