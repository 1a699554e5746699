"""The forecaster: better than the last value where there is a pattern, and its band holds what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.forecast import FORECASTERS, HORIZON_MOST, TESTED_LEAST, Forecaster, Outlook, fit

Floats = NDArray[np.float64]
DAY = 288


def errors(values: Floats, horizon: int, warm: int) -> tuple[float, float, float]:
    """Return the mean error of the forecaster and of the last value, and how many values lay below the upper band."""
    forecaster = Forecaster(step_s=300.0, horizon=horizon)
    outlooks: list[Outlook] = []
    for i, value in enumerate(values):
        forecaster.learn_one(float(value), 300.0 * i)
        outlooks.append(forecaster.forecast_one())
    then, said = values[warm:], outlooks[warm - horizon : -horizon]
    ours = np.mean([abs(value - outlook.expected) for value, outlook in zip(then, said, strict=True)])
    naive = np.mean(np.abs(then - values[warm - horizon : -horizon]))
    covered = np.mean([value <= outlook.upper for value, outlook in zip(then, said, strict=True)])
    return float(ours), float(naive), float(covered)


def daily(days: int) -> Floats:
    steps = np.arange(days * DAY)
    noise = np.random.default_rng(7).normal(0, 5, len(steps))
    return np.maximum(0, 200 + 150 * np.sin(2 * np.pi * steps / DAY) + noise)


def test_it_learns_a_daily_rhythm() -> None:
    ours, naive, covered = errors(daily(6), horizon=12, warm=3 * DAY)
    assert ours < 0.25 * naive
    assert ours < 7
    assert 0.92 < covered < 0.98


def test_without_any_rhythm_it_is_as_good_as_the_mean_and_better_than_the_last_value() -> None:
    values = np.random.default_rng(7).normal(100, 10, 4 * DAY)
    ours, naive, covered = errors(values, horizon=6, warm=DAY)
    assert ours < 0.78 * naive
    assert 0.92 < covered < 0.98


def test_it_learns_that_some_days_are_other_days() -> None:
    """Two days of seven are quiet: who knows only the day is wrong at each change, whoever knows the week is not."""
    steps = np.arange(28 * DAY)
    weekend = (steps // DAY) % 7 >= 5
    values = np.where(weekend, 20.0, 200.0) + np.random.default_rng(7).normal(0, 2, len(steps))
    ours, naive, covered = errors(values, horizon=36, warm=21 * DAY)
    assert ours < 0.35 * naive
    assert ours < 5
    assert 0.9 < covered < 0.99


@pytest.mark.parametrize("step_s", [300.0, 3600.0])
def test_a_profile_with_a_slot_for_each_step_gives_back_what_it_was_taught(step_s: float) -> None:
    """A value belongs to the middle of its step, so no neighbour has a share in it."""
    slots = int(86_400 / step_s)
    shape = np.random.default_rng(3).uniform(0, 100, slots)
    forecaster = Forecaster(step_s=step_s, horizon=1)
    for i in range(12 * slots):
        forecaster.learn_one(float(shape[i % slots]), step_s * i)
    assert forecaster.forecast_one().expected == pytest.approx(shape[0], abs=0.5)


def test_the_band_holds_its_share_however_far_ahead_it_is_said() -> None:
    """Errors of neighbouring steps go together: far ahead many come at once, and the band must not swing with them."""
    chance = np.random.default_rng(5)
    walk = np.zeros(12_000)
    for i in range(1, len(walk)):
        walk[i] = 0.99 * walk[i - 1] + chance.normal()
    values = np.maximum(0.0, 100 + 3 * walk)
    for horizon in (1, HORIZON_MOST):
        *_, covered = errors(values, horizon, warm=2000)
        assert 0.93 < covered < 0.97


def test_it_follows_a_jump() -> None:
    """Ten steps after the load went fourfold, the forecast has come most of the way."""
    forecaster, noise = Forecaster(step_s=300.0, horizon=3), np.random.default_rng(7).normal(0, 5, 2 * DAY)
    for i in range(DAY + 30):
        forecaster.learn_one(100 + noise[i] + (300 if i >= DAY + 20 else 0), 300.0 * i)
    assert forecaster.forecast_one().expected > 320


def test_a_constant_series_is_expected_to_stay() -> None:
    forecaster = Forecaster(step_s=5.0, horizon=4)
    for i in range(100):
        forecaster.learn_one(7.0, 5.0 * i)
    assert forecaster.forecast_one() == Outlook(7.0, 7.0, 7.0)


def test_nothing_is_said_before_enough_was_tested() -> None:
    forecaster = Forecaster(step_s=5.0, horizon=4)
    for i in range(4 + TESTED_LEAST):
        assert math.isnan(forecaster.forecast_one().upper)
        forecaster.learn_one(7.0, 5.0 * i)
    assert forecaster.forecast_one().upper == 7.0


Values = st.lists(st.none() | st.floats(0, 1e30) | st.integers(0, 100).map(float), max_size=120)


@given(values=Values, horizon=st.integers(1, HORIZON_MOST), season_s=st.sampled_from([7.0, 240.0, 86_400.0]))
def test_whatever_comes_forecasts_are_finite_not_negative_and_in_their_band(
    values: list[float | None], horizon: int, season_s: float
) -> None:
    forecaster = Forecaster(step_s=5.0, horizon=horizon, season_s=season_s)
    for i, value in enumerate(values):
        forecaster.learn_one(math.nan if value is None else value, 1e9 + 5.0 * i)
        outlook = forecaster.forecast_one()
        if not math.isnan(outlook.expected):
            assert 0 <= outlook.lower <= outlook.expected * (1 + 1e-6)
            assert outlook.expected <= outlook.upper * (1 + 1e-6)
            assert outlook.upper < 1e33


@given(values=Values)
def test_asking_leaves_no_trace(values: list[float | None]) -> None:
    forecaster = Forecaster(step_s=5.0, horizon=3)
    for i, value in enumerate(values):
        forecaster.learn_one(math.nan if value is None else value, 5.0 * i)
    before = forecaster.row.tobytes()
    assert str(forecaster.forecast_one()) == str(forecaster.forecast_one())
    assert forecaster.row.tobytes() == before


@given(values=st.lists(st.floats(0, 1e6), min_size=40, max_size=80), horizon=st.integers(1, 5))
def test_the_mix_is_the_weighted_mean_that_it_claims_to_be(values: list[float], horizon: int) -> None:
    """Against a plain reference: losses are mean errors at the horizon, weights 1 / their sixteenth power."""
    forecaster = Forecaster(step_s=5.0, horizon=horizon)
    losses, tested = np.zeros(FORECASTERS), 0
    said: list[Floats] = []
    for i, value in enumerate(values):
        if i >= horizon:
            losses += (np.abs(value - said[i - horizon]) - losses) * max(0.005, 1 / (tested + 1))
            tested += 1
        forecaster.learn_one(value, 5.0 * i)
        said.append(forecaster.row["pending"][0, i % horizon].astype(float))
    if losses.min() > 0:
        weights = (losses.min() / losses) ** 16
        expected = float(weights @ said[-1] / weights.sum())
        assert forecaster.forecast_one().expected == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_a_gap_is_no_value() -> None:
    """Readings that fail to come neither pull the level down nor count as a forecast that failed."""
    rows = []
    for gap in (False, True):
        forecaster = Forecaster(step_s=5.0, horizon=2)
        for i in range(60):
            forecaster.learn_one(math.nan if gap and 30 <= i < 40 else 50.0, 5.0 * i)
        rows.append(forecaster.forecast_one())
    assert rows[0] == rows[1]


@pytest.mark.parametrize("horizon", [0, HORIZON_MOST + 1])
def test_a_horizon_out_of_reach_is_refused(horizon: int) -> None:
    with pytest.raises(ValueError, match="horizon must be 1 to"):
        Forecaster(step_s=5.0, horizon=horizon)


@pytest.mark.parametrize("field", ["day", "week", "day_known", "week_known"])
def test_new_times_forget_what_was_said_but_keep_the_profile(field: str) -> None:
    forecaster = Forecaster(step_s=300.0, horizon=2)
    for i in range(400):
        forecaster.learn_one(50.0, 300.0 * i)
    before = forecaster.row[0][field].copy()
    fit(forecaster.row[0], 300.0, 5, 86_400.0)
    assert math.isnan(forecaster.forecast_one().expected)
    assert np.array_equal(forecaster.row[0][field], before)
    fit(forecaster.row[0], 300.0, 5, 3_600.0)
    assert not forecaster.row[0]["day_known"].any()
    assert not forecaster.row[0]["week_known"].any()
