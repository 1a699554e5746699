"""Breaks: mistakes put into the engine on purpose, each at its real place; the simulation must find every one.

A break is in force while a schedule is played. The judge's own folds are those of the unbroken engine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import numpy as np
from faust.types import TP

from benchmarks.simulation.world import World
from detectors.columns import Columns
from streams.engine import pages, shard, ticks
from streams.engine.host import Host
from streams.engine.lessons import Lessons
from streams.engine.marks import Marks
from streams.engine.origins import origin_of
from streams.engine.outbox import Lane, Outbox
from streams.engine.shard import Shard
from topics import Derived
from topics.state import STATE

Break = Callable[[World, ExitStack], None]
Ticket = list[tuple[Lane, int]]


def no_marks(world: World, stack: ExitStack) -> None:
    """Skip the high-water mark: take whatever comes, had before or not."""
    stack.enter_context(patch.object(Marks, "take", lambda self, origins, which, pages, keep, dirty: 0))


def save_unacknowledged(world: World, stack: ExitStack) -> None:
    """Save before outputs are acknowledged: wait for pages only."""
    _wait_only(stack, lambda lane: lane.topic == STATE.name)


def commit_early(world: World, stack: ExitStack) -> None:
    """Commit early: wait for outputs, but not for the pages."""
    _wait_only(stack, lambda lane: lane.topic != STATE.name)


def _wait_only(stack: ExitStack, which: Callable[[Lane], bool]) -> None:
    ticket = Outbox.ticket

    def partial(self: Outbox) -> Ticket:
        return [(lane, put) for lane, put in ticket(self) if which(lane)]

    stack.enter_context(patch.object(Outbox, "ticket", partial))


def wait_first(world: World, stack: ExitStack) -> None:
    """Wait first and copy afterwards: folding goes on meanwhile."""
    save = Host._save

    async def late(self: Host, held: Any, budget: float) -> None:
        await self.outbox.settled(self.outbox.ticket())
        mine = vars(self.outbox)

        def nothing_more() -> Ticket:
            del mine["ticket"]
            return []

        mine["ticket"] = nothing_more
        await save(self, held, budget)

    stack.enter_context(patch.object(Host, "_save", late))


def newest_page(world: World, stack: ExitStack) -> None:
    """Read from the newest page instead of the oldest."""
    load = Shard.load

    def newest(self: Shard, *where: Any) -> int:
        load(self, *where)
        self.next = int(self.positions.max())
        return self.next

    stack.enter_context(patch.object(Shard, "load", newest))


def wall_clock(world: World, stack: ExitStack) -> None:
    """Use the wall clock: what is due is asked of this machine."""
    pass_time = Shard._pass_time

    def by_the_wall(self: Shard, columns: Columns, clocks: Any, i: int, said: Any) -> None:
        pass_time(self, columns, np.maximum(clocks, world.now_ms), i, said)

    stack.enter_context(patch.object(Shard, "_pass_time", by_the_wall))


def ignore_gaps(world: World, stack: ExitStack) -> None:
    """Ignore a gap between chunks: fold what came as if nothing were missing."""

    async def go_on(self: Host, tp: TP, chunk: Any) -> bool:
        for held in self.shards_of(tp):
            held.shard.next = max(held.shard.next, chunk.start)
        return False

    stack.enter_context(patch.object(Host, "_close_gap", go_on))


def unordered(world: World, stack: ExitStack) -> None:
    """Say what one offset leads to as it was found, in no order that all keep."""

    def by_offset(records: list[Derived]) -> list[Derived]:
        return sorted(records, key=lambda record: origin_of(record).offset)

    stack.enter_context(patch.object(shard, "in_order", by_offset))


def no_stamps(world: World, stack: ExitStack) -> None:
    """Believe of a page what was stated of another write of it."""
    stack.enter_context(patch.object(pages, "new_stamp", lambda: b"always the same"))


def forget_marks(world: World, stack: ExitStack) -> None:
    """Save pages without their marks."""
    encode = Shard._encode_page

    def bare(self: Shard, number: int, statement: Any) -> bytes:
        with patch.object(self.marks, "of_page", lambda page: []):
            return encode(self, number, statement)

    stack.enter_context(patch.object(Shard, "_encode_page", bare))


def forget_settings(world: World, stack: ExitStack) -> None:
    """Start from the defaults, whatever settings a page was learned under."""
    stack.enter_context(patch.object(Shard, "_load_settings", lambda self, table, settings_at: None))


def forget_lessons(world: World, stack: ExitStack) -> None:
    """Start from no lesson, whatever a page was learned under."""
    stack.enter_context(patch.object(Lessons, "before", lambda self, lowest: None))


def newest_lesson(world: World, stack: ExitStack) -> None:
    """Start from the lesson that is saved, whatever a page was learned under."""
    stack.enter_context(patch.object(Lessons, "begin", lambda self, lowest: lowest.position))
    stack.enter_context(
        patch.object(Lessons, "before", lambda self, lowest: self._saved if self.saved_at >= 0 else None)
    )


def learn_at_once(world: World, stack: ExitStack) -> None:
    """Put what was learned into force before it stands in the log."""

    def say(host: Host, tp: TP, shards: list[Shard]) -> None:
        for one in shards:
            content = one.bank.lesson()
            if content is not None:
                one.bank.learn(content)

    stack.enter_context(patch.object(ticks, "_say_lessons", say))


def forget_unsaved(world: World, stack: ExitStack) -> None:
    """Take the pages for saved that did not fit into the budget."""
    snapshot = Shard.snapshot

    def rash(self: Shard, budget: float) -> Any:
        copies = snapshot(self, budget)
        self.bank.dirty[:] = False
        return copies

    stack.enter_context(patch.object(Shard, "snapshot", rash))


def overtake(world: World, stack: ExitStack) -> None:
    """Go on sending behind a batch that was lost."""

    def never_mind(self: Host, why: BaseException) -> None:
        self.outbox._broken = False

    stack.enter_context(patch.object(Host, "_could_not_send", never_mind))


ASKED: tuple[Break, ...] = (no_marks, save_unacknowledged, commit_early, newest_page, wall_clock, ignore_gaps)
MORE: tuple[Break, ...] = (
    wait_first, unordered, no_stamps, forget_marks, forget_settings, forget_lessons, newest_lesson, learn_at_once,
    forget_unsaved, overtake,
)  # fmt: skip
BREAKS: dict[str, Break] = {one.__name__: one for one in (*ASKED, *MORE)}
