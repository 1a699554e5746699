"""Judging readings: what is unusual is said, what is usual is not, and nothing a producer sends breaks it."""

from __future__ import annotations

import math
import random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.anomaly import AnomalyBank, SeriesDetector
from detectors.anomaly_rows import LEVEL, ROW
from tests.contract import check
from tests.fakes import Entry, fold, fold_into, shard_of
from topics.control import SettingsChange, Tick
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, PatternSettings, Settings
from topics.signals import Anomaly

START_S = 1_700_000_000
QUICK = Settings(
    anomaly=AnomalySettings(warmup=20, bucket_s=2.0, season_s=100.0, joint=False),
    patterns=PatternSettings(enabled=False),
)


def reading(value: float, second: float, series: str = "shop/load", kind: Any = "gauge") -> Reading:
    return Reading(series=series, value=value, at_s=START_S + second, kind=kind)


def gauges(values: list[float], first: int = 0) -> list[Entry]:
    return [((START_S + first + k) * 1000, reading(value, first + k)) for k, value in enumerate(values)]


def said_of(log: list[Entry], its: Settings = QUICK) -> list[Anomaly]:
    return [record for record in fold(AnomalyBank, METRICS, log, its) if isinstance(record, Anomaly)]


def noise(count: int, around: float = 10.0, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(around, 1.0) for _ in range(count)]


def detector(values: list[float], step_s: float = 1.0, its: Settings = QUICK) -> SeriesDetector:
    one = SeriesDetector(its)
    for k, value in enumerate(values):
        one.learn_one(value, START_S + k * step_s)
    return one


def row_of(log: list[Entry], series: str, its: Settings = QUICK) -> np.void:
    shard = shard_of(AnomalyBank, METRICS, its)
    fold_into(shard, METRICS, log)
    bank = shard.bank
    assert isinstance(bank, AnomalyBank)
    row: np.void = bank.rows[bank.names.row(series.encode())]
    return row


def mixed_log(seconds: int, seed: int) -> list[Entry]:
    """Return a log with every kind of reading, late ones, silences, resets and ticks."""
    chance, total = random.Random(seed), 0
    log: list[Entry] = []
    for second in range(seconds):
        at_ms = (START_S + second) * 1000 + chance.randrange(300)
        spike = 40.0 if second % 67 > 60 else 0.0
        total = total + chance.randrange(10) if chance.random() < 0.97 else 0
        here = [
            reading(chance.gauss(10 + spike, 1), second, "a/cpu"),
            reading(chance.gauss(5 + spike, 1), second, "a/memory"),
            reading(total, second - (3 if chance.random() < 0.1 else 0), "b/bytes", "total"),
            *[
                reading(chance.randrange(5), second - chance.choice([0, 0, 1, 2, 15]), "a/requests", "delta")
                for _ in range(chance.randrange(3))
            ],
        ]
        if not 80 < second < 110:
            here.append(reading(1.0, second, "b/beat"))
        if chance.random() < 0.05:
            here.append(reading(7.0, second - 400, "a/cpu"))
        log += [(at_ms, record) for record in here]
        if chance.random() < 0.1:
            log.append((at_ms, Tick()))
    return log


@pytest.mark.parametrize("seed", [1, 2])
def test_the_bank_holds_to_the_contract(seed: int) -> None:
    its = Settings(anomaly=AnomalySettings(warmup=15, bucket_s=2.0, season_s=67.0))
    said = check(AnomalyBank, METRICS, mixed_log(160, seed), its, seed)
    assert {record.kind for record in said if isinstance(record, Anomaly)} == {"level", "missing"}


def test_a_spike_is_said_with_its_band_and_calmed_once_it_is_over() -> None:
    begin, end = said_of(gauges([*noise(60), 30.0, *noise(10, seed=2)]))
    assert (begin.kind, begin.value, begin.calm, begin.since_s) == ("level", 30.0, False, START_S + 60)
    assert begin.lower is not None
    assert begin.upper is not None
    assert begin.expected is not None
    assert begin.lower < begin.expected < begin.upper < 30.0
    assert begin.score == pytest.approx((30.0 - begin.expected) / (begin.upper - begin.expected))
    assert (end.calm, end.since_s) == (True, START_S + 60)


