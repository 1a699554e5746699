"""The usual detectors, judged as ours is: one pass, the same alarms, the same scorers.

`zscore` and `ewma` are the usual rules of monitoring; `river:NAME` is a detector of river, each series its own. Scores
are in units of what each detector usually calls anomalous (3 deviations, or a score of 0.5 or 0.9 out of 1).
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from river import anomaly, preprocessing, stats, time_series

from streams.evaluate.alarms import begins_at
from streams.evaluate.judging import Judged
from streams.evaluate.traces import Trace

Scorer = Callable[[float], float]
"""Scores a value from those before it, then learns it."""
SIGMAS = 3.0
LAGS = 4
WARMUP = 60
"""Readings that are learned silently, as many as by the bank."""


def zscore(window: int = 100) -> Scorer:
    """Return distances from the mean of the last values, in three of their standard deviations."""
    past: deque[float] = deque(maxlen=window)

    def score(value: float) -> float:
        mean = math.fsum(past) / len(past) if past else value
        deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in past) / len(past)) if past else 0.0
        past.append(value)
        return abs(value - mean) / (SIGMAS * deviation) if deviation > 0 and len(past) > 10 else 0.0

    return score


def ewma(alpha: float = 0.05) -> Scorer:
    """Return distances from an exponentially weighted mean, in three of its deviations."""
    mean, variance = stats.EWMean(alpha), stats.EWVar(alpha)

    def score(value: float) -> float:
        deviation = math.sqrt(max(0.0, variance.get()))
        how = abs(value - mean.get()) / (SIGMAS * deviation) if deviation > 0 else 0.0
        mean.update(value)
        variance.update(value)
        return how

    return score


def gaussian() -> Scorer:
    """Return river's Gaussian tail, in units of three deviations."""
    return _of(anomaly.GaussianScorer(grace_period=50), unit=0.9973)  # type: ignore[no-untyped-call]


def _of(detector: Any, unit: float) -> Scorer:
    def score(value: float) -> float:
        how = float(detector.score_one(None, value)) if math.isfinite(value) else 0.0
        detector.learn_one(None, value)
        return how / unit

    return score


def _features(model: Any, unit: float, lags: int) -> Scorer:
    """Return a scorer of the last values as one vector, each scaled by its past."""
    scale: Any = preprocessing.StandardScaler() if lags == 1 else preprocessing.MinMaxScaler()
    past: deque[float] = deque([0.0] * lags, maxlen=lags)

    def score(value: float) -> float:
        past.append(value)
        vector = {str(k): one for k, one in enumerate(past)}
        scale.learn_one(vector)
        vector = scale.transform_one(vector)
        how = float(model.score_one(vector))
        model.learn_one(vector)
        return how / unit if math.isfinite(how) else 0.0

    return score


def half_space_trees() -> Scorer:
    """Return river's half-space trees, ten of height eight, over values scaled to their range so far."""
    trees: Any = anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=1)
    ranges: Any = preprocessing.MinMaxScaler()

    def score(value: float) -> float:
        ranges.learn_one({"x": value})
        vector = ranges.transform_one({"x": value})
        how = float(trees.score_one(vector))
        trees.learn_one(vector)
        return how / 0.9

    return score


def predictive() -> Scorer:
    """Return the errors of an autoregression of twelve values, as river's predictive detector scores them."""
    model: Any = anomaly.PredictiveAnomalyDetection(
        time_series.SNARIMAX(p=12, d=0, q=0), horizon=1, n_std=SIGMAS, warmup_period=50
    )

    def score(value: float) -> float:
        try:
            how = float(model.score_one(None, value))
        except ZeroDivisionError:  # river's answer to a series that has been constant so far
            how = 0.0
        model.learn_one(None, value)
        return how if math.isfinite(how) else 0.0

    return score


DETECTORS: dict[str, Callable[[], Scorer]] = {
    "zscore": zscore,
    "ewma": ewma,
    "river:GaussianScorer": gaussian,
    "river:StandardAbsoluteDeviation": lambda: _of(anomaly.StandardAbsoluteDeviation(), SIGMAS),
    "river:HalfSpaceTrees": half_space_trees,
    "river:LODA": lambda: _features(anomaly.LODA(seed=1), 10.0, LAGS),
    "river:OneClassSVM": lambda: _features(anomaly.OneClassSVM(nu=0.1), 1.0, 1),
    "river:PredictiveAnomalyDetection": predictive,
}


class RiverJudge:
    """One of `DETECTORS`, with an empty past for every series."""

    def __init__(self, name: str) -> None:
        self.make = DETECTORS[name]

    def __call__(self, trace: Trace) -> Judged:
        """Score each series by itself; alarms begin by the bank's rule."""
        judged, began_s = Judged.nothing(trace), time.process_time()
        for metric in range(trace.values.shape[1]):
            score = self.make()
            judged.views[:, metric, 0] = [score(value) for value in trace.values[:, metric].tolist()]
        judged.views[:WARMUP] = 0.0
        judged.seconds = time.process_time() - began_s
        for metric in range(trace.values.shape[1]):
            judged.begins[:, metric] = begins_at(1.0, judged.views[:, metric], trace.at_s)
        return judged
