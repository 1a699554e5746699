"""The covariance of up to 24 values, kept as the triangle below its diagonal, and how far values are by it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel

MEMBERS = 24
PAIRS = MEMBERS * (MEMBERS + 1) // 2

# The covariance is drawn at least so far towards the identity, and further while few vectors stand against many series.
SHRINKAGE = 0.1
LEAST_PIVOT = 1e-3


def blank_covariance() -> NDArray[np.float32]:
    """Return the covariance of series of which nothing is known: the lower triangle of the identity, row by row."""
    blank = np.zeros(PAIRS, np.float32)
    blank[[pair(k, k) for k in range(MEMBERS)]] = 1.0
    return blank


@kernel
def pair(i, j):  # type: ignore[no-untyped-def]
    """Return where the covariance of places i >= j stands in the triangle.

    >>> pair(0, 0), pair(1, 0), pair(1, 1), pair(2, 0)
    (0, 1, 2, 3)
    """
    return i * (i + 1) // 2 + j


@kernel
def factorise(cov, seen, places, n, factor):  # type: ignore[no-untyped-def]
    """Fill `factor` with the Cholesky factor of the drawn-in covariance of n places, ascending."""
    share = max(SHRINKAGE, n / (seen + n))
    for i in range(n):
        for j in range(i + 1):
            rest = (1 - share) * cov[pair(places[i], places[j])] + (share if i == j else 0.0)
            for k in range(j):
                rest -= factor[i, k] * factor[j, k]
            factor[i, j] = math.sqrt(max(rest, LEAST_PIVOT)) if i == j else rest / factor[j, j]


@kernel
def distance(factor, errors, n, white):  # type: ignore[no-untyped-def]
    """Return the squared distance of errors from zero, and fill `white` with what they are when made independent."""
    total = 0.0
    for i in range(n):
        rest = errors[i]
        for k in range(i):
            rest -= factor[i, k] * white[k]
        white[i] = rest / factor[i, i]
        total += white[i] * white[i]
    return total


@kernel
def apart(factor, white, n, out):  # type: ignore[no-untyped-def]
    """Fill `out` with how far each error is from what the others let expect, in usual distances from that.

    With P the inverse of the covariance that is (P e)_i / sqrt(P_ii), for row i of P is what predicts i from the rest.
    """
    column = np.empty(n)
    for i in range(n):
        pulled, precision = 0.0, 0.0
        for k in range(i, n):
            rest = 1.0 if k == i else 0.0
            for j in range(i, k):
                rest -= factor[k, j] * column[j]
            column[k] = rest / factor[k, k]
            pulled += column[k] * white[k]
            precision += column[k] * column[k]
        out[i] = pulled / math.sqrt(precision)
