"""The layout of the set, on a made-up one, and who is blamed."""

from pathlib import Path

import pytest

from streams.evaluate import asd
from streams.evaluate.judging import Judged
from tests.streams.evaluate.sets import ROWS, SPIKES, make_asd


def test_rows_are_counted_from_nought_and_metrics_from_one(tmp_path: Path) -> None:
    file = tmp_path / "causes.txt"
    file.write_text("486-498:1,4\n740-753:2\n")
    assert asd.causes(file) == [((486, 498), {0, 3}), ((740, 753), {1})]


@pytest.mark.parametrize("jointly", [False, True])
def test_a_made_set_is_read_and_scored(tmp_path: Path, jointly: bool) -> None:
    folder = make_asd(tmp_path)
    (trace,) = asd.read(folder)
    assert (len(trace), trace.scored_from) == (ROWS, ROWS // 2)
    judged = Judged.nothing(trace)
    for row in SPIKES:
        judged.views[row, [0, 1, 2], 0] = 2.0, 1.5, 3.0
        judged.begins[row, 2] = True
        if jointly:
            judged.joint[row], judged.joint_begins[row], judged.stands_out[row] = 4.0, True, (3, 0, 1, 2)
    figures = asd.evaluate(folder, [trace], [judged])
    assert figures["f1_at_1"] == 1.0
    assert figures["cause_in_top3"] == (0.0 if jointly else 1.0)
    assert figures["average_precision"] > 0.2
