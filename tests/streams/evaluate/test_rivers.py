"""The usual detectors: each finds a large spike, and none needs more than the values so far."""

import numpy as np
import pytest

from streams.evaluate.rivers import DETECTORS, RiverJudge
from streams.evaluate.traces import Trace
from tests.streams.evaluate.sets import SPIKES, series

TRACE = Trace("made", series()[0][400:750].astype(np.float64), series()[1][400:750, None], 0)


@pytest.mark.parametrize("name", DETECTORS)
def test_what_comes_later_changes_no_score(name: str) -> None:
    whole = RiverJudge(name)(TRACE)
    part = RiverJudge(name)(Trace("made", TRACE.at_s[:320], TRACE.values[:320], 0))
    assert np.array_equal(whole.scores[:320], part.scores)
    assert np.isfinite(whole.scores).all()
    assert whole.scores.any()


@pytest.mark.parametrize("name", ["zscore", "ewma", "river:StandardAbsoluteDeviation"])
def test_a_large_spike_is_an_alarm(name: str) -> None:
    judged = RiverJudge(name)(TRACE)
    assert int(judged.scores[300:320, 0].argmax()) + 300 == SPIKES[0] - 400
    assert judged.begins[SPIKES[0] - 400, 0]
