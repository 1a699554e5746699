"""Alarms: what scores come to under another threshold, by the very rule with which the bank begins an excursion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.anomaly_loops import begin_rows
from detectors.anomaly_rows import DAY_S, ROW, rule_of
from detectors.columns import Flags, Floats
from detectors.joint import JOINT, fade_for, say_vectors
from topics.settings import Settings

THRESHOLDS = tuple(2.0 ** (k / 8) for k in range(-24, 33))
"""What is tried in hindsight: from an eighth to sixteen times the score that is anomalous."""


Scores = NDArray[np.float64] | NDArray[np.float32]


def begins_at(threshold: float, scores: Scores, at_s: Floats) -> Flags:
    """Return where alarms of one series are said if `threshold` is to be passed instead of 1.

    scores         [n, views]: what each view says, before it has to say more; or [n] where there is but one

    >>> begins_at(2.0, np.array([0.0, 9.0, 9.0, 0.0]), np.arange(4.0)).tolist()
    [False, True, False, False]
    """
    said = np.zeros(len(scores), np.bool_)
    begin_rows(np.zeros(1, ROW), scores.reshape(len(scores), -1), at_s, threshold, rule_of(Settings()), said)
    return said


def joint_begins_at(threshold: float, scores: Floats, at_s: Floats, series: int) -> Flags:
    """Return where alarms of one service as a whole are said if `threshold` is to be passed instead of 1.

    series         so many are judged together

    >>> joint_begins_at(2.0, np.array([0.0, 9.0, 0.0, 9.0]), np.arange(4.0), 2).tolist()
    [False, True, False, True]
    """
    said = np.zeros(len(scores), np.bool_)
    rule = rule_of(Settings())
    steps_s = np.diff(at_s)
    step_s = max(float(np.median(steps_s)) if len(steps_s) else 0.0, rule.bucket_s)
    fade = fade_for(rule.alarms_per_day * step_s / DAY_S, series)
    say_vectors(np.zeros(1, JOINT), scores, at_s, threshold, fade, said)
    return said
