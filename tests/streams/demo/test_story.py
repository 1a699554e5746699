"""The acts wait for what is seen, and leave the shop as they found it."""

import asyncio
import time

import pytest

from streams.demo import story
from streams.demo.facts import Facts
from streams.demo.load import FLOOD, Attacker, Load
from streams.demo.shop import Shop
from streams.demo.story import Stage
from streams.demo.witness import Witness
from topics.alerts import Alert


class Visitors(Load):
    """A load that sends nobody: an attack goes on until it is cancelled."""

    def __init__(self) -> None:
        super().__init__(port=9, base_per_s=1.0, day_s=120.0, seed=1)
        self.attacked_by: list[str] = []
        self.over = 0

    async def attack(self, attacker: Attacker) -> None:
        self.attacked_by.append(attacker.client)
        try:
            await asyncio.Event().wait()
        finally:
            self.over += 1


@pytest.fixture
def stage() -> Stage:
    async def replace_worker() -> None:
        return None

    witness = Witness(Facts(lambda _: None, lambda: 0.0))
    shop = Shop(lambda *_: None, replicas=2, per_s=20.0)
    return Stage(shop, Visitors(), witness, replace_worker, lambda _: None, 0.0)


def firing(service: str) -> Alert:
    return Alert(id="a", state="firing", severity="warning", service=service, title="", at_s=1.0, since_s=1.0)


async def turns() -> None:
    """Let everybody else have their turns."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("took_s", "word"), [(1e6, "has learned what is normal"), (-0.01, "learns what is normal")])
async def test_it_is_told_when_the_worker_is_there_however_long_it_took(
    stage: Stage, took_s: float, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(story, "LEARN_S", 0.0)
    stage.tell, stage.opened_s = told.append, time.monotonic() - took_s
    stage.witness.concluded = 1
    await story.learn(stage)
    (line,) = told
    assert word in line


async def test_an_attack_goes_on_until_a_new_refusal_is_seen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "A_MOMENT_S", 0.0)
    visitors, refused = stage.load, stage.witness.facts.refused
    assert isinstance(visitors, Visitors)
    refused.add(FLOOD.client)  # That was an earlier block.
    act = asyncio.create_task(story.attack(stage, FLOOD))
    await turns()
    assert (visitors.attacked_by, visitors.over) == ([FLOOD.client], 0)
    refused.add(FLOOD.client)
    stage.witness.news.set()
    await act
    assert visitors.over == 1


async def test_checkout_is_slow_until_its_own_alert_fires(stage: Stage) -> None:
    act = asyncio.create_task(story.slow_checkout(stage))
    await turns()
    stage.witness.facts.take_alert(firing("shop"))
    stage.witness.news.set()
    await turns()
    assert stage.shop.faults.slow_s > 0
    stage.witness.facts.firing.clear()
    stage.witness.facts.take_alert(firing("checkout"))
    stage.witness.news.set()
    await act
    assert stage.shop.faults.slow_s == 0


async def test_a_rush_is_more_than_the_shop_manages_and_ends_with_its_relief(stage: Stage) -> None:
    act = asyncio.create_task(story.rush(stage))
    await turns()
    assert stage.load.extra_per_s > 2 * 20.0
    stage.witness.facts.reliefs += 1
    stage.witness.news.set()
    await act
    assert stage.load.extra_per_s == 0


async def test_what_is_not_seen_in_time_does_not_hold_up_the_story(stage: Stage) -> None:
    assert not await stage.until(lambda: False, patience_s=0.01)
    assert await stage.until(lambda: True, patience_s=0.01)
