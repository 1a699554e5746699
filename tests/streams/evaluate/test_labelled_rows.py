"""Delay-F1 of a set, with alarms in the place of detected rows."""

import numpy as np

from streams.evaluate import labelled_rows
from streams.evaluate.judging import Judged
from streams.evaluate.traces import Trace


def test_an_alarm_in_time_is_worth_the_segment_and_any_other_costs_a_row() -> None:
    trace = Trace("x", np.arange(0.0, 60.0 * 100, 60.0), np.zeros((100, 1)), 20)
    judged = Judged.nothing(trace)
    for row in (5, 40, 70):
        judged.views[row, 0] = 3.0
        judged.begins[row, 0] = True
    judged.views[40, 0] = 9.0
    figures = labelled_rows.evaluate([trace], [judged], [[(38, 47)]], lambda _: 3)
    assert figures["delay_f1_at_1"] == 20 / 21
    assert figures["delay_f1_best"] == 1.0
    assert figures["threshold_best"] > 1.0