def test_the_band_goes_below_nought_only_where_the_series_did() -> None:
    small = [abs(value) for value in noise(60, 0.0)]
    for before, below in ((small, False), ([-0.1, *small[1:]], True)):
        said = said_of(gauges([*before, 30.0]))[-1]
        assert said.lower is not None
        assert said.expected is not None
        assert (said.lower < 0, said.lower <= said.expected) == (below, True)
        assert (said.expected, said.lower, said.upper) == pytest.approx(detector(before).band_one(30.0, START_S + 60))


def test_an_excursion_is_said_again_after_times_that_double() -> None:
    """Besides when it begins, and when it grows well beyond what was said."""
    said = said_of(gauges([*noise(200), *noise(60, 40.0, seed=2)]))
    assert [record.at_s - START_S - 200 for record in said if not record.calm] == [0, 8, 24]
    assert said[-1].calm
    assert {record.since_s for record in said} == {START_S + 200}


def test_what_comes_again_and_again_must_grow_to_be_said() -> None:
    """A view that alarms too often for what was promised has to say more; what is far beyond that is still heard."""
    spikes = [*noise(200)]
    for k in range(40):
        spikes += [28.0, *noise(99, seed=k + 2)]
    times = [record.at_s - START_S for record in said_of(gauges(spikes)) if not record.calm]
    assert times[0] == 200
    assert len(times) <= 8
    far = said_of(gauges([*spikes, 500.0]))
    assert far[-1].at_s - START_S == len(spikes)


def test_while_it_warms_up_a_series_is_learned_silently() -> None:
    assert said_of(gauges([*noise(18), 1e6])) == []
    shard = shard_of(AnomalyBank, METRICS, QUICK)
    fold_into(shard, METRICS, gauges(noise(19)))
    assert isinstance(shard.bank, AnomalyBank)
    assert shard.bank.warming == 1
    fold_into(shard, METRICS, gauges(noise(1), first=19), start=19)
    assert shard.bank.warming == 0


@given(st.floats(-1e30, 1e30, allow_subnormal=True), st.integers(2, 60))
def test_a_constant_series_never_alarms(value: float, count: int) -> None:
    one = detector([value] * (20 + count))
    assert one.score_one(value, START_S + 20.0 + count) == 0


@settings(deadline=None)
@given(st.lists(st.floats(-1e30, 1e30, allow_subnormal=True), min_size=1, max_size=120))
def test_whatever_the_values_nothing_becomes_infinite(values: list[float]) -> None:
    one = detector(values, 7.0)
    score, band = one.score_one(values[0], START_S), one.band_one(values[-1], START_S + 3.0)
    assert 0 <= score <= 1e6
    assert all(math.isfinite(edge) for edge in band)
    assert all(np.isfinite(one._rows[name]).all() for name in ROW.names or () if ROW[name].base.kind == "f")


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=25, max_size=60), st.floats(-1e3, 1e3))
def test_the_score_reaches_one_exactly_at_the_band(values: list[float], value: float) -> None:
    one = detector(values, its=QUICK)
    expected, lower, upper = one.band_one(value, START_S + 60)
    score = one.score_one(value, START_S + 60)
    if upper > expected:
        assert score == pytest.approx(min(abs(value - expected) / (upper - expected), 1e6), rel=1e-5)
        assert (score > 1 + 1e-6) <= (value < lower or value > upper)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=10))
def test_before_the_gains_bound_level_and_spread_are_the_plain_ones(values: list[float]) -> None:
    """At first the level is the plain mean, and the spread the plain rms of what it missed by."""
    one, means = detector(values), [math.fsum(values[:k]) / k for k in range(1, len(values) + 1)]
    misses = [value - mean for value, mean in zip(values[1:], means, strict=False)]
    assert one._rows[0]["level"] == pytest.approx(means[-1], abs=1e-9)
    assert one._rows[0]["squares"][LEVEL] == pytest.approx(sum(m * m for m in misses) / (len(misses) + 1), abs=1e-9)


def test_asking_leaves_no_trace() -> None:
    one = detector(noise(50))
    before = one._rows.tobytes()
    one.score_one(1e9, START_S + 50)
    one.band_one(1e9, START_S + 50)
    assert one._rows.tobytes() == before


def test_one_series_alone_is_judged_as_in_the_bank() -> None:
    values = noise(80)
    expected = detector(values).band_one(500.0, START_S + 80)
    said = said_of(gauges([*values, 500.0]))[-1]
    assert (said.expected, said.lower, said.upper) == pytest.approx(expected)


