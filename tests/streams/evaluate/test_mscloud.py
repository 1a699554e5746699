"""The layout of the set, on a made-up one."""

from pathlib import Path

from streams.evaluate import mscloud
from streams.evaluate.judging import BankJudge
from tests.streams.evaluate.sets import ROWS, make_mscloud
from topics.settings import Settings


def test_a_made_set_is_read_judged_and_scored(tmp_path: Path) -> None:
    folder = make_mscloud(tmp_path)
    traces = mscloud.read(folder)
    assert [len(trace) for trace in traces] == [ROWS, ROWS]
    assert 0 < traces[0].scored_from < ROWS
    figures = mscloud.evaluate(folder, traces, [BankJudge(Settings())(trace) for trace in traces])
    assert figures["delay_f1_at_1"] > 0.6
    assert figures["delay_f1_best"] >= figures["delay_f1_at_1"] - 0.1
