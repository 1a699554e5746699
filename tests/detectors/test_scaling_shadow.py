"""Shadows: what would have come of the proposals, and of reacting alone, whoever decides."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.scaling import ScalingBank
from detectors.scaling_shadow import Shadow, follow, needs
from tests.detectors.test_scaling import log_of, rules
from tests.fakes import fold_into, shard_of
from topics.metrics import METRICS


def test_what_is_ordered_works_later_and_what_is_taken_away_goes_at_once() -> None:
    its, working = np.zeros(1, Shadow)[0], []
    for step, load in enumerate([1.0] * 3 + [5.0] * 6 + [1.0] * 8):
        follow(its, load, needs(load, 1.0), 1.0, step, 4, 1000 * step, 2000, 10_000)
        working.append(float(its["working"]))
    assert working[:7] == [1.0] * 7, "ordered in step 3, four steps later"
    assert max(working) == 5.0
    assert working[-1] == 1.0


def figures(load: object, seconds: int = 960) -> dict[str, float]:
    shard = shard_of(ScalingBank, METRICS, rules(start_s=20.0, every_s=5.0))
    fold_into(shard, METRICS, log_of(load, seconds, replicas=1))  # type: ignore[arg-type]
    return {name: share for (_, name), share in shard.bank.figures().items()}


def test_with_a_forecast_less_load_is_without_a_replica_than_by_reacting() -> None:
    """A wave of four minutes, of which the third and the fourth are known; nobody obeys: there is one replica."""
    found = figures(lambda second: 500.0 + 400.0 * math.sin(second / 240 * 2 * math.pi), 2400)
    assert found["ours_short"] < found["reactive_short"]
    assert found["short"] > 0.7


def test_a_load_that_stays_costs_both_the_same() -> None:
    found = figures(lambda second: 450.0)
    assert found["ours_short"] == found["reactive_short"] == 0
    assert found["reactive_idle"] == pytest.approx(50 / 450)