def test_a_spike_does_not_blow_up_the_scale() -> None:
    values = noise(100)
    before, after = detector(values), detector([*values, 1000.0])
    _, lower, upper = before.band_one(1000.0, START_S + 101)
    _, low_after, up_after = after.band_one(1000.0, START_S + 101)
    assert (up_after - low_after) < 1.6 * (upper - lower)


@pytest.mark.parametrize(("before", "after"), [(10.0, 60.0), (0.0, 5.0), (1e9, 0.0)])
def test_a_lasting_change_of_level_is_learned_in_the_end(before: float, after: float) -> None:
    """From noise as from a constant series; it is said at first."""
    wobble = noise(60, 0.0) if before == 10.0 else [0.0] * 60
    log = gauges([*[before + w for w in wobble], *[after] * 300])
    said = said_of(log)
    assert not said[0].calm
    assert said[-1].calm
    assert said[-1].at_s < START_S + 60 + 200


def wave(second: int) -> float:
    return 50 + 50 * math.sin(2 * math.pi * second / 100)


def test_a_season_is_used_once_it_lowers_the_loss() -> None:
    seasonal = detector([wave(k) + one for k, one in enumerate(noise(1000, 0.0))])
    for second in (1010, 1025, 1060, 1075):
        assert seasonal.band_one(wave(second - 50) + 9, START_S + second)[0] == pytest.approx(wave(second), abs=6)
    assert seasonal.score_one(100.0, START_S + 1075) > 1
    assert seasonal._rows[0]["losses"][1] < 0.5 * seasonal._rows[0]["losses"][0]
    noisy = detector(noise(1000))
    assert noisy._rows[0]["losses"][1] > 0.95 * noisy._rows[0]["losses"][0], "noise has none, so it is not used"


def test_another_length_of_season_is_learned_anew() -> None:
    change = SettingsChange("2", Settings(anomaly=AnomalySettings(warmup=20, season_s=50.0, joint=False)))
    log = [*gauges(noise(150)), ((START_S + 150) * 1000, change), *gauges(noise(30), first=150)]
    row = row_of(log, "shop/load")
    assert row["season_s"] == 50.0
    assert 0 < sum(bin(byte).count("1") for byte in row["day_known"]) < 48


def test_a_counter_becomes_a_rate_and_its_restart_is_no_fall() -> None:
    totals = [100.0, 110.0, 130.0, 5.0, 25.0]
    log = [((START_S + 2 * k) * 1000, reading(total, 2 * k, kind="total")) for k, total in enumerate(totals)]
    rates = [row_of(log[:k], "shop/load")["value"] for k in range(2, 6)]
    assert rates == [5.0, 10.0, 2.5, 10.0]
    assert row_of(log[:1], "shop/load")["seen"] == 0


def test_a_counter_reading_that_is_not_newer_is_ignored() -> None:
    log = [((START_S + k) * 1000, reading(10.0 * k, k, kind="total")) for k in range(5)]
    old = [((START_S + 5) * 1000, reading(1e9, second, kind="total")) for second in (4, 2)]
    assert row_of([*log, *old], "shop/load").tobytes() == row_of(log, "shop/load").tobytes()


def deltas(seconds: range, value: float = 1.0) -> list[Entry]:
    return [((START_S + k) * 1000 + 500, reading(value, k, "shop/requests", "delta")) for k in seconds]


def test_deltas_of_several_sources_add_up() -> None:
    """However a bucket's sum is split among records, in whatever order, the rate is the same."""
    parts = [(0, 3.0), (0, 4.0), (1, 5.0), (1, 0.5), (0, 7.5)]
    log = [((START_S + 1) * 1000, reading(v, s, "shop/requests", "delta")) for s, v in parts]
    row = row_of([*log, ((START_S + 9) * 1000, Tick())], "shop/requests")
    assert (row["seen"], row["value"], row["judged_at_s"]) == (1, 10.0, START_S + 2)


def test_a_bucket_closes_by_the_clock_and_a_later_delta_is_counted_as_late() -> None:
    log = deltas(range(4))
    assert row_of([*log, ((START_S + 3) * 1000 + 900, Tick())], "shop/requests")["seen"] == 0
    late: Entry = ((START_S + 7) * 1000, reading(9.0, 1, "shop/requests", "delta"))
    row = row_of([*log, ((START_S + 6) * 1000, Tick()), late], "shop/requests")
    assert (row["seen"], row["late_deltas"], row["value"]) == (2, 1, 1.0)


