"""Delay-F1 and average precision, by hand-made cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import Flags
from streams.evaluate.delays import Counts, average_precision, count


def flags(n: int, *rows: int) -> Flags:
    found = np.zeros(n, np.bool_)
    found[list(rows)] = True
    return found


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((12,), Counts(10, 0, 0)),
        ((17,), Counts(10, 0, 0)),
        ((18,), Counts(0, 0, 10)),
        ((9,), Counts(0, 1, 10)),
        ((10, 20, 21), Counts(10, 2, 0)),
        ((), Counts(0, 0, 10)),
    ],
)
def test_a_segment_counts_when_it_is_found_in_its_first_rows(rows: tuple[int, ...], expected: Counts) -> None:
    assert count(flags(30, *rows), [(10, 19)], k=7) == expected


def test_what_lies_before_the_scored_rows_is_cut_off() -> None:
    assert count(flags(30, 2, 12), [(10, 19)], k=7, scored_from=15) == Counts(0, 0, 5)
    assert count(flags(30, 16), [(2, 4), (10, 19)], k=2, scored_from=15) == Counts(5, 0, 0)


def test_f1_is_one_for_all_and_nought_for_nothing() -> None:
    assert Counts(7, 0, 0).f1 == 1.0
    assert Counts(0, 3, 3).f1 == 0.0
    assert Counts(1, 1, 0).plus(Counts(1, 0, 1)).f1 == pytest.approx(2 / 3)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40))
def test_average_precision_does_not_depend_on_the_order_of_rows(rows: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([float(s) for s, _ in rows]), np.array([flag for _, flag in rows])
    there = average_precision(scores, labels)
    assert 0 <= there <= 1 + 1e-9
    assert average_precision(scores[::-1], labels[::-1]) == pytest.approx(there)
