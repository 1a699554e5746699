"""The shared formulas, against plain references."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from detectors.statistics import clamp, gain_after, gain_of, moved, place_in_season

Values = st.floats(-1e6, 1e6)


@given(st.lists(Values, min_size=1, max_size=50))
def test_with_the_slowest_gain_at_nought_the_mean_is_the_plain_mean(values: list[float]) -> None:
    mean = 0.0
    for seen, value in enumerate(values):
        mean = moved(mean, value, gain_after(seen, 0.0))
    assert math.isclose(mean, math.fsum(values) / len(values), rel_tol=1e-9, abs_tol=1e-6)


@given(Values, Values, st.floats(0.5, 500))
def test_after_a_half_life_the_first_value_weighs_half(first: float, later: float, half_life: float) -> None:
    steps = max(1, round(half_life))
    mean = first
    for _ in range(steps):
        mean = moved(mean, later, gain_of(float(steps)))
    assert math.isclose(mean, (first + later) / 2, rel_tol=1e-9, abs_tol=1e-6)


@given(Values, st.floats(0, 1e6))
def test_clamping_is_the_middle_of_three(value: float, most: float) -> None:
    assert clamp(value, most) == sorted([-most, value, most])[1]


@given(st.floats(0, 4e9), st.floats(1, 1e6))
def test_a_time_has_one_place_in_its_season(at_s: float, season_s: float) -> None:
    assert 0 <= place_in_season(at_s, season_s) < 1
