"""The story: who comes to the shop, what breaks, and what everybody waits for before it goes on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from streams.demo.fleet import FLEET
from streams.demo.load import FLOOD, INJECTOR, SCANNER, Attacker, Load
from streams.demo.shop import Shop
from streams.demo.witness import Witness

# So long the shop is calm at first: the models learn what is normal there.
LEARN_S = 25.0
PATIENCE_S = 60.0
A_MOMENT_S = 1.0
RUSH_MOST_PER_S = 100.0


@dataclass
class Stage:
    """What the story plays on.

    replace_worker kills the worker as a crash would, and starts another
    tell           is handed each line for the terminal
    opened_s       when the shop opened, by the monotonic clock
    """

    shop: Shop
    load: Load
    witness: Witness
    replace_worker: Callable[[], Awaitable[None]]
    tell: Callable[[str], None]
    opened_s: float

    async def until(self, happened: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        """Wait until the witness has seen something; return False if that takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while not happened():
                    self.witness.news.clear()
                    await self.witness.news.wait()
        return happened()

    @contextlib.asynccontextmanager
    async def attacked_by(self, attacker: Attacker) -> AsyncIterator[None]:
        """Have an attacker at work inside the block."""
        self.tell(f"{attacker.client} {attacker.what}")
        attack = asyncio.create_task(self.load.attack(attacker))
        try:
            yield
        finally:
            attack.cancel()
            await asyncio.gather(attack, return_exceptions=True)


async def learn(stage: Stage) -> None:
    """Let nothing happen; the worker comes up meanwhile and reads the log from its beginning."""
    there = await stage.until(lambda: stage.witness.concluded > 0, patience_s=600.0)
    left_s = LEARN_S - (time.monotonic() - stage.opened_s)
    if left_s > 0:
        stage.tell(f"the worker is there and learns what is normal; the next {left_s:.0f} s are calm")
        await asyncio.sleep(left_s)
    elif there:
        stage.tell("the worker is there, and has learned what is normal from what came meanwhile")


async def attack(stage: Stage, attacker: Attacker) -> None:
    """Let somebody attack until the door is shut, and a moment longer."""
    refused = stage.witness.facts.refused
    # A block of earlier may still hold; what counts is a new one.
    refused.discard(attacker.client)
    async with stage.attacked_by(attacker):
        await stage.until(lambda: attacker.client in refused)
        await asyncio.sleep(A_MOMENT_S)


async def slow_checkout(stage: Stage) -> None:
    """Slow down checkout's database until somebody is told."""
    stage.tell("checkout's database has become slow")
    stage.shop.faults.slow_s = 0.8
    await _until_alert(stage, "checkout")
    stage.shop.faults.slow_s = 0.0
    stage.tell("checkout's database is repaired")


async def resolved(stage: Stage, service: str) -> None:
    """Wait until nothing fires for a service."""
    firing = stage.witness.facts.firing
    await stage.until(lambda: all(alert.service != service for alert in firing.values()))


async def lifted(stage: Stage) -> None:
    """Wait until a block has ended."""
    await stage.until(lambda: "client_lifted" in stage.witness.facts.events)


async def fleet_found(stage: Stage) -> None:
    """Wait until what breaks beside the shop has been found."""
    events = stage.witness.facts.events
    await stage.until(lambda: all(member.event in events for member in FLEET))


async def kill_worker(stage: Stage) -> None:
    """Kill the worker; another one takes over where the log and the pages stand."""
    facts, witness = stage.witness.facts, stage.witness
    facts.note("worker_killed")
    stage.tell("the worker is killed (SIGKILL); nobody concludes anything now, and another one starts")
    await stage.replace_worker()
    # What the broker had under way from the dead one is in the log by now.
    killed_ms = (time.time() + 0.2) * 1000
    if await stage.until(lambda: witness.concluded_ms > killed_ms):
        facts.note("worker_back")
        marks = witness.marks
        stage.tell(
            f"the new worker concludes: {marks.said_again} of {witness.concluded} conclusions were said again, "
            f"{marks.taken_twice} taken twice, {marks.lost} lost"
        )


async def rush(stage: Stage) -> None:
    """Send more customers than the replicas manage, until there are more replicas."""
    facts, shop = stage.witness.facts, stage.shop.capacity["shop"]
    before, can_per_s = facts.reliefs, shop.working * shop.per_s
    stage.load.extra_per_s = min(RUSH_MOST_PER_S, 1.25 * can_per_s)
    stage.tell(f"a rush: {stage.load.extra_per_s:.0f} more requests a second; the shop manages {can_per_s:.0f}")
    await stage.until(lambda: facts.reliefs > before)
    stage.load.extra_per_s = 0.0
    stage.tell("the rush is over")


async def failing(stage: Stage) -> None:
    """Make some answers errors, as a bad release does, until somebody is told."""
    stage.tell("a bad release: one answer in three is an error")
    stage.shop.faults.error_share = 0.33
    await _until_alert(stage, "shop")
    stage.shop.faults.error_share = 0.0
    stage.tell("the release is taken back")


async def leak(stage: Stage) -> None:
    """Let the shop lose memory until somebody is told; then it is restarted."""
    stage.tell("the shop leaks memory")
    stage.shop.faults.leak_bytes_per_s = 8e6
    await _until_alert(stage, "shop")
    stage.shop.faults.leak_bytes_per_s = 0.0
    stage.tell("the shop is restarted, its memory is free again")


async def _until_alert(stage: Stage, service: str) -> None:
    firing = stage.witness.facts.firing
    await stage.until(lambda: any(alert.service == service for alert in firing.values()))


async def first_act(stage: Stage) -> None:
    """Show all that Luminar does: the terminal's first minutes, and all of `--once`."""
    await learn(stage)
    async with asyncio.TaskGroup() as together:
        together.create_task(attack(stage, FLOOD))
        together.create_task(slow_checkout(stage))
    await kill_worker(stage)
    async with asyncio.TaskGroup() as together:
        together.create_task(rush(stage))
        together.create_task(resolved(stage, "checkout"))
        together.create_task(lifted(stage))
        together.create_task(fleet_found(stage))


async def next_acts(stage: Stage, pause_s: float = 20.0) -> None:
    """Show what else goes on in a shop, at a pace that can be followed, until cancelled."""
    while True:
        for service in ("shop", "checkout"):
            await resolved(stage, service)
        for act in (_scan, failing, _inject, leak, rush, slow_checkout, _flood):
            await asyncio.sleep(pause_s)
            await act(stage)
            await resolved(stage, "shop")


async def _flood(stage: Stage) -> None:
    await attack(stage, FLOOD)


async def _scan(stage: Stage) -> None:
    await attack(stage, SCANNER)


async def _inject(stage: Stage) -> None:
    await attack(stage, INJECTOR)
