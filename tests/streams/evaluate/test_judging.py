"""Judging a trace: the worker's bank, in time order, with nothing of the future."""

import msgspec
import numpy as np
import pytest

from detectors.anomaly import AnomalyBank
from streams.evaluate import judging
from streams.evaluate.judging import BankJudge
from streams.evaluate.traces import Trace
from tests.fakes import fold
from tests.streams.evaluate.sets import series
from topics.metrics import METRICS, Reading
from topics.settings import Settings
from topics.signals import Anomaly

ALONE = Settings(anomaly=msgspec.structs.replace(Settings().anomaly, joint=False))


def trace_of(metrics: int = 1) -> Trace:
    at_s, _, _ = series()
    values = np.stack([series(seed)[1] for seed in range(1, metrics + 1)], axis=1)
    return Trace("made", at_s.astype(np.float64), values, 0)


def test_what_is_judged_is_what_the_worker_would_say() -> None:
    trace = trace_of()
    log = [
        (int(at_s) * 1000, Reading(series="trace/metric_0", value=value, at_s=at_s))
        for at_s, value in zip(trace.at_s.tolist(), trace.values[:, 0].tolist(), strict=True)
    ]
    said = [one for one in fold(AnomalyBank, METRICS, log, ALONE) if isinstance(one, Anomaly) and one.kind == "level"]
    begins = [record.at_s for record in said if not record.calm]
    assert trace.at_s[BankJudge(ALONE)(trace).begins[:, 0]].tolist() == begins != []


def test_the_future_changes_nothing() -> None:
    trace = trace_of()
    whole, half = (BankJudge(ALONE)(Trace("x", trace.at_s[:n], trace.values[:n], 0)) for n in (1000, 600))
    assert np.array_equal(whole.scores[:600], half.scores)
    assert np.array_equal(whole.begins[:600], half.begins)


def test_how_a_trace_is_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = trace_of()
    whole = BankJudge(ALONE)(trace)
    monkeypatch.setattr(judging, "ROWS", 7)
    cut = BankJudge(ALONE)(trace)
    assert np.array_equal(whole.scores, cut.scores)
    assert np.array_equal(whole.begins, cut.begins)


def test_metrics_of_a_service_are_judged_each_by_itself_and_together() -> None:
    judged = BankJudge(Settings())(trace_of(3))
    for metric, alone in enumerate(trace_of(3).values.T):
        single = BankJudge(ALONE)(Trace("x", trace_of().at_s, alone[:, None], 0))
        assert np.array_equal(judged.scores[:, metric], single.scores[:, 0])
    assert judged.joint.shape == (1000,)


def test_the_same_trace_is_judged_the_same_again() -> None:
    judge = BankJudge(Settings())
    first, second = judge(trace_of(2)), judge(trace_of(2))
    assert np.array_equal(first.scores, second.scores)
    assert np.array_equal(first.joint, second.joint)
