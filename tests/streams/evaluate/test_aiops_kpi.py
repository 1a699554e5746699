"""The layout of the set, on a made-up one."""

from pathlib import Path

from streams.evaluate import aiops_kpi
from streams.evaluate.judging import BankJudge
from tests.streams.evaluate.sets import ROWS, make_aiops_kpi
from topics.settings import Settings


def test_a_made_set_is_read_judged_and_scored(tmp_path: Path) -> None:
    folder = make_aiops_kpi(tmp_path)
    traces = aiops_kpi.read(folder)
    assert [len(trace) for trace in traces] == [ROWS, ROWS]
    assert 0 < traces[0].scored_from < ROWS
    figures = aiops_kpi.evaluate(folder, traces, [BankJudge(Settings())(trace) for trace in traces])
    assert figures["delay_f1_at_1"] > 0.6
    assert figures["delay_f1_best"] >= figures["delay_f1_at_1"] - 0.1
