"""The series of one service, step by step: what moves together as it should not, what no longer moves together."""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import kernel
from detectors.patterns_roles import CPU, ERRORS, LOAD, MEMORY, ROLES
from detectors.patterns_series import (
    AWAY_SLOWER,
    CLIP,
    FAR_GAIN,
    HELD,
    RESOLUTION,
    SMALLEST,
    STRAYS,
    TOGETHER,
    tell,
)
from detectors.statistics import clamp, gain_after, moved

# What is said of one service, in the order of their numbers.
SIGNS = ("code-fault", "runaway", "leak", "correlation", "correlation")
CODE_FAULT, RUNAWAY, LEAK, CORRELATION = range(4)
PAIRS = ((LOAD, CPU), (MEMORY, ERRORS))

# A series is up or down where the mean of three steps is so many times further from the mean of 360 than it usually
# strays, and by a quarter of it. Errors are up only where they are three times what they were, and a hundredth.
SHORT_GAIN, LONG_GAIN = 1 / 3, 1 / 360
APART, BY_A_PART = 4.0, 0.25
ERRORS_MORE, ERRORS_LEAST = 3.0, 0.01
FLAT_LOAD, BEFORE_GAIN = 0.15, 1 / 30

# Two series go together otherwise where Fisher's transform (1915) of their correlation of late, some 40 steps, is so
# far from the usual one, and further than it usually strays. Correlations beyond MOST are taken for it.
PULL_GAIN, SIZE_GAIN, NEAR_GAIN, YOUNG_GAIN = 1 / 10, 1 / 500, 1 / 20, 1 / 100
ANOTHER, MOST, FURTHEST = 1.0, 0.95, 4.0
UNKNOWN_LOAD = 1e-9

# One service. In words, beside what the names say:
#   asked_ms             when a step was last taken, on the log's clock; at_s: on that of its series
#   short, long, stray   of each role: means of few and of many steps, and the mean square between them
#   load_before          the load while memory was not rising
#   centre, size         of each role: a slower mean, and the mean square of the distance from it
#   near, far            of each pair: mean squares and mean product of distances, of late and usually
#   pulled               of each pair: the mean square of how far the one correlation is from the other
#   on, held, since_s    of each sign, as in a series
SERVICE = np.dtype(
    [
        ("asked_ms", "i8"),
        *[(name, "f8") for name in ("at_s", "load_before")],
        *[(name, "f8", ROLES) for name in ("short", "long", "stray", "centre", "size")],
        ("near", "f8", (len(PAIRS), 3)),
        ("far", "f8", (len(PAIRS), 3)),
        ("pulled", "f8", len(PAIRS)),
        ("since_s", "f8", len(SIGNS)),
        ("known", "i4", ROLES),
        ("paired", "i4", len(PAIRS)),
        ("on", "u1", len(SIGNS)),
        ("held", "u1", len(SIGNS)),
        ("_", "u1", 6),
    ]
)


@kernel
def direction(one, role):  # type: ignore[no-untyped-def]
    """Return whether a role is up (1), down (-1) or as usual (0)."""
    ahead = one.short[role] - one.long[role]
    apart = max(APART * math.sqrt(one.stray[role]), BY_A_PART * abs(one.long[role]), SMALLEST)
    if role == ERRORS:
        apart = max(apart, (ERRORS_MORE - 1) * one.long[role], ERRORS_LEAST - one.long[role])
    if abs(ahead) <= apart:
        return 0
    return 1 if ahead > 0 else -1


@kernel
def learn_role(one, role, value, warmup):  # type: ignore[no-untyped-def]
    """Fold a value into the means of a role; return whether it is up, down or as usual, 0 while it warms up."""
    seen = one.known[role]
    one.short[role] = moved(one.short[role], value, gain_after(seen, SHORT_GAIN))
    where = direction(one, role) if seen >= warmup else 0
    slower = AWAY_SLOWER if where != 0 else 1.0
    ahead = one.short[role] - one.long[role]
    if seen >= warmup:
        ahead = clamp(ahead, max(APART * math.sqrt(one.stray[role]), RESOLUTION * abs(one.long[role]), SMALLEST))
    one.stray[role] = moved(one.stray[role], ahead * ahead if seen else 0.0, slower * gain_after(seen, LONG_GAIN))
    one.long[role] = moved(one.long[role], value, slower * gain_after(seen, LONG_GAIN))
    error = value - one.centre[role]
    if seen >= warmup:
        error = clamp(error, CLIP * math.sqrt(one.size[role]))
    one.size[role] = moved(one.size[role], error * error if seen else 0.0, gain_after(seen, SIZE_GAIN))
    one.centre[role] = moved(one.centre[role], value, gain_after(seen, PULL_GAIN))
    one.known[role] = min(seen + 1, 1_000_000)
    return where


