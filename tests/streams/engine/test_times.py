"""Whether a record is used, and whether it is late, follows from its two times and the settings alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.times import mark_times

AHEAD_S, LATE_S = 60.0, 300.0
Times = st.lists(st.tuples(st.booleans(), st.integers(0, 10**12), st.floats(-1000.0, 1000.0)), min_size=1, max_size=30)


@given(records=Times, cut=st.integers(0, 30))
def test_what_is_too_far_ahead_is_left_out_and_what_is_old_is_late(
    records: list[tuple[bool, int, float]], cut: int
) -> None:
    good, time_ms = np.array([one[0] for one in records]), np.array([one[1] for one in records], np.int64)
    at_s = time_ms / 1000 + np.array([one[2] for one in records])
    start = min(cut, len(records))
    keep, late = np.zeros((2, len(records)), np.bool_)
    ahead, behind = mark_times(good, at_s, time_ms, AHEAD_S, LATE_S, start, len(records), keep, late)
    inside = np.arange(len(records)) >= start
    is_ahead, is_late = at_s > time_ms / 1000 + AHEAD_S, at_s < time_ms / 1000 - LATE_S
    assert keep.tolist() == (good & ~is_ahead & inside).tolist()
    assert late.tolist() == (is_late & inside).tolist()
    assert (ahead, behind) == ((good & is_ahead & inside).sum(), (good & is_late & inside).sum())


def test_a_record_without_a_time_is_neither_ahead_nor_late() -> None:
    keep, late = np.zeros((2, 1), np.bool_)
    found = mark_times(np.ones(1, np.bool_), np.array([np.nan]), np.zeros(1, np.int64), 1.0, 1.0, 0, 1, keep, late)
    assert (tuple(found), keep.tolist(), late.tolist()) == ((0, 0), [True], [False])
