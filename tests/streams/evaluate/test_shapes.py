"""The shapes of a data set's series: what the worker's bank would say of them, reading by reading."""

import numpy as np

from detectors.anomaly import AnomalyBank
from detectors.patterns_series import FLATLINE, RHYTHM, SHAPES, VARIANCE
from streams.evaluate.shapes import NAMELESS, shapes_of
from streams.evaluate.traces import Trace
from tests.fakes import fold
from topics.control import Tick
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, Settings
from topics.signals import Anomaly

STEP_S, START_S = 60, 1_700_000_000
ALONE = Settings(anomaly=AnomalySettings(joint=False))


def trace_of(values: np.ndarray, step_s: int = STEP_S) -> Trace:
    return Trace("made", START_S + step_s * np.arange(len(values), dtype=np.float64), values[:, None], 0)


def told(trace: Trace) -> list[tuple[int, str]]:
    """Return which shape begins at which row."""
    return [(int(row), SHAPES[k]) for row, _, k in np.argwhere(shapes_of(trace, ALONE))]


def noise() -> np.ndarray:
    return np.random.default_rng(3).normal(10.0, 1.0, 1000)


def test_what_begins_is_what_the_worker_would_say_first() -> None:
    still, wild = noise(), noise()
    still[600:700] = still[600]
    wild[600:700] = 10.0 + 8.0 * (wild[600:700] - 10.0)
    for values, kind in ((still, "flatline"), (wild, "variance")):
        trace = trace_of(values)
        log = [
            (int(1000 * at_s) + after_ms, record)
            for at_s, value in zip(trace.at_s.tolist(), trace.values[:, 0].tolist(), strict=True)
            for after_ms, record in ((0, Reading(series="shop/x", value=value, at_s=at_s)), (20_000, Tick()))
        ]
        said = [one for one in fold(AnomalyBank, METRICS, log, ALONE) if isinstance(one, Anomaly) and not one.calm]
        first = next(one.at_s for one in said if one.kind == kind)
        assert (int((first - START_S) / STEP_S), kind) in told(trace)
        assert {SHAPES[k] for k in NAMELESS} >= {one for _, one in told(trace)}


def test_what_comes_regularly_and_then_did_not_is_marked_where_it_comes_again() -> None:
    whole = trace_of(noise()[:100], 3600)
    gap = Trace("gap", np.delete(whole.at_s, range(80, 90)), np.delete(whole.values, range(80, 90), 0), 0)
    assert "rhythm" not in {kind for _, kind in told(whole)}
    assert (80, "rhythm") in told(gap)


def test_each_metric_is_judged_by_itself() -> None:
    still = noise()
    still[600:] = still[600]
    both = shapes_of(Trace("x", trace_of(still).at_s, np.stack([noise(), still], axis=1), 0), ALONE)
    assert not both[:, 0, [FLATLINE, VARIANCE, RHYTHM]].any()
    assert both[:, 1, FLATLINE].sum() == 1
