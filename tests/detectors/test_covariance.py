"""The covariance of many values: its distances are those of the text book, though it is drawn towards the identity."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.covariance import MEMBERS, SHRINKAGE, apart, blank_covariance, distance, factorise, pair


def square(cov: NDArray[np.float32], n: int) -> NDArray[np.float64]:
    """Return a triangle as the matrix it stands for."""
    return np.array([[float(cov[pair(max(i, j), min(i, j))]) for j in range(n)] for i in range(n)])


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 8), st.integers(0, 2**32), st.integers(0, 2000))
def test_the_distance_and_how_far_apart_each_error_is_are_those_of_the_text_book(n: int, seed: int, seen: int) -> None:
    """Mahalanobis: e' S^-1 e; apart: what is left of an error when the others predict it, in usual distances."""
    chance = np.random.default_rng(seed)
    places = np.sort(chance.choice(MEMBERS, n, replace=False))
    true = np.cov(chance.normal(size=(n, 3 * n)))
    cov = blank_covariance()
    for i in range(n):
        for j in range(i + 1):
            cov[pair(places[i], places[j])] = true[i, j]
    share = max(SHRINKAGE, n / (seen + n))
    full = (1 - share) * true + share * np.eye(n)
    errors, factor, white, far = chance.normal(size=n), np.empty((n, n)), np.empty(n), np.empty(n)
    factorise(cov, seen, places, n, factor)
    assert distance(factor, errors, n, white) == pytest.approx(errors @ np.linalg.solve(full, errors), rel=1e-4)
    apart(factor, white, n, far)
    for i in range(n):
        others = [k for k in range(n) if k != i]
        weights = np.linalg.solve(full[np.ix_(others, others)], full[others, i])
        left = errors[i] - weights @ errors[others]
        assert far[i] == pytest.approx(left / np.sqrt(full[i, i] - weights @ full[others, i]), rel=1e-3, abs=1e-4)
