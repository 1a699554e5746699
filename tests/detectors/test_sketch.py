import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors import sketch
from detectors.sketch import BUCKETS, RELATIVE_ERROR, bucket_of, merge, quantile, value_of

Durations = st.lists(st.floats(2.0**-20, 4095.0), min_size=1, max_size=200)


def sketched(values: list[float]) -> dict[int, int]:
    return dict(Counter(int(bucket_of(value)) for value in values))


@given(value=st.floats(2.0**-20, 4095.999))
def test_a_bucket_stands_for_its_values_within_the_stated_error(value: float) -> None:
    assert abs(value_of(bucket_of(value)) - value) <= RELATIVE_ERROR * value * (1 + 1e-12)


def test_the_stated_error_is_reached_at_an_edge_so_it_could_not_be_stated_smaller() -> None:
    assert math.isclose(value_of(bucket_of(1.0)) - 1.0, RELATIVE_ERROR)


@given(values=Durations, share=st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_within_the_error_of_the_one_of_all_values(values: list[float], share: float) -> None:
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    assert abs(quantile(sketched(values), share) - exact) <= RELATIVE_ERROR * exact * (1 + 1e-12)


@given(some=Durations, more=Durations)
def test_two_sketches_merge_into_the_sketch_of_all_their_values(some: list[float], more: list[float]) -> None:
    merged = sketched(some)
    merge(merged, sketched(more))
    assert merged == sketched(some + more)


@given(st.lists(st.floats(1e-300, 1e300), min_size=2, max_size=2).map(sorted))
def test_buckets_are_in_the_order_of_values_and_exist_for_every_size(pair: list[float]) -> None:
    low, high = (bucket_of(value) for value in pair)
    assert 0 <= low <= high < BUCKETS


def test_what_nobody_measured_is_left_out_of_a_merge() -> None:
    merged: dict[int, int] = {}
    merge(merged, {-1: 5, BUCKETS: 5, 3: 0, 4: -2, 5: 1})
    assert merged == {5: 1}


def test_the_formula_is_the_same_compiled_and_not() -> None:
    for value in np.exp(np.linspace(-20, 20, 500)):
        assert bucket_of(value) == sketch.bucket_of.py_func(value)  # type: ignore[attr-defined]
