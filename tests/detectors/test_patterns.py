"""Patterns: who stands for a service, what late and labelled series do, and what a page keeps."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.anomaly import AnomalyBank
from detectors.bank import page_of
from detectors.patterns import PatternBook
from detectors.patterns_roles import LOAD, Trait
from detectors.patterns_series import FLATLINE, RHYTHM, SERIES, SHAPES, VARIANCE
from detectors.patterns_steps import NOTE, TRAIT, rule_of, step_values
from tests.fakes import Entry, fold, fold_into, shard_of
from topics import Derived
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, PatternSettings, Settings
from topics.signals import Anomaly

T0 = 1_700_000_000
QUIET = AnomalySettings(warmup=10_000, bucket_s=1, joint=False)
SETTINGS = Settings(anomaly=QUIET, patterns=PatternSettings(warmup=20))


def log_of(seconds: int, **series: Callable[[int], float]) -> list[Entry]:
    """Return a log of one service, with a reading of each series a second."""
    return [
        (1000 * (T0 + k), Reading(series=f"shop/{name}", value=value(k), at_s=float(T0 + k)))
        for k in range(seconds)
        for name, value in series.items()
    ]


def noise(mean: float, spread: float, seed: int = 1) -> Callable[[int], float]:
    values = np.random.default_rng(seed).normal(mean, spread, 1000)
    return lambda k: float(values[k])


def kinds(said: list[Derived]) -> list[str]:
    return [record.kind for record in said if isinstance(record, Anomaly) and not record.calm]


def patterns_of(seconds: int, settings: Settings = SETTINGS, late_s: float = 0.0) -> list[str]:
    """Return what is said of a sensor that stands still from the fortieth second on."""
    moving = noise(20.0, 1.0)
    log = log_of(seconds, heat=lambda k: moving(min(k, 40)))
    return kinds(fold(AnomalyBank, METRICS, [(at_ms + round(1000 * late_s), what) for at_ms, what in log], settings))


def test_what_stands_still_is_told_once_and_again_only_after_twenty_minutes() -> None:
    assert patterns_of(200) == ["flatline"]
    assert patterns_of(40 + 12 + 1205) == ["flatline", "flatline"]


def test_switched_off_nothing_is_told_and_nothing_kept() -> None:
    off = msgspec.structs.replace(SETTINGS, patterns=PatternSettings(warmup=20, enabled=False))
    assert patterns_of(100, off) == []


def test_what_is_late_teaches_and_is_not_told() -> None:
    assert patterns_of(100, late_s=400.0) == []


def test_series_that_differ_by_labels_only_are_watched_where_a_threshold_or_a_stock_is_meant() -> None:
    moving, book = noise(20.0, 1.0), {}
    for name in ("heat{room=1}", "disk_ratio{mount=/}"):
        shard = shard_of(AnomalyBank, METRICS, SETTINGS)
        fold_into(shard, METRICS, log_of(30, **{name: moving}))
        bank = shard.bank
        assert isinstance(bank, AnomalyBank)
        book[name] = int(bank.patterns.series["steps"].max())
    assert book["heat{room=1}"] == 0
    assert book["disk_ratio{mount=/}"] > 20


def roles(bank: AnomalyBank) -> bytes:
    return bank.name_of[int(bank.patterns.roles[bank.joint.services[b"shop"], LOAD])]


def test_the_first_by_name_stands_for_a_role_in_whatever_order_series_come_and_go() -> None:
    names = ["load", "requests", "requests_per_s"]
    for _ in range(4):
        random.Random(1).shuffle(names)
        shard = shard_of(AnomalyBank, METRICS, SETTINGS)
        fold_into(shard, METRICS, log_of(3, **dict.fromkeys(names, noise(5.0, 1.0))))
        bank = shard.bank
        assert isinstance(bank, AnomalyBank)
        assert roles(bank) == b"shop/load"
        bank.remove(bank.names.row(b"shop/load"))
        assert roles(bank) == b"shop/requests"


def test_a_service_that_is_forgotten_begins_anew() -> None:
    shard = shard_of(AnomalyBank, METRICS, SETTINGS)
    fold_into(shard, METRICS, log_of(30, load=noise(5.0, 1.0)))
    bank = shard.bank
    assert isinstance(bank, AnomalyBank)
    assert bank.patterns.services["asked_ms"].any()
    bank.remove(bank.names.row(b"shop/load"))
    fold_into(shard, METRICS, log_of(31, load=noise(5.0, 1.0))[30:], start=30)
    assert not bank.patterns.services[bank.joint.services[b"shop"]]["known"].any()


def test_a_page_keeps_what_was_stepped_and_no_more() -> None:
    shard = shard_of(AnomalyBank, METRICS, SETTINGS)
    fold_into(shard, METRICS, log_of(30, load=noise(5.0, 1.0), **{"heat{room=1}": noise(20.0, 1.0)}))
    bank = shard.bank
    assert isinstance(bank, AnomalyBank)
    book: PatternBook = bank.patterns
    assert len(book.take(page_of(b"shop"))) < 1.5 * (book.series.itemsize + book.services.itemsize)
    assert book.take(page_of(b"shop") + 1) == b""


def test_errors_that_stay_out_are_nought() -> None:
    """They are said only where there are any: their share is not what it was last, and what it raised ends."""
    assert [record.calm for record in _errors_in({*range(10), 80})] == []
    assert [record.calm for record in _errors_in(set(range(75)))] == [False, True]


def _errors_in(seconds: set[int]) -> list[Anomaly]:
    calm = noise(100.0, 3.0)
    log = [entry for k in range(150) for entry in _errors_at(k, calm(k), k in seconds)]
    said = fold(AnomalyBank, METRICS, log, SETTINGS)
    return [record for record in said if isinstance(record, Anomaly) and record.kind == "threshold"]


def _errors_at(k: int, load: float, errors: bool) -> list[Entry]:
    said = {"requests": load} | ({"errors": 20.0} if errors else {})
    return [
        (1000 * (T0 + k), Reading(series=f"shop/{name}", value=value, at_s=float(T0 + k), kind="delta"))
        for name, value in said.items()
    ]


def told_in(values: NDArray[np.float64], at_s: NDArray[np.float64], shape: int, alarms_per_day: float) -> list[int]:
    """Return at which values of one series a shape begins to be told."""
    trait, said = np.zeros(1, TRAIT), np.zeros((len(values), len(SHAPES)), np.bool_)
    for field in TRAIT.names or ():
        trait[field] = getattr(Trait(), field)
    rule = rule_of(Settings(anomaly=AnomalySettings(alarms_per_day=alarms_per_day)))
    step_values(np.zeros(1, SERIES), trait, values, at_s, rule, np.zeros(len(SHAPES) + 1, NOTE), said)
    return [int(row) for row in np.flatnonzero(said[:, shape])]


DAYS, STEPS = 30, 288


def days_of(shape: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return thirty days of one series, in each of which it does the same for some hours; at last it does far more."""
    chance = np.random.default_rng(3)
    values = chance.normal(20.0, 1.0, DAYS * STEPS + 2 * STEPS)
    at_s: NDArray[np.float64] = 300.0 * np.arange(len(values), dtype=np.float64)
    for day in range(DAYS):
        # Not at the same time every day, which would be a rhythm; the first days are as they should be.
        first = day * STEPS + 100 + int(chance.integers(0, 60))
        if shape == FLATLINE and day > 2:
            values[first : first + 40] = values[first]
        if shape == VARIANCE and day > 2:
            values[first : first + 60] = 20 + 5 * (values[first : first + 60] - 20)
    if shape == FLATLINE:
        values[DAYS * STEPS :] = 7.0
    if shape == VARIANCE:
        values[DAYS * STEPS :] = 20 + 1e-3 * (values[DAYS * STEPS :] - 20)
    if shape == RHYTHM:
        at_s = 3600.0 * np.delete(np.arange(1200, dtype=np.float64), [k + k % 7 for k in range(60, 1200, 40)])
        at_s = np.append(at_s, at_s[-1] + 36_000.0)
        values = values[: len(at_s)]
    return values, at_s


@pytest.mark.parametrize("shape", [FLATLINE, VARIANCE, RHYTHM])
def test_what_is_told_again_and_again_must_be_stronger_and_what_is_much_stronger_is_told(shape: int) -> None:
    values, at_s = days_of(shape)
    last = DAYS * STEPS if shape != RHYTHM else len(values) - 1
    few, all_of_them = (told_in(values, at_s, shape, alarms) for alarms in (0.1, 1000.0))
    if shape != FLATLINE:
        assert sum(row < last for row in all_of_them) >= 15, "who will read them all is told of them all"
    assert 1 <= sum(row < last for row in few) < 6
    assert any(row >= last for row in few)
