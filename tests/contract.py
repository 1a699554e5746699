"""What every bank must pass: state is a function of the log's prefix, page by page, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import numpy as np

from detectors.bank import NEVER, Bank
from streams.engine.shard import Shard
from tests.fakes import Entry, fold_into, shard_of
from topics import Derived, Topic
from topics.settings import Settings


def check(
    bank: type[Bank], topic: Topic, log: Sequence[Entry], settings: Settings | None = None, seed: int = 1
) -> list[Derived]:
    """Hold a bank to the contract on a log; return what it says of it."""
    whole = shard_of(bank, topic, settings)
    said = fold_into(whole, topic, log)
    chance = random.Random(seed)
    who_knows_nothing_waits_for_nothing(shard_of(bank, topic, settings))
    replay_equals_live(whole, said, bank, topic, log, settings)
    any_cut_gives_the_same(whole, said, bank, topic, log, settings, chance)
    saving_and_loading_changes_nothing(whole, said, bank, topic, log, settings, chance)
    pages_of_different_age_catch_up(whole, said, bank, topic, log, settings, chance)
    asking_leaves_no_trace(whole)
    return said


def who_knows_nothing_waits_for_nothing(fresh: Shard) -> None:
    """Else the owner of a log in which nothing was ever said would append a tick to it."""
    assert fresh.bank.due_ms == NEVER


def replay_equals_live(
    whole: Shard, said: list[Derived], bank: type[Bank], topic: Topic, log: Sequence[Entry], settings: Settings | None
) -> None:
    """Folded again, the log gives the same state and the same words."""
    again = shard_of(bank, topic, settings)
    assert fold_into(again, topic, log) == said
    assert again.contents() == whole.contents()


def any_cut_gives_the_same(
    whole: Shard,
    said: list[Derived],
    bank: type[Bank],
    topic: Topic,
    log: Sequence[Entry],
    settings: Settings | None,
    chance: random.Random,
) -> None:
    """However the log is cut into chunks, one record a chunk included."""
    for cuts in (range(len(log)), [chance.randrange(len(log) + 1) for _ in range(3)]):
        shard = shard_of(bank, topic, settings)
        assert fold_into(shard, topic, log, cuts) == said
        assert shard.contents() == whole.contents()


def saving_and_loading_changes_nothing(
    whole: Shard,
    said: list[Derived],
    bank: type[Bank],
    topic: Topic,
    log: Sequence[Entry],
    settings: Settings | None,
    chance: random.Random,
) -> None:
    """A shard that is saved somewhere in the log, and loaded by another, goes on as if nothing had been."""
    for _ in range(3):
        at = chance.randrange(len(log) + 1)
        first = shard_of(bank, topic, settings)
        before = fold_into(first, topic, log[:at])
        records, position = first.snapshot(float("inf"))
        second = shard_of(bank, topic, settings)
        assert second.load(dict(records)) == position == at
        assert second.contents() == first.contents()
        assert before + fold_into(second, topic, log[at:], start=at) == said
        assert second.contents() == whole.contents()


def pages_of_different_age_catch_up(
    whole: Shard,
    said: list[Derived],
    bank: type[Bank],
    topic: Topic,
    log: Sequence[Entry],
    settings: Settings | None,
    chance: random.Random,
) -> None:
    """After a kill some pages are older than others: each skips what it has had, and all say what they said before."""
    table: dict[bytes, bytes] = {}
    first, spoken = shard_of(bank, topic, settings), 0
    heard: dict[bytes, Derived] = {}
    for low in range(0, len(log), max(1, len(log) // 7)):
        for record in fold_into(first, topic, log[low : low + max(1, len(log) // 7)], start=low):
            heard[msgspec.json.encode(record.origin) + type(record).__name__.encode()] = record
        spoken = first.next
        if chance.random() < 0.8:
            table |= dict(first.snapshot(chance.choice([0.1, 300.0, 5000.0]))[0])
    second = shard_of(bank, topic, settings)
    position = second.load(table)
    assert position <= spoken
    second.spoken = 0  # so that it says again what it would be spared to say
    for record in fold_into(second, topic, log[position:], start=position):
        key = msgspec.json.encode(record.origin) + type(record).__name__.encode()
        assert heard.setdefault(key, record) == record, "a copy differs from what was said before"
    assert second.contents() == whole.contents()
    assert len(heard) == len(said)


def asking_leaves_no_trace(whole: Shard) -> None:
    """Neither taking pages nor asking when something is due changes anything."""
    before, dirty = whole.contents(), whole.bank.dirty.copy()
    assert whole.bank.due_ms >= 0
    assert len(whole.bank) >= 0
    assert whole.contents() == before
    assert np.array_equal(whole.bank.dirty, dirty)
