"""Patterns: who stands for a service, what late and labelled series do, and what a page keeps."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import numpy as np

from detectors.anomaly import AnomalyBank
from detectors.bank import page_of
from detectors.patterns import PatternBook
from detectors.patterns_roles import LOAD
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
