"""Which series stand for a service, when its vector is taken, what is said, and what a page keeps of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from detectors.anomaly import AnomalyBank
from detectors.bank import PAGES, page_of
from detectors.covariance import MEMBERS, PAIRS
from detectors.joint import JOINT
from tests.contract import check
from tests.fakes import Entry, fold, fold_into, shard_of
from topics.control import SettingsChange
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, PatternSettings, Service, Settings
from topics.signals import Anomaly

START_S = 1_700_000_000
METRICS_OF_SHOP = ("cpu", "errors", "io", "latency_s", "memory", "queue", "requests", "threads")
NAMES = tuple(f"shop/{metric}" for metric in METRICS_OF_SHOP)
QUICK = Settings(anomaly=AnomalySettings(warmup=20, bucket_s=1.0), patterns=PatternSettings(enabled=False))


def shop_log(
    seconds: int, service: str = "shop", fault: range = range(0), metrics: Sequence[str] = METRICS_OF_SHOP
) -> list[Entry]:
    """Return a service's series, each second; in `fault` all move by an amount that none would be alarmed at."""
    chance, log = random.Random(service), []
    for second in range(seconds):
        shift = 18.0 if second in fault else 0.0
        for metric in metrics:
            value = chance.gauss(100, 5) + shift
            reading = Reading(series=f"{service}/{metric}", value=value, at_s=START_S + second)
            log.append(((START_S + second) * 1000, reading))
    return log


def joint(said: list[Any]) -> list[Anomaly]:
    return [record for record in said if isinstance(record, Anomaly) and record.kind == "joint"]


def bank_of(log: list[Entry], its: Settings = QUICK) -> AnomalyBank:
    shard = shard_of(AnomalyBank, METRICS, its)
    fold_into(shard, METRICS, log)
    assert isinstance(shard.bank, AnomalyBank)
    return shard.bank


def members_of(bank: AnomalyBank, service: bytes = b"shop") -> tuple[str, ...]:
    book = bank.joint
    return tuple(bank.name_of[row].decode() for row in book.members[book.services[service]] if row >= 0)


def seen_of(bank: AnomalyBank, service: bytes = b"shop") -> int:
    return int(bank.joint.joints[bank.joint.services[service]]["seen"])


def test_the_bank_says_a_service_that_is_unusual_as_a_whole_and_when_it_is_over() -> None:
    said = fold(AnomalyBank, METRICS, shop_log(330, fault=range(300, 304)), QUICK)
    assert [record for record in said if record not in joint(said)] == [], "no series alone is alarmed"
    begin, *_, end = joint(said)
    assert (begin.series, begin.calm, end.calm) == ("shop/joint", False, True)
    assert set(begin.stands_out) <= set(NAMES)
    assert 1 <= len(begin.stands_out) <= 3
    assert START_S + 299 <= begin.at_s <= START_S + 305
    assert end.stands_out == ()


def test_the_bank_with_services_as_a_whole_holds_to_the_contract() -> None:
    assert joint(check(AnomalyBank, METRICS, shop_log(330, fault=range(300, 304)), QUICK)) != []


def test_late_vectors_teach_and_are_not_said() -> None:
    log = shop_log(330, fault=range(300, 304))
    late = [(time_ms + 86_400_000, record) for time_ms, record in log]
    assert joint(fold(AnomalyBank, METRICS, late, QUICK)) == []
    assert seen_of(bank_of(late)) == seen_of(bank_of(log))


def test_series_join_once_they_are_warmed_up_the_oldest_first_and_those_with_labels_do_not() -> None:
    first, second = shop_log(60, metrics=("requests", "cpu{core=1}")), shop_log(60, metrics=("errors", "cpu"))
    assert members_of(bank_of(first)) == ("shop/requests",)
    later = [(time_ms + 30_000, record) for time_ms, record in second]
    bank = bank_of(sorted([*first, *later], key=lambda entry: entry[0]))
    assert members_of(bank) == ("shop/requests", "shop/cpu", "shop/errors")


def test_a_service_has_places_for_24_series() -> None:
    assert len(members_of(bank_of(shop_log(30, metrics=[f"m{k}" for k in range(MEMBERS + 6)])))) == MEMBERS


def test_the_settings_name_a_services_main_series_and_it_can_be_switched_off() -> None:
    named = Settings(anomaly=QUICK.anomaly, services={"shop": Service(main=("shop/latency_s", "shop/cpu{core=1}"))})
    log = shop_log(50, metrics=("latency_s", "cpu{core=1}", "errors"))
    assert set(members_of(bank_of(log, named))) == {"shop/latency_s", "shop/cpu{core=1}"}
    off = bank_of(shop_log(50), Settings(anomaly=AnomalySettings(warmup=20, bucket_s=1.0, joint=False)))
    assert members_of(off) == ()
    assert all(off.joint.take(page) == b"" for page in range(PAGES))


