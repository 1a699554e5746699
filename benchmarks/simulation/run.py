"""Running schedules: one by its seed, many in a row, and the shortest part of one that still fails."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from unittest.mock import patch

from benchmarks.simulation.breaks import Break
from benchmarks.simulation.judge import fold, judge_left, judge_saved, judge_words
from benchmarks.simulation.rows import ROWS, Beside
from benchmarks.simulation.schedules import play, schedule_of
from benchmarks.simulation.world import Schedule, World
from detectors import rows
from streams.engine import host

RUN = 5
"""Records folded at once while a schedule is played; the engine's own number would never be reached."""

HAVING_PAGES = [
    module
    for name, module in sys.modules.items()
    if name.startswith(("detectors.", "streams.engine.")) and hasattr(module, "PAGES")
]
COLLECTED = 100
"""Schedules from one collection of garbage to the next."""


@dataclass
class Outcome:
    """What came of a schedule: what was wrong, what happened, and, where asked for, all of it in words."""

    problems: list[str]
    events: Counter[str]
    trace: list[str] = field(default_factory=list)


@dataclass
class Total:
    """What came of many schedules: how many there were, what happened in them, and the seeds of those that failed."""

    schedules: int = 0
    events: Counter[str] = field(default_factory=Counter)
    failed: list[int] = field(default_factory=list)


@contextmanager
def small_world(pages: int) -> Iterator[None]:
    """Let shards have few pages, so that little is enough for much to happen."""
    with ExitStack() as stack:
        for module in HAVING_PAGES:
            stack.enter_context(patch.object(module, "PAGES", pages))
        stack.enter_context(patch.object(rows, "PAGE_BYTES", ROWS * Beside.dtype.itemsize))
        stack.enter_context(patch.object(rows, "MANY", 2))
        yield


def run(schedule: Schedule, broken: Break | None = None, *, traced: bool = False) -> Outcome:
    """Play a schedule, and judge what came of it; the same schedule always comes to the same."""
    world = World(schedule)
    trace: list[str] | None = [] if traced else None
    with small_world(schedule.pages):
        try:
            problems = _judged(world, broken, trace)
        except Exception as why:  # noqa: BLE001 - whatever the engine raises is what the simulation is there to find
            problems = [f"it fails: {why!r}"]
        finally:
            world.end()
    return Outcome(problems, world.events, trace or [])


def _judged(world: World, broken: Break | None, trace: list[str] | None) -> list[str]:
    with ExitStack() as stack:
        if broken is not None:
            broken(world, stack)
        with patch.object(host, "RUN", RUN):
            play(world, trace)
        last = world.settle()
    reference = fold(world)
    problems = judge_words(world, reference) + judge_left(world, last, reference)
    if not problems:
        last.join(())
        world.rest()
        problems = judge_saved(world, reference)
    return problems


def run_many(seeds: range, broken: Break | None = None, *, most_failures: int = 1) -> Total:
    """Play the schedules of these seeds, until so many have failed."""
    total = Total()
    gc.disable()  # Looking for garbage after every few objects costs a fifth of the time,
    gc.freeze()  # and looking for it among what was there before is for nothing.
    try:
        for seed in seeds:
            outcome = run(schedule_of(seed), broken)
            total.schedules += 1
            total.events += outcome.events
            total.failed += [seed] if outcome.problems else []
            if len(total.failed) >= most_failures:
                break
            if total.schedules % COLLECTED == 0:
                gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()
    return total


def shortened(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """Return a part of a schedule that still fails and has no step too many (A. Zeller and R. Hildebrandt, 2002)."""
    size = len(schedule.steps)
    while size:
        at, before = 0, schedule
        while at < len(schedule.steps):
            shorter = replace(schedule, steps=schedule.steps[:at] + schedule.steps[at + size :])
            if fails(shorter):
                schedule = shorter
            else:
                at += size
        if size > 1 or schedule is before:
            size //= 2
    return schedule
