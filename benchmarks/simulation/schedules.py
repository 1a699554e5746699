"""Schedules: what is to happen, made of a seed before anything does, and the playing of it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.simulation import outside, steps
from benchmarks.simulation.worker import PARTITIONS
from benchmarks.simulation.world import Schedule, World

Do = Callable[[World, int, int], str]
USUAL: dict[Do, int] = {
    steps.turn: 30, steps.carry: 26, steps.fetch: 18, outside.feed: 9, steps.save: 9, steps.commit: 3,
}  # fmt: skip
FAULTS: dict[Do, float] = {
    outside.wait: 1, steps.configure: 1, steps.tick: 4, steps.stumble: 0.3, steps.stray: 1, steps.lose: 0.8,
    steps.repeat: 2, steps.begin: 2, steps.move: 2, steps.kill: 2.5, steps.pause: 1, steps.resume: 1.5,
    steps.ring: 0.5,
}  # fmt: skip
KINDS: dict[str, Do] = {do.__name__: do for do in (*USUAL, *FAULTS)}
SWARM = (0, 0.3, 1, 1, 3)
"""How much a schedule has of each kind of fault: every one is a mixture of its own (A. Groce and others, 2012)."""


def schedule_of(seed: int) -> Schedule:
    """Return the schedule of a seed."""
    chance = Random(seed)
    weights = [*USUAL.values(), *(weight * chance.choice(SWARM) for weight in FAULTS.values())]
    count = chance.choice((40, 70, 110))
    kinds, numbers = chance.choices(list(KINDS), weights, k=count), [chance.getrandbits(16) for _ in range(2 * count)]
    return Schedule(
        seed,
        tuple(zip(kinds, numbers[::2], numbers[1::2], strict=True)),
        pages=chance.choice((2, 3, 5, 9)),
        first=chance.choice((0, 0, 4)),
        has_beside=chance.random() < 0.5,
        rooms=chance.choice(((1,), (1, 3, 8), (2, 50), (50,))),
        has_poison=chance.random() < 0.4,
        is_abrupt=chance.random() < 0.6,
        upgrade=chance.choice(("", "", "", "", "migrated", "relearned")),
    )


def play(world: World, trace: list[str] | None = None) -> None:
    """Play a world's schedule; trace: is told what happened."""
    world.start(tuple(range(PARTITIONS)))
    for kind, a, b in world.schedule.steps:
        said = KINDS[kind](world, a, b)
        if trace is not None and said:
            trace.append(said)
