"""Sketch: how many measurements fell into which logarithmic bucket; two sketches add up to the sketch of both.

Each power of two is cut into eight buckets of equal width, from 2^-20 (about a millionth) to 2^12 (4,096). A bucket
stands for the harmonic middle of its edges, so an estimate is at most 1/17 (5.9 %) of the true value away from it.
Cutting powers of two needs no logarithm: which bucket a value falls into is exact, and the same on every machine, so a
replay elsewhere agrees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from detectors.compiled import kernel

BUCKETS = 256
CUTS = 8
LOWEST_EXPONENT = -20
RELATIVE_ERROR = 1 / (2 * CUTS + 1)


@kernel
def bucket_of(value):  # type: ignore[no-untyped-def]
    """Return the bucket of a value above 0; what is out of range goes into the first or the last.

    >>> bucket_of(1.0), bucket_of(1.124), bucket_of(1.125), bucket_of(1e99)
    (160, 160, 161, 255)
    """
    mantissa, exponent = math.frexp(value)
    bucket = (exponent - 1 - LOWEST_EXPONENT) * CUTS + int(mantissa * 2 * CUTS) - CUTS
    return min(max(bucket, 0), BUCKETS - 1)


def value_of(bucket: int) -> float:
    """Return the value that a bucket stands for.

    >>> round(value_of(160), 4)
    1.0588
    """
    octave, cut = divmod(bucket, CUTS)
    lower = math.ldexp(1 + cut / CUTS, octave + LOWEST_EXPONENT)
    upper = math.ldexp(1 + (cut + 1) / CUTS, octave + LOWEST_EXPONENT)
    return 2 * lower * upper / (lower + upper)


def merge(into: dict[int, int], more: Mapping[int, int]) -> None:
    """Add a sketch to another, but for buckets that do not exist and counts below 1, which nobody measured."""
    for bucket, count in more.items():
        if 0 <= bucket < BUCKETS and count > 0:
            into[bucket] = into.get(bucket, 0) + count


def quantile(buckets: Mapping[int, int], share: float) -> float:
    """Return the smallest value that at least `share` of the measurements do not exceed, within `RELATIVE_ERROR`.

    >>> round(quantile({160: 99, 200: 1}, 0.99), 2), round(quantile({160: 99, 200: 1}, 0.991), 2)
    (1.06, 33.88)
    """
    assert buckets, "a sketch without measurements has no quantile"
    rank = max(1, math.ceil(share * sum(buckets.values())))
    passed = 0
    for bucket in sorted(buckets):
        passed += buckets[bucket]
        if passed >= rank:
            break
    return value_of(bucket)
