"""Replicas: the simulation against one that is done by hand, and what it holds equal between two rules."""

import numpy as np
import pytest

from detectors.scaling_patience import Patience
from streams.evaluate.replicas import simulate, sized

STEP_MS, LAG = 60_000, 3


def outcome(load: list[float], upper: list[float]) -> tuple[float, float, int]:
    row = np.zeros(1, Patience)[0]
    beyond, idle, changes = simulate(
        row, np.array(load), np.array(upper), 1.0, 10.0, STEP_MS, LAG, 2 * STEP_MS, 0
    )  # fmt: skip
    return beyond, idle, changes


def test_who_reacts_is_late_by_the_time_a_replica_starts() -> None:
    load = [10.0] * 5 + [30.0] * 10
    beyond, idle, changes = outcome(load, [np.nan] * len(load))
    assert (beyond, idle, changes) == (20.0 * LAG, 0.0, 1)


def test_who_knows_it_before_is_not() -> None:
    load = [10.0] * 5 + [30.0] * 10
    upper = [10.0] * (5 - LAG) + [30.0] * (10 + LAG)
    assert outcome(load, upper) == (0.0, 0.0, 1)


def test_less_is_taken_away_at_once_but_only_with_patience() -> None:
    load = [30.0] * 6 + [10.0] * 6
    beyond, idle, changes = outcome(load, [np.nan] * len(load))
    assert beyond == 0.0
    assert 20.0 * 2 <= idle <= 20.0 * 4
    assert changes == 1


def test_what_was_ordered_and_is_not_wanted_any_more_never_comes() -> None:
    load = [10.0] * 4 + [50.0] + [10.0] * 12
    beyond, idle, _ = outcome(load, [np.nan] * len(load))
    assert beyond == 40.0
    assert idle <= 40.0 * LAG


def test_two_rules_are_compared_at_the_same_provision() -> None:
    steps = np.arange(4000)
    load = 500 + 300 * np.sin(steps / 200) + np.random.default_rng(1).normal(0, 20, len(steps))
    perfect = np.concatenate([load[LAG:], load[-LAG:]])
    ahead = sized(load, perfect, 60.0, LAG, 1000)
    late = sized(load, np.full_like(load, np.nan), 60.0, LAG, 1000)
    assert ahead.idle_share == pytest.approx(0.5, abs=0.02)
    assert late.idle_share == pytest.approx(0.5, abs=0.02)
    assert ahead.beyond_percent <= late.beyond_percent