@kernel
def bend(sums):  # type: ignore[no-untyped-def]
    """Return Fisher's transform of the correlation that mean squares and a mean product give."""
    least = max(math.sqrt(sums[0] * sums[1]), SMALLEST)
    return math.atanh(clamp(sums[2] / least, MOST))


@kernel
def go_otherwise(one, k, a, b, warmup):  # type: ignore[no-untyped-def]
    """Say whether two series, of distances a and b from their means, go together otherwise than usual; learn it."""
    seen = one.paired[k]
    for which, value in enumerate((a * a, b * b, a * b)):
        one.near[k, which] = moved(one.near[k, which], value, gain_after(seen, NEAR_GAIN))
    apart = bend(one.near[k]) - bend(one.far[k])
    most = max(ANOTHER, STRAYS * math.sqrt(one.pulled[k]))
    other = seen >= warmup and abs(apart) > most
    slower = AWAY_SLOWER if seen >= warmup and abs(apart) > most / 2 else 1.0
    if seen >= warmup:
        bounded = clamp(apart, most / 2)
        one.pulled[k] = moved(one.pulled[k], bounded * bounded, slower * gain_after(seen - warmup, FAR_GAIN))
    for which, value in enumerate((a * a, b * b, a * b)):
        # A fault soon after the warm-up must not be half of what is usual a moment later.
        gain = gain_after(seen, FAR_GAIN) if seen < warmup else max(FAR_GAIN, min(1.0 / (seen + 1.0), YOUNG_GAIN))
        one.far[k, which] = moved(one.far[k, which], value, slower * gain)
    one.paired[k] = min(seen + 1, 1_000_000)
    return other


@kernel
def distance(one, role, value):  # type: ignore[no-untyped-def]
    """Return how far a value is from its slower mean, in what it usually is."""
    return clamp((value - one.centre[role]) / max(math.sqrt(one.size[role]), SMALLEST), FURTHEST)


@kernel
def step_service(one, values, rising, leaking, warmup, at_s, late, codes):  # type: ignore[no-untyped-def]
    """Take one step with the value of each role, NaN where there is none; fill in what is to be said of each sign."""
    for k, (a, b) in enumerate(PAIRS):
        both = not (math.isnan(values[a]) or math.isnan(values[b]))
        other = one.on[CORRELATION + k] == 1
        if both and one.known[a] >= warmup and one.known[b] >= warmup:
            other = go_otherwise(one, k, distance(one, a, values[a]), distance(one, b, values[b]), warmup)
        codes[CORRELATION + k] = tell(one, CORRELATION + k, other, HELD, at_s, late)
    where = np.zeros(ROLES, np.int64)
    for role in range(ROLES):
        if not math.isnan(values[role]):
            where[role] = learn_role(one, role, values[role], warmup)
    if rising == 0 and not math.isnan(values[LOAD]):
        one.load_before = moved(one.load_before, values[LOAD], gain_after(one.known[LOAD] - 1, BEFORE_GAIN))
    more = max(FLAT_LOAD * abs(one.load_before), math.sqrt(one.size[LOAD]))
    flat = one.known[LOAD] >= warmup and one.short[LOAD] <= one.load_before + more
    codes[CODE_FAULT] = tell(one, CODE_FAULT, where[ERRORS] > 0 and where[CPU] < 0, TOGETHER, at_s, late)
    codes[RUNAWAY] = tell(one, RUNAWAY, where[CPU] > 0 and where[LOAD] < 0, TOGETHER, at_s, late)
    leak = leaking and (flat or one.on[LEAK] == 1)
    codes[LEAK] = tell(one, LEAK, leak, TOGETHER, at_s, late)
    one.at_s = at_s
