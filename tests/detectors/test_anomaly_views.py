"""Views of a value: what lasts just within the bound, and what is usual in the long run."""

from __future__ import annotations

import pytest

from detectors.anomaly import SeriesDetector
from detectors.anomaly_rows import DRIFT, LASTING, LEVEL, NEAREST, SEASON, SHIFT
from detectors.anomaly_views import ALONE, bound_of, out_of, worth_of
from tests.detectors.test_anomaly import START_S, detector, gauges, noise, said_of
from topics.settings import AnomalySettings, Settings

CALM = noise(200)


def test_what_stays_just_within_the_bound_is_said_once_it_lasts_and_alone_never() -> None:
    row, _, _ = detector(CALM)._seen(1000.0, START_S + 200)
    bound = out_of(row, NEAREST, START_S + 200)
    # As fast as the level follows.
    high = [10.0 + 0.93 * bound * 1.1**k for k in range(5)]
    assert said_of(gauges([*CALM, high[0], *noise(50, seed=2)])) == []
    begin = said_of(gauges([*CALM, *high]))[0]
    assert 201 <= begin.at_s - START_S <= 203
    says = [detector([*CALM, *high[:n]])._seen(high[n], START_S + 200 + n)[0]["views"] for n in range(4)]
    assert says[0][LASTING] < 0.8
    assert says[3][LASTING] > 1 > says[3][NEAREST]


def test_what_one_value_says_must_be_further_out_than_what_several_say() -> None:
    row, _, _ = detector(CALM)._seen(1000.0, START_S + 200)
    asked = {view: bound_of(row, view, START_S + 200) / out_of(row, view, START_S + 200) for view in range(6)}
    assert [asked[view] for view in (SEASON, LEVEL, NEAREST)] == pytest.approx([ALONE] * 3)
    assert [asked[view] for view in (DRIFT, SHIFT)] == pytest.approx([1.0] * 2)
    assert asked[LASTING] < 0.5
    at = 10.0 + 1.2 * out_of(row, LEVEL, START_S + 200)
    assert 0.8 < detector(CALM)._seen(at, START_S + 200)[0]["views"][LEVEL] < 1.0


def test_values_that_come_once_an_hour_have_a_profile_of_the_day() -> None:
    """Every other of its slots is empty then; what is usual at noon is expected at noon."""
    its = Settings(anomaly=AnomalySettings(warmup=20, season_s=86_400.0, joint=False))
    days = [100.0 * (hour % 24 == 12) + value for hour, value in enumerate(noise(5 * 24))]
    first_s = START_S - START_S % 86_400
    one = SeriesDetector(its)
    for hour, value in enumerate([*days, *days[:12]]):
        one.learn_one(value, first_s + 3600.0 * hour)
    row, _, _ = one._seen(110.0, first_s + 3600.0 * (5 * 24 + 12))
    assert abs(row["day_error"]) < 20 < 60 < abs(row["errors"][LEVEL])


def test_one_value_far_out_does_not_last() -> None:
    row, score, _ = detector(CALM)._seen(1000.0, START_S + 200)
    assert row["views"][LASTING] < 0.9 < 10 < score


def test_a_value_that_is_usual_in_the_long_run_counts_for_half() -> None:
    row = detector([5.0, 15.0] * 100)._rows[0]
    near, far = worth_of(row, 12.0), worth_of(row, 10.0 + 5.0 * 2.0)
    assert (near, worth_of(row, 60.0)) == (0.5, 1.0)
    assert far == pytest.approx(0.8, abs=0.02)


def test_where_values_are_usual_in_the_long_run_the_bound_is_twice_as_far() -> None:
    rows = [detector(CALM)._seen(value, START_S + 200)[0] for value in (10.0, 60.0)]
    near, far = (bound_of(row, LEVEL, START_S + 200) for row in rows)
    assert near == pytest.approx(2 * far)
