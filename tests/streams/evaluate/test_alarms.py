"""Alarms at any threshold: the bank's own rule, applied to scores."""

import numpy as np

from streams.evaluate.alarms import THRESHOLDS, begins_at
from streams.evaluate.judging import BankJudge
from streams.evaluate.traces import Trace
from tests.streams.evaluate.sets import series
from topics.settings import Settings


def test_at_one_the_alarms_are_those_that_the_bank_says() -> None:
    at_s, values, _ = series()
    judged = BankJudge(Settings())(Trace("made", at_s.astype(np.float64), values[:, None], 0))
    assert np.array_equal(begins_at(1.0, judged.views[:, 0], at_s.astype(np.float64)), judged.begins[:, 0])
    assert judged.begins.any()


def test_an_excursion_is_one_alarm_and_a_higher_threshold_gives_no_more() -> None:
    scores = np.tile([0.0] * 60 + [5.0, 5.0] + [0.0] * 60, 5)
    counts = [int(begins_at(threshold, scores, np.arange(610.0) * 60).sum()) for threshold in THRESHOLDS]
    assert max(counts) == 5
    assert counts == sorted(counts, reverse=True)
