"""Replicas: a service in a simulation that is sized as the bank sizes it, with replicas that take time to start.

A replica does a tenth of the first week's mean load. Whoever provides more has less beyond capacity, so two rules are
compared at the same provision: the headroom is chosen such that the capacity that lay idle was half of the load.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detectors.columns import Floats
from detectors.compiled import kernel
from detectors.scaling_patience import Patience, steady
from detectors.scaling_rows import peak_of

LAGS_MIN = (5, 15, 30)
PER_REPLICA, IDLE_SHARE, PATIENCE_STEPS = 0.1, 0.5, 5
LEAST, MOST = 0.2, 8.0
HALVINGS = 30


class Sized(NamedTuple):
    """What came of a rule.

    beyond_percent  load that no replica was there for, in percent of all; idle_share: of the load, as idle capacity
    changes        how often the wanted number of replicas changed
    headroom       at which this was
    """

    beyond_percent: float
    idle_share: float
    changes: int
    headroom: float


@kernel
def simulate(row, load, upper, headroom, capacity, step_ms, lag, patience_ms, first):  # type: ignore[no-untyped-def]
    """Return load beyond capacity, idle capacity, and changes, from step `first` on.

    What is ordered in a step works `lag` steps later; what is taken away goes at once, the latest ordered first. With
    NaN as `upper` the rule is that of the load of now, with the same headroom.
    """
    n = len(load)
    starting = np.zeros(n + lag + 1)
    working = ordered = max(1.0, math.ceil(load[first] * headroom / capacity))
    beyond, idle, changes = 0.0, 0.0, 0
    for i in range(first, n):
        working += starting[i]
        beyond += max(0.0, load[i] - working * capacity)
        idle += max(0.0, working * capacity - load[i])
        peak = load[i] * headroom if np.isnan(upper[i]) else peak_of(load[i], upper[i], headroom)
        need = max(1.0, math.ceil(peak / capacity - 1e-9))
        wanted = steady(row, need, ordered, np.int64((i + 1) * step_ms), patience_ms, 3 * step_ms)
        if wanted > ordered:
            starting[i + lag] += wanted - ordered
        excess, k = max(0.0, ordered - wanted), i + lag
        while excess > 0.0 and k > i:
            cancelled = min(excess, starting[k])
            starting[k] -= cancelled
            excess -= cancelled
            k -= 1
        working -= excess
        changes += 1 if wanted != ordered else 0
        ordered = wanted
    return beyond, idle, changes


def sized(load: Floats, upper: Floats, step_s: float, lag: int, first: int) -> Sized:
    """Size a service step by step, with the headroom at which half of the load lies idle beside it.

    load, upper    float64 [n]: what was asked in each step, and the end of the forecast's band made in it; NaN: none
    lag, first     steps until a new replica works; the first step that counts, those before are the first week
    """
    present = np.nan_to_num(load)
    capacity, total = PER_REPLICA * float(present[:first].mean()), float(present[first:].sum())
    step_ms, low, high = int(1000 * step_s), LEAST, MOST
    found = (0.0, 0.0, 0)
    for _ in range(HALVINGS):
        headroom, row = (low + high) / 2, np.zeros(1, Patience)[0]
        found = simulate(row, present, upper, headroom, capacity, step_ms, lag, PATIENCE_STEPS * step_ms, first)
        low, high = (low, headroom) if found[1] > IDLE_SHARE * total else (headroom, high)
    beyond, idle, changes = found
    return Sized(100 * beyond / total, idle / total, int(changes), (low + high) / 2)
