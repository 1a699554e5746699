"""Formulas that several models share."""

from __future__ import annotations

import math

from detectors.compiled import kernel


@kernel
def clamp(value, most):  # type: ignore[no-untyped-def]
    """Return the value, or the nearer of -most and most.

    >>> clamp(-7.0, 2.0)
    -2.0
    """
    return min(max(value, -most), most)


@kernel
def gain_after(seen, slowest):  # type: ignore[no-untyped-def]
    """Return the weight of the next value after `seen` others: their plain mean at first, then never below `slowest`.

    >>> gain_after(0, 0.1), gain_after(4, 0.1), gain_after(99, 0.1)
    (1.0, 0.2, 0.1)
    """
    return max(slowest, 1.0 / (seen + 1.0))


@kernel
def moved(mean, value, gain):  # type: ignore[no-untyped-def]
    """Return an exponentially weighted mean moved towards a value.

    >>> moved(10.0, 20.0, 0.25)
    12.5
    """
    return mean + gain * (value - mean)


def gain_of(half_life: float) -> float:
    """Return the gain with which a value weighs half after `half_life` further ones.

    >>> gain_of(1.0)
    0.5
    """
    return 1.0 - math.exp2(-1.0 / half_life)


@kernel
def place_in_season(at_s, season_s):  # type: ignore[no-untyped-def]
    """Return which part of its season a time is at, from 0 to below 1.

    >>> place_in_season(90_000.0, 86_400.0 * 2)
    0.5208333333333334
    """
    turns = at_s / season_s
    return turns - math.floor(turns)


@kernel
def normal_bound(share):  # type: ignore[no-untyped-def]
    """Return how many deviations a normal value passes, on either side, with a probability from 1e-300 to 1.

    Within 0.0005 (M. Abramowitz and I. A. Stegun, 1964, formula 26.2.23).

    >>> round(normal_bound(0.05), 2), round(normal_bound(0.0027), 2)
    (1.96, 3.0)
    """
    t = math.sqrt(-2.0 * math.log(max(share, 1e-300) / 2.0))
    above = 2.515517 + t * (0.802853 + t * 0.010328)
    below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    return max(t - above / below, 0.0)
