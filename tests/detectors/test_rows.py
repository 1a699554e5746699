"""Rows of many keys: new names get their rows one by one or many at once, and it makes no difference."""

from __future__ import annotations

import random
from typing import Any

import pytest

from detectors import rows
from detectors.anomaly import AnomalyBank
from detectors.bank import page_of
from tests.fakes import Entry, fold_into, shard_of
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, Settings

START_S = 1_700_000_000
QUICK = Settings(anomaly=AnomalySettings(warmup=5, bucket_s=2.0))


def log_of(services: int, seed: int) -> list[Entry]:
    """Return readings of services that come and go, several series each, some of them new late in the log."""
    chance, log = random.Random(seed), []
    for second in range(40):
        for _ in range(30):
            service = min(int(chance.expovariate(0.1)), services)
            series = f"s{service}/m{chance.randrange(3 + second // 8)}"
            reading = Reading(series=series, value=chance.gauss(10, 1), at_s=START_S + second)
            log.append(((START_S + second) * 1000, reading))
    return log


def folded(log: list[Entry], room: int, owns: Any = None, start: int = 0) -> tuple[Any, Any, int]:
    shard = shard_of(AnomalyBank, METRICS, QUICK, owns=owns)
    assert isinstance(shard.bank, AnomalyBank)
    shard.bank.rows_per_page = room
    shard.positions[:] = [start if page % 2 else 0 for page in range(len(shard.positions))]
    said = fold_into(shard, METRICS, log)
    return said, shard.contents(), shard.bank.evicted


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("room", [2, 5, 300])
@pytest.mark.parametrize("owns", [None, lambda group: group != b"s3"])
@pytest.mark.parametrize("start", [0, 300])
def test_many_new_names_at_once_are_as_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, seed: int, room: int, owns: Any, start: int
) -> None:
    """Where pages are full or not, own all names or not, and have had some of the records before or not."""
    log = log_of(60, seed)
    at_once = folded(log, room, owns, start)
    monkeypatch.setattr(rows, "MANY", 10**9)
    assert folded(log, room, owns, start) == at_once
    monkeypatch.setattr(rows, "MANY", 1)
    assert folded(log, room, owns, start) == at_once
    assert (at_once[2] > 0) == (room < 300)


def test_a_page_that_was_loaded_has_its_rows_in_the_order_of_their_names() -> None:
    """So that what is saved beside them, row by row, finds its rows again."""
    shard = shard_of(AnomalyBank, METRICS, QUICK)
    fold_into(shard, METRICS, log_of(60, 1))
    other = AnomalyBank(QUICK)
    page = page_of(b"s1")
    other.put(page, shard.bank.take(page))
    names = [other.name_of[row] for row in other.rows_of(page)]
    assert names == sorted(names)
    assert len(names) > 1


class Crowded(AnomalyBank):
    """A bank to which many names come once and never again."""

    crowded = True


@pytest.mark.parametrize("cut", [1, 7, 400])
def test_of_a_crowded_page_the_oldest_make_room_together_however_the_log_is_cut(cut: int) -> None:
    """A sixteenth of a page at a time, the longest not heard of, of several alike the first by name."""
    log = [((START_S + k) * 1000, Reading(series=f"s/m{k % 150}", value=1.0, at_s=START_S + k)) for k in range(400)]
    shard = shard_of(Crowded, METRICS, QUICK)
    assert isinstance(shard.bank, Crowded)
    shard.bank.rows_per_page, shard.bank._going = 64, 4
    for first in range(0, len(log), cut):
        fold_into(shard, METRICS, log[first : first + cut], start=first)
    assert shard.bank.evicted == len(log) - len(shard.bank)
    assert shard.bank.evicted % 4 == 0
    assert {name for name in shard.bank.name_of if name} == {
        f"s/m{k % 150}".encode() for k in range(400 - len(shard.bank), 400)
    }


def test_the_oldest_go_and_of_those_alike_the_first_by_name() -> None:
    shard = shard_of(AnomalyBank, METRICS, QUICK)
    names = ["d", "a", "c", "b", "e"]
    log = [
        ((START_S + (k > 3)) * 1000, Reading(series=f"s/{name}", value=1.0, at_s=START_S))
        for k, name in enumerate(names)
    ]
    fold_into(shard, METRICS, log)
    bank = shard.bank
    assert isinstance(bank, AnomalyBank)
    told = [sorted(bank.name_of[row] for row in bank.oldest(bank.living(), most).tolist()) for most in (1, 3, 4, 5, 9)]
    assert told == [[f"s/{name}".encode() for name in sorted(some)] for some in ("a", "abc", "abcd", "abcde", "abcde")]