def test_series_that_the_settings_name_otherwise_now_join_and_leave_and_the_others_stay() -> None:
    log = shop_log(400)
    before = [Settings(anomaly=QUICK.anomaly, services={"shop": Service(main=NAMES[:4])})]
    after = Settings(anomaly=QUICK.anomaly, services={"shop": Service(main=NAMES[2:6])})
    change = (log[1601][0], SettingsChange("2", after))
    changed = [*log[:1601], change, *log[1601:]]
    bank = bank_of(changed, before[0])
    assert set(members_of(bank)) == set(NAMES[2:6])
    assert seen_of(bank) == seen_of(bank_of(log, before[0]))
    check(AnomalyBank, METRICS, changed, before[0])


def test_a_service_that_is_silent_teaches_nothing() -> None:
    """Other services' time passes, and with it no vector of the silent one is taken."""
    log = shop_log(60)
    others = [(time_ms + 60_000, record) for time_ms, record in shop_log(60, "blog")]
    assert seen_of(bank_of([*log, *others])) == seen_of(bank_of([*log, *others[:8]]))


def test_asking_again_in_the_same_bucket_does_nothing() -> None:
    """So it does not matter whether a page was loaded within a bucket, and the bank is asked once more for it."""
    shard, ready = shard_of(AnomalyBank, METRICS, QUICK), np.ones(PAGES, np.bool_)
    fold_into(shard, METRICS, shop_log(200))
    bank = shard.bank
    assert isinstance(bank, AnomalyBank)
    before, seen = shard.contents(), seen_of(bank)
    bank.dirty[:] = False
    bank.joint.pass_time(shard.clock_ms + 1000, ready)
    after = shard.contents()
    assert seen_of(bank) == seen + 1
    assert after != before
    assert np.flatnonzero(bank.dirty).tolist() == [page_of(b"shop")]
    for later_ms in (1000, 1500, 9000):
        bank.joint.due_ms = 0
        assert bank.joint.pass_time(shard.clock_ms + later_ms, ready) == []
        assert shard.contents() == after


def test_what_is_not_ready_is_left_as_it_is() -> None:
    shard = shard_of(AnomalyBank, METRICS, QUICK)
    fold_into(shard, METRICS, shop_log(200))
    before, ready = shard.contents(), np.arange(PAGES) != page_of(b"shop")
    assert isinstance(shard.bank, AnomalyBank)
    assert shard.bank.joint.pass_time(shard.clock_ms + 1000, ready) == []
    assert shard.contents() == before


def test_a_series_that_is_forgotten_leaves_its_place_as_it_was_before() -> None:
    bank = bank_of(shop_log(200))
    book, s = bank.joint, bank.joint.services[b"shop"]
    row = int(book.members[s, 3])
    bank.remove(row)
    assert len(members_of(bank)) == 7
    covariance = [float(book.covs[s, k]) for k in range(PAIRS)]
    assert [covariance[3 * 4 // 2 + j] for j in range(4)] == [0, 0, 0, 1]
    assert [covariance[i * (i + 1) // 2 + 3] for i in range(4, 8)] == [0, 0, 0, 0]


def test_a_service_whose_last_series_is_forgotten_is_forgotten_and_its_room_is_used_again() -> None:
    bank = bank_of(shop_log(200))
    for row in bank.living().tolist():
        bank.remove(row)
    assert bank.joint.services == {}
    assert bank.take(page_of(b"shop")) == AnomalyBank(QUICK).take(page_of(b"shop"))
    bank._admit([b"blog/cpu"], page_of(b"blog"))
    s = bank.joint.services[b"blog"]
    assert bank.joint.joints[s] == np.zeros((), JOINT)
    assert (bank.joint.members[s] == -1).all()


def test_a_service_costs_little_and_a_page_keeps_only_what_is_used_of_it() -> None:
    """At most 1.5 kB of memory beside its rows; what eight series keep in a page is a fraction of that."""
    bank = bank_of(shop_log(200))
    assert JOINT.itemsize + 4 * PAIRS + 8 * (MEMBERS + 4) < 1536
    assert len(bank.joint.take(page_of(b"shop"))) < 256


def test_alarms_raised_are_told_against_those_promised_by_service() -> None:
    """Two days at a tenth a day promise a fifth of an alarm to each series; of what was raised, little has faded."""
    log = [
        ((START_S + 600 * k) * 1000, Reading(series=name, value=value, at_s=START_S + 600 * k))
        for k in range(289)
        for name in ("shop/load", "shop/cpu", "blog/load")
        for value in [90.0 if k == 250 and name == "shop/load" else float(k % 3)]
    ]
    said = [one for one in fold(AnomalyBank, METRICS, log, QUICK) if isinstance(one, Anomaly)]
    raised = [one for one in said if one.kind == "level" and not one.calm]
    budget = bank_of(log).budget()
    assert 0 < len(raised) == pytest.approx(budget["shop"].raised, rel=0.1)
    assert budget["blog"].raised == 0
    assert budget["shop"].promised == pytest.approx(2 * budget["blog"].promised)
    assert budget["blog"].promised == pytest.approx(0.2, abs=0.03)
