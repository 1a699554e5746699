"""Scaling: enough replicas for the load, told in time, taken away with patience, whatever the readings look like."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.scaling import ScalingBank
from tests.contract import check
from tests.fakes import Entry, fold, fold_into, shard_of
from topics import Derived
from topics.control import SettingsChange, Tick
from topics.metrics import METRICS, Reading
from topics.proposals import Proposal
from topics.settings import Scaling, Service, Settings

T = 1_700_000_000
Kind = Literal["gauge", "delta", "total"]
Load = Callable[[int], float]


def rules(**changes: object) -> Settings:
    scaling = Scaling(
        load="shop/requests", capacity=100.0, start_s=20.0, stabilisation_s=60.0, season_s=240.0, headroom=1.0
    )
    return Settings(services={"shop": Service(scaling=msgspec.structs.replace(scaling, **changes))})


def reading(second: float, metric: str, value: float, kind: Kind = "gauge", delay_s: float = 1.2) -> Entry:
    at_s = T + second
    return round(1000 * (at_s + delay_s)), Reading(series=f"shop/{metric}", value=value, at_s=at_s, kind=kind)


def log_of(load: Load, seconds: int, kind: Kind = "delta", replicas: float | None = 3, parts: int = 1) -> list[Entry]:
    """A load told every second in so many parts, and every ten seconds how many replicas there are."""
    log, total = [], 0.0
    for second in range(seconds):
        total += load(second)
        if replicas is not None and second % 10 == 0:
            log.append(reading(second, "replicas", replicas))
        value = total if kind == "total" else load(second) / parts
        log += [reading(second, "requests", value, kind) for _ in range(parts)]
    return sorted(log, key=lambda entry: entry[0])


def ticks(first: int, last: int) -> list[Entry]:
    return [(1000 * (T + second) + 500, Tick()) for second in range(first, last)]


def said(log: Sequence[Entry], settings: Settings | None = None) -> list[Derived]:
    return fold(ScalingBank, METRICS, log, settings or rules())


def wanted(log: Sequence[Entry], settings: Settings | None = None) -> list[float]:
    return [record.wanted for record in said(log, settings) if isinstance(record, Proposal)]


def proposals(log: Sequence[Entry], settings: Settings | None = None) -> list[Proposal]:
    return [record for record in said(log, settings) if isinstance(record, Proposal)]


@pytest.mark.parametrize(("kind", "parts"), [("delta", 1), ("delta", 3), ("total", 1), ("gauge", 1)])
def test_the_need_is_the_load_per_second_whatever_the_readings_are(kind: Kind, parts: int) -> None:
    first = proposals(log_of(lambda second: 450.0, 30, kind, parts=parts))[0]
    assert (first.wanted, first.current) == (5, 3)
    assert first.why == "need 450 of requests (now 450) / 100 per replica"


def test_nothing_is_proposed_while_the_replicas_fit() -> None:
    assert wanted(log_of(lambda second: 250.0, 600)) == []


def test_a_proposal_is_said_again_every_15_seconds_while_it_stands() -> None:
    times = [proposal.at_s for proposal in proposals(log_of(lambda second: 450.0, 100))]
    assert len(times) > 4
    assert {round(b - a) for a, b in pairwise(times)} == {15}


def test_a_bucket_of_which_only_a_part_was_seen_is_no_fall() -> None:
    """The log begins in the middle of a bucket, and before the first one is over nothing is known."""
    log = [entry for entry in log_of(lambda second: 450.0, 60, replicas=5) if entry[0] > 1000 * (T + 4)]
    assert wanted([reading(3, "replicas", 5), *log], rules(stabilisation_s=0.0)) == []


def test_the_need_is_bounded() -> None:
    assert set(wanted(log_of(lambda second: 5000.0, 60), rules(maximum=7))) == {7}
    assert set(wanted(log_of(lambda second: 0.0, 200), rules(minimum=2))) == {2}


def test_replicas_are_taken_away_only_after_the_need_stayed_below() -> None:
    first = proposals(log_of(lambda second: 120.0, 200))[0]
    assert first.wanted == 2
    assert 60 <= first.at_s - T < 80
    assert first.why.endswith("not more for 60 s")


def test_a_short_dip_takes_nothing_away() -> None:
    dips = wanted(log_of(lambda second: 20.0 if 60 <= second % 120 < 100 else 280.0, 480))
    assert min(dips, default=3) >= 3


@given(levels=st.lists(st.integers(0, 12), min_size=4, max_size=12))
def test_no_proposal_is_below_what_the_load_asked_for_lately(levels: list[int]) -> None:
    """Where fewer replicas are wanted than there are, no need of the last minute was higher; else, not that of now."""
    log = log_of(lambda second: 100.0 * levels[second // 20], 20 * len(levels), "gauge", replicas=6)
    for proposal in proposals(log, rules(maximum=20)):
        last = int(proposal.at_s - T) - 10  # The bucket that was over then, if not a later one.
        since = last - 45 if proposal.wanted < 6 else last
        assert proposal.wanted >= min(levels[second // 20] for second in (last, last + 5) if second >= 0)
        if proposal.wanted < 6:
            assert proposal.wanted >= max(levels[second // 20] for second in range(max(0, since), last))


def test_it_prepares_for_a_rise_that_comes_every_season() -> None:
    """In the fourth season the proposal for the rise stands before the rise does."""

    def load(second: int) -> float:
        return 550.0 if 120 <= second % 240 < 180 else 50.0

    log = log_of(load, 1200, replicas=1)
    before_the_rise = [p for p in proposals(log) if 960 + 60 <= p.at_s - T < 960 + 120]
    assert max(p.wanted for p in before_the_rise) >= 6
    assert "in 20 s up to" in before_the_rise[-1].why


def test_the_forecast_is_said_for_the_time_it_is_for() -> None:
    readings = [r for r in said(log_of(lambda second: 300.0, 300)) if isinstance(r, Reading)]
    names = {r.series for r in readings}
    assert names == {f"shop/requests_forecast{end}" for end in ("", "_lower", "_upper")}
    last = [r for r in readings if r.at_s == readings[-1].at_s]
    assert [r.value for r in last] == pytest.approx([300.0] * 3)
    assert 10 <= readings[-1].at_s - (T + 300) <= 25
    assert len({(r.series, r.at_s) for r in readings}) == len(readings)


def test_a_forecast_that_would_be_refused_as_too_far_ahead_is_not_said() -> None:
    settings = msgspec.structs.replace(rules(), ahead_s=5.0)
    assert not [r for r in said(log_of(lambda second: 300.0, 300), settings) if isinstance(r, Reading)]


def test_a_start_that_takes_long_makes_the_steps_longer() -> None:
    """Ten minutes ahead in at most 32 steps."""
    settings = rules(start_s=600.0)
    assert wanted(log_of(lambda second: 450.0, 120), settings)[0] == 5


def test_readings_out_of_order_count_in_their_own_time() -> None:
    log = log_of(lambda second: 450.0, 60, "gauge")
    swapped = [entry for pair in zip(log[1::2], log[0::2], strict=False) for entry in pair]
    mixed = [(time_ms, record) for (time_ms, _), (_, record) in zip(log, swapped, strict=False)]
    assert set(wanted(mixed)) == {5}


def test_a_reading_from_long_ago_changes_nothing() -> None:
    log = log_of(lambda second: 250.0, 120, "gauge")
    for age_s in (100, 155, 160, 165, 1000):  # Buckets come round after 160 s.
        old = (log[-1][0], reading(119 - age_s, "requests", 9000.0)[1])
        assert wanted([*log, old, *ticks(125, 160)]) == []


def test_a_producer_whose_clock_is_behind_is_understood() -> None:
    log = [(time_ms + 3_600_000, record) for time_ms, record in log_of(lambda second: 450.0, 60)]
    assert set(wanted(log)) == {5}


def test_a_short_silence_takes_nothing_away() -> None:
    log = log_of(lambda second: 250.0, 120) + ticks(122, 230)
    assert wanted(log) == []


def test_deltas_that_stay_out_for_long_are_nought() -> None:
    log = log_of(lambda second: 250.0, 120) + ticks(122, 500)
    assert wanted(log)[-1] == 1


@pytest.mark.parametrize("kind", ["gauge", "total"])
def test_a_gauge_that_stays_out_says_nothing(kind: Kind) -> None:
    log = log_of(lambda second: 450.0, 60, kind) + ticks(62, 500)
    assert max(p.at_s - T for p in proposals(log)) < 60 + 120 + 10


def test_a_counter_that_starts_again_is_no_fall() -> None:
    log = log_of(lambda second: 250.0, 60, "total")
    log += [(t + 60_000, msgspec.structs.replace(r, at_s=r.at_s + 60)) for t, r in log]
    assert wanted(log, rules(stabilisation_s=0.0)) == []


def test_without_a_capacity_utilisation_decides_within_its_tolerance() -> None:
    settings = rules(capacity=None, utilisation="shop/busy", target_utilisation=0.5)
    for busy, expected in ((0.54, set()), (0.8, {7}), (0.1, {1})):
        log = log_of(lambda second: 100.0, 200, replicas=4) + [reading(s, "busy", busy) for s in range(0, 200, 5)]
        assert set(wanted(sorted(log, key=lambda entry: entry[0]), settings)) == expected


def test_utilisation_without_known_replicas_says_nothing() -> None:
    settings = rules(capacity=None, utilisation="shop/busy")
    log = log_of(lambda second: 100.0, 60, replicas=None) + [reading(s, "busy", 0.99) for s in range(60)]
    assert wanted(sorted(log, key=lambda entry: entry[0]), settings) == []


def test_replicas_that_nobody_tells_are_taken_to_be_the_minimum() -> None:
    assert set(wanted(log_of(lambda second: 250.0, 60, replicas=None))) == {3}
    assert wanted(log_of(lambda second: 50.0, 60, replicas=None)) == []


def test_only_series_that_a_service_scales_by_have_rows() -> None:
    shard = shard_of(ScalingBank, METRICS, rules())
    fold_into(shard, METRICS, [*log_of(lambda second: 10.0, 5), *(reading(6, f"other_{i}", 1.0) for i in range(50))])
    assert len(shard.bank) == 2


def test_without_settings_nothing_is_kept() -> None:
    shard = shard_of(ScalingBank, METRICS)
    fold_into(shard, METRICS, log_of(lambda second: 10.0, 5))
    assert len(shard.bank) == 0


def changed(second: float, settings: Settings) -> Entry:
    return int(1000 * (T + second)), SettingsChange(version="2", settings=settings)


def with_changes(log: list[Entry], *changes: Entry) -> list[Entry]:
    return sorted([*log, *changes], key=lambda entry: entry[0])


def test_how_good_forecasts_and_provision_were_is_told() -> None:
    """Three replicas do 300 of a load that changes between 150 and 450 each minute: a quarter idle, a quarter short."""
    shard = shard_of(ScalingBank, METRICS, settings=rules(maximum=3, season_s=1e6))
    log = log_of(lambda second: 150.0 if second // 60 % 2 else 450.0, 2400)
    fold_into(shard, METRICS, log)
    figures = {figure: share for (service, figure), share in shard.bank.figures().items() if service == "shop"}
    assert figures["idle"] == pytest.approx(0.25, abs=0.05)
    assert figures["short"] == pytest.approx(0.25, abs=0.05)
    assert 0.05 < figures["forecast_error"] < 0.8
    assert abs(figures["forecast_bias"]) < 0.2
    assert 0.2 < figures["forecast_cover"] <= 1
    assert ScalingBank(rules()).figures() == {}


def test_new_settings_hold_from_their_record_on() -> None:
    log = with_changes(log_of(lambda second: 450.0, 200), changed(100, rules(capacity=50.0)))
    after = [p.wanted for p in proposals(log) if p.at_s >= T + 100]
    assert set(after) == {9}


def test_a_service_that_scales_no_more_is_left_alone() -> None:
    log = with_changes(log_of(lambda second: 450.0, 200), changed(100, Settings()))
    assert max(p.at_s for p in proposals(log)) < T + 100


def test_the_contract_holds() -> None:
    """Through two seasons with noise, a gap, and settings that change every time there are."""
    log = log_of(lambda second: 300 + 250 * math.sin(second / 38.2) + 40 * math.sin(second * second), 480, parts=2)
    log = [entry for entry in log if not 200_000 <= entry[0] - 1000 * T < 240_000]
    changes = [changed(90, rules(start_s=300.0)), changed(150, Settings()), changed(170, rules(every_s=3.0))]
    assert check(ScalingBank, METRICS, with_changes(log, *changes), rules())


Loads = st.lists(st.integers(0, 900) | st.none(), min_size=10, max_size=60)


@given(loads=Loads, kind=st.sampled_from(["gauge", "delta", "total"]))
def test_the_contract_holds_for_any_load(loads: list[int | None], kind: Kind) -> None:
    log = [reading(2 * i, "requests", float(v), kind) for i, v in enumerate(loads) if v is not None]
    settings = rules(start_s=5.0, stabilisation_s=10.0, every_s=2.0)
    for record in check(ScalingBank, METRICS, [*log, *ticks(130, 140)], settings):
        if isinstance(record, Proposal):
            assert 1 <= record.wanted <= 10


def test_scaling_by_another_services_series_is_refused() -> None:
    with pytest.raises(ValueError, match="service 'shop' scales by its own series"):
        Settings(services={"shop": Service(scaling=Scaling(load="bank/requests"))})


def check_margin(settings: Settings) -> None:
    """Hold the bank to its contract where replicas come and go, and what is done is told."""
    log = []
    for second in range(200):
        have = 3 + second // 50
        log += [reading(second, "requests", 400.0 + 5 * second), reading(second, "answers", 300.0)]
        log += [reading(second, "replicas", have)] if second % 10 == 0 else []
    check(ScalingBank, METRICS, sorted(log, key=lambda entry: entry[0]), settings)
