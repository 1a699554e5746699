"""Reading sets: times, labelled stretches, and what is quiet."""

from pathlib import Path

import numpy as np
import pytest

from streams.evaluate.traces import DataError, Trace, named, quiet, seconds, spans_of


def test_a_stamp_with_a_zone_and_one_without_are_the_same_time() -> None:
    stamps = ["2018-04-25 00:00:00", "2018-04-25T00:00:00Z", "2018-04-25 00:00:00.000000", "2018-04-25T02:00:00+02:00"]
    assert len(set(seconds(stamps).tolist())) == 1


def test_stretches_include_both_ends() -> None:
    flags = np.zeros(10, np.int8)
    flags[[0, 1, 9]] = 1
    assert spans_of(flags) == [(0, 1), (9, 9)]
    assert spans_of(np.zeros(3, np.int8)) == []


def test_quiet_is_an_hour_from_every_label_and_scored() -> None:
    trace = Trace("x", np.arange(0.0, 18000.0, 600.0), np.zeros((30, 1)), 2)
    assert np.flatnonzero(quiet(trace, [(15, 15)])).tolist() == [*range(2, 9), *range(22, 30)]


def test_a_folder_without_files_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected files"):
        list(named(tmp_path, "*.npz"))
