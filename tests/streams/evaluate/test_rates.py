"""Alarms in quiet times, for each series and ten days."""

import math

import numpy as np
import pytest

from streams.evaluate.judging import Judged
from streams.evaluate.rates import pattern_alarms, quiet_alarms
from streams.evaluate.traces import Trace


def test_alarms_near_labels_and_before_scoring_do_not_count() -> None:
    trace = Trace("x", np.arange(0.0, 1728000.0, 3600.0), np.zeros((480, 1)), 240)
    begins = np.zeros(480, np.bool_)
    begins[[10, 300, 301, 400]] = True
    assert quiet_alarms([trace], [[(300, 300)]], [begins]) == pytest.approx(10 * 86_400 / (237 * 3600))


def test_without_quiet_time_there_is_no_rate() -> None:
    trace = Trace("x", np.arange(10.0), np.zeros((10, 1)), 0)
    assert math.isnan(quiet_alarms([trace], [[(0, 9)]], [np.zeros(10, np.bool_)]))


def test_patterns_count_each_series_by_itself() -> None:
    trace = Trace("x", np.arange(0.0, 1728000.0, 3600.0), np.zeros((480, 2)), 240)
    judged = Judged.nothing(trace)
    assert pattern_alarms([trace], [[]], [judged]) == {}
    judged.shapes = np.zeros((480, 2, 5), np.bool_)
    judged.shapes[300, 0, [0, 1]] = judged.shapes[[10, 400], 1, 0] = True
    figures = pattern_alarms([trace], [[]], [judged])
    once = 10 * 86_400 / (480 * 3600)
    assert figures["pattern_alarms"] == pytest.approx(2 * once)
    assert (figures["flatline_alarms"], figures["variance_alarms"]) == pytest.approx((2 * once, once))
    assert figures["rhythm_alarms"] == 0