def test_a_delta_older_than_the_first_open_bucket_opens_its_own() -> None:
    log: list[Entry] = [
        ((START_S + 5) * 1000, reading(v, s, "shop/requests", "delta")) for v, s in ((8.0, 4), (2.0, 2))
    ]
    row = row_of([*log, ((START_S + 9) * 1000, Tick())], "shop/requests")
    assert (row["seen"], row["value"], row["late_deltas"]) == (2, 4.0, 0)
    assert row["level"] == pytest.approx((4.0 + 1.0) / 2)


def test_an_empty_bucket_between_two_is_nought() -> None:
    row = row_of([*deltas(range(2)), *deltas(range(6, 8)), ((START_S + 20) * 1000, Tick())], "shop/requests")
    assert row["seen"] == 4
    assert row["level"] == pytest.approx((1 + 0 + 0 + 1) / 4)


def test_requests_that_stop_are_said_when_they_come_back_or_are_missing() -> None:
    said = said_of([*deltas(range(100), 50.0), ((START_S + 130) * 1000, Tick())])
    assert [(record.kind, record.calm) for record in said] == [("missing", False)]


def test_a_series_that_falls_silent_is_missed_once_and_calmed_when_it_is_heard() -> None:
    ticks: list[Entry] = [((START_S + second) * 1000, Tick()) for second in range(61, 90)]
    log = [*gauges([10.0] * 60), *ticks, *gauges([10.0] * 5, first=90)]
    quick = msgspec.structs.replace(QUICK.anomaly, missing_least_s=3.0)
    missed, heard = said_of(log, Settings(anomaly=quick))
    assert (missed.kind, missed.calm, missed.since_s) == ("missing", False, START_S + 59)
    assert missed.at_s == START_S + 62
    assert missed.score >= 1
    assert (heard.kind, heard.calm, heard.at_s) == ("missing", True, START_S + 90)


def test_a_silence_of_a_few_seconds_is_not_missed_where_the_settings_ask_for_more() -> None:
    """As long as a killed worker takes to be replaced, what it says every second is not missing."""
    ticks: list[Entry] = [((START_S + second) * 1000, Tick()) for second in range(61, 73)]
    assert said_of([*gauges([10.0] * 60), *ticks, *gauges([10.0] * 5, first=73)]) == []


def test_an_irregular_series_is_given_more_time() -> None:
    chance, second, log = random.Random(3), 0.0, []
    for _ in range(400):
        second += chance.expovariate(0.1)
        log.append((round((START_S + second) * 1000), reading(1.0, second)))
    assert [record for record in said_of(log) if record.kind == "missing"] == []


def test_history_that_is_fed_teaches_and_raises_no_alarm() -> None:
    """Readings a day old are late: neither their values nor their end is said."""
    log: list[Entry] = [(START_S * 1000 + 86_400_000 + k, reading(v, k)) for k, v in enumerate([*noise(60), 1e6])]
    log.append((START_S * 1000 + 86_500_000, Tick()))
    assert said_of(log) == []
    assert row_of(log, "shop/load")["seen"] == 61


@pytest.mark.parametrize("name", ["shop/load_forecast", "shop/load_forecast_lower{host=a}", "shop/load_forecast_upper"])
def test_forecasts_are_not_judged(name: str) -> None:
    log = [
        (time_ms, Reading(series=name, value=record.value, at_s=record.at_s))
        for time_ms, record in gauges([*noise(60), 1e6])
    ]
    assert said_of(log) == []
    assert row_of(log, name)["seen"] == 0


def test_sketches_are_not_judged() -> None:
    log = [(time_ms, reading(5.0, k, kind="sketch")) for k, (time_ms, _) in enumerate(gauges(noise(60)))]
    assert row_of(log, "shop/load")["heard"] == 0


def test_a_series_whose_kind_changes_begins_anew() -> None:
    log = [*gauges(noise(60)), *[((START_S + 60 + k) * 1000, reading(k, 60 + k, kind="total")) for k in range(3)]]
    row = row_of(log, "shop/load")
    assert (row["seen"], row["value"]) == (2, 1.0)


def test_a_row_is_small() -> None:
    assert AnomalyBank.dtype.itemsize <= 1744
