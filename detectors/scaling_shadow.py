"""Shadows: what two rules would have cost had they decided: the bank's own, and one that reacts to the load of now.

Each has replicas of its own that take their time to start; both are held against the same load, whoever decides.
"""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import kernel
from detectors.scaling_patience import Patience, steady

RING = 64
GAIN = 0.003

# One rule. ordered, working: the replicas it wants, and those that work; starting: those that will, by step modulo RING
# step: the last one it was held against; steps: how many; asked, idle, short: the load, the capacity that lay idle
# beside it, and the load that had none, lately
Shadow = np.dtype(
    [("patience", Patience)]
    + [(name, "f8") for name in ("ordered", "working", "asked", "idle", "short")]
    + [("starting", "f8", RING), ("step", "i8"), ("steps", "i8")]
)


@kernel
def hold(shadow, asked, capacity):  # type: ignore[no-untyped-def]
    """Hold a rule's replicas against a load, both in the load's units."""
    gain = max(GAIN, 1.0 / (shadow.steps + 1.0))
    has = shadow.working * capacity
    shadow.asked += gain * (asked - shadow.asked)
    shadow.idle += gain * (max(0.0, has - asked) - shadow.idle)
    shadow.short += gain * (max(0.0, asked - has) - shadow.short)
    shadow.steps += 1


@kernel
def follow(shadow, asked, need, capacity, step, lag, clock_ms, patience_ms, break_ms):  # type: ignore[no-untyped-def]
    """Let a step pass: what was ordered `lag` steps ago works now; order what the rule needs; fewer go at once."""
    if shadow.steps == 0 or step - shadow.step >= RING:
        shadow.ordered = shadow.working = need
        shadow.starting[:] = 0.0
    else:
        for passed in range(shadow.step + 1, step + 1):
            shadow.working += shadow.starting[passed % RING]
            shadow.starting[passed % RING] = 0.0
    shadow.step = step
    hold(shadow, asked, capacity)
    wanted = steady(shadow.patience, need, shadow.ordered, clock_ms, patience_ms, break_ms)
    if wanted > shadow.ordered:
        shadow.starting[(step + lag) % RING] += wanted - shadow.ordered
    excess, k = max(0.0, shadow.ordered - wanted), step + lag
    while excess > 0.0 and k > step:
        cancelled = min(excess, shadow.starting[k % RING])
        shadow.starting[k % RING] -= cancelled
        excess -= cancelled
        k -= 1
    shadow.working -= excess
    shadow.ordered = wanted


@kernel
def needs(load, capacity):  # type: ignore[no-untyped-def]
    """Return how many replicas carry a load."""
    return math.ceil(load / capacity - 1e-9)
