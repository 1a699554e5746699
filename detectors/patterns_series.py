"""The shapes of one series, step by step: it stands still, it scatters otherwise, it fills up, it misses its time.

A step is taken once a bucket in which the series was judged; its value is the last one. Each shape is held against how
the series itself has been, so that what is usual for it is nothing to tell.
"""

from __future__ import annotations

import math

import numpy as np

from detectors.anomaly_excursions import MOST_RAISED
from detectors.anomaly_loops import NEVER
from detectors.anomaly_rows import DAY_S
from detectors.compiled import kernel
from detectors.statistics import clamp, gain_after, moved

# What is said of one series, in the order of their numbers.
SHAPES = ("flatline", "variance", "saturation", "rhythm", "threshold")
FLATLINE, VARIANCE, SATURATION, RHYTHM, THRESHOLD = range(len(SHAPES))

# It stands still where so many steps without a change are less likely than UNLIKELY, at least FLAT_LEAST of them, and
# twice as many as ever before; as many as were told. One that mostly stands still is not judged.
FLAT_LEAST, UNLIKELY, MOSTLY, FLAT_MORE = 12, 1e-6, 0.95, 2.0
SAME_GAIN, LONGEST_KEPT = 1 / 200, 1 - 1 / 50_000

# The scatter is how far values are from where the two before lead, of ten against five hundred: it is another one where
# it is three times as large or small, and five times further off than it usually strays, for HELD steps.
NEAR_GAIN, FAR_GAIN, OTHERWISE, STRAYS = 1 / 10, 1 / 500, math.log(3.0), 5.0
HELD, TOGETHER = 5, 3
CLIP = 6.0
AWAY_SLOWER = 0.1
"""How much slower what is usual is learned while it is not as usual: a fault is not what is usual soon."""

# The trend is looked for over three spans. It is steady where it is so many times what single values are off it.
SPANS = (1 / 10, 1 / 60, 1 / 360)
STEADY, RISING = 4.0, 2.0
ABOVE_CEILING, CEILING_GAIN = 1.1, 1 / 30
AHEAD_MOST = 20.0
"""A trend is believed for so many times the span it was seen over."""

# A rhythm is known after BEGINS times that were regular. Pulses take less than PULSE of the time.
BEGINS, REGULAR, PULSE = 5, 0.05, 0.25
LATE_BY, LATE_JITTERS = 0.1, 6.0
PERIOD_GAIN, MISSED_GAIN, MISSED_MOST = 0.2, 0.1, 0.08
MEAN_GAIN, TOP_KEPT = 1 / 360, 1 - 1 / 20_000

# A shape that was told must be stronger from then on, by the factor e^RAISE each time. That fades so that as many as
# `alarms_per_day` keep it where it is, the shapes that need no name together: so many.
RAISE, NAMELESS = 0.3, 3

# While it lasts, what is said is said again, so that nobody thinks it is forgotten.
SAY_AGAIN_S = 1200.0
UNUSUAL, CALM = 1, 2
SMALLEST, RESOLUTION = 1e-30, 1e-3

# One series. In words, beside what the names say:
#   at_s, value, step_s  of the last step, and the usual time between two; steps: how many there were
#   same, run, longest   the share of steps without a change; how many there are in a row now, and the most ever, fading
#   near, far, stray     how far values scatter, of late and usually; the mean square of how far one is from the other
#   change               from the value before the last to the last
#   once, twice, off     of each span: the mean, the mean of means (Brown 1963), and what values are off the trend
#   ceiling, peak        the highest value while it was not rising, and since it is; rising, leaking: it is, steadily
#   mean, top            of the values, usually; begun_s, period_s, jitter_s, begins: of the pulses or of the readings
#   busy_s, duty         how long it was up since the last begin, and the usual share; pulse: it is up
#   missed               the share of begins that did not come
#   contrary_s           since when it is on the other side of its threshold; 0: it is not
#   raised               of each shape that needs no name: by how much more than 1 it must be to be told
#   on, held, since_s    of each shape: whether it was told, how many steps speak for the opposite, since when
SERIES = np.dtype(
    [
        *[(name, "f8") for name in ("at_s", "value", "step_s")],
        ("once", "f8", len(SPANS)),
        ("twice", "f8", len(SPANS)),
        *[(name, "f8") for name in ("ceiling", "peak", "mean", "top", "begun_s", "flat_s", "contrary_s")],
        ("due_ms", "i8"),
        ("since_s", "f8", len(SHAPES)),
        ("off", "f4", len(SPANS)),
        ("raised", "f4", len(SHAPES)),
        *[(name, "f4") for name in ("same", "longest", "near", "far", "stray", "change")],
        *[(name, "f4") for name in ("period_s", "jitter_s", "busy_s", "duty", "missed")],
        *[(name, "i4") for name in ("steps", "run", "begins")],
        ("on", "u1", len(SHAPES)),
        ("held", "u1", len(SHAPES)),
        *[(name, "u1") for name in ("rising", "leaking", "pulse")],
        ("_", "u1", 3),
    ]
)


@kernel
def tell(row, k, now, need, at_s, late):  # type: ignore[no-untyped-def]
    """Take whether shape k is there now; return what is to be said of it, once `need` steps in a row agree."""
    if (row.on[k] == 1) == now:
        row.held[k] = 0
        said = math.floor((row.at_s - row.since_s[k]) / SAY_AGAIN_S)
        again = now and not late and math.floor((at_s - row.since_s[k]) / SAY_AGAIN_S) > said
        return UNUSUAL if again else 0
    row.held[k] = min(row.held[k] + 1, 255)
    if row.held[k] < need or (now and late):
        return 0
    row.held[k] = 0
    row.on[k] = 1 if now else 0
    if not now:
        return CALM
    row.since_s[k] = at_s
    return UNUSUAL


@kernel
def tell_held(row, k, strength, need, at_s, late, fade):  # type: ignore[no-untyped-def]
    """Tell shape k, which is there from a strength of 1, where it is stronger than was told too often of late."""
    before = row.on[k]
    row.raised[k] = max((1 + row.raised[k]) * (1 - fade) - 1, 0.0)
    code = tell(row, k, strength >= (1.0 if before else 1 + row.raised[k]), need, at_s, late)
    if row.on[k] > before:
        row.raised[k] = min((1 + row.raised[k]) * math.exp(RAISE) - 1, MOST_RAISED)
    return code


@kernel
def stands_still(row, value, at_s, warmup):  # type: ignore[no-untyped-def]
    """Return how long a series that moves has stood still, 1 is too long, and learn how long it does."""
    changed = row.steps == 0 or value != row.value
    row.longest *= LONGEST_KEPT
    if changed:
        # What was told counts for half, a day at most, so that the same is not told again; resting at nought is usual.
        told = row.on[FLATLINE] and row.value != 0
        run = min(row.run, DAY_S / max(row.step_s, SMALLEST)) / FLAT_MORE if told else row.run
        row.longest = max(row.longest, run)
        row.run, row.flat_s = 0, at_s
    else:
        row.run += 1
    still = 0.0
    if row.steps >= warmup and row.same < MOSTLY:
        need = math.log(UNLIKELY) / math.log(max(row.same, 0.05))
        still = row.run / max(need, FLAT_MORE * row.longest, FLAT_LEAST)
    gain = AWAY_SLOWER * SAME_GAIN if row.on[FLATLINE] else gain_after(row.steps, SAME_GAIN)
    row.same = moved(row.same, 0.0 if changed else 1.0, gain)
    return still


@kernel
def scatters(row, value, warmup):  # type: ignore[no-untyped-def]
    """Return how far from usual a series scatters, 1 is otherwise, and how many times more or less; learn it."""
    if row.steps == 0:
        return 0.0, 1.0
    least = RESOLUTION * abs(row.mean) + SMALLEST
    # How far a value is from where the last two lead: a series that rises steadily scatters no more than before.
    change = value - row.value
    size, row.change = abs(change - row.change), change
    if row.steps > warmup:
        size = min(size, CLIP * max(row.far, least))
    row.near = moved(row.near, size, gain_after(row.steps - 1, NEAR_GAIN))
    how = math.log((row.near + least) / (row.far + least)) if row.steps > 1 else 0.0
    most = max(OTHERWISE, STRAYS * math.sqrt(row.stray))
    # One that stands still is told as that.
    judged = row.steps >= 2 * warmup and row.run < HELD and not row.on[RHYTHM]
    slower = AWAY_SLOWER if row.steps >= 2 * warmup and abs(how) > most / 2 else 1.0
    row.far = moved(row.far, size, slower * gain_after(row.steps - 1, FAR_GAIN))
    if row.steps >= warmup:
        bounded = clamp(how, most / 2)
        row.stray = moved(row.stray, bounded * bounded, slower * gain_after(row.steps - warmup, FAR_GAIN))
    return abs(how) / most if judged else 0.0, math.exp(how)


@kernel
def follow_trend(row, value, warmup):  # type: ignore[no-untyped-def]
    """Fold a value into the trends; return the steepest that is steady, a step, and over how many steps; else 0."""
    slope, span, rising = 0.0, 0.0, False
    for k in range(len(SPANS)):
        gain = gain_after(row.steps, SPANS[k])
        slower = gain / (1.0 - gain) if gain < 1 else 0.0
        step = slower * (row.once[k] - row.twice[k])
        row.off[k] = moved(row.off[k], abs(value - (2 * row.once[k] - row.twice[k] + step)), min(2 * gain, 1.0))
        row.once[k] = moved(row.once[k], value, gain)
        row.twice[k] = moved(row.twice[k], row.once[k], gain)
        step = slower * (row.once[k] - row.twice[k])
        if row.steps < max(2 / SPANS[k], warmup):
            continue
        off = max(row.off[k], RESOLUTION * RESOLUTION * abs(value))
        rising = rising or step / SPANS[k] > RISING * off
        if step / SPANS[k] > STEADY * off and step > slope:
            slope, span = step, 1 / SPANS[k]
    level = row.once[0]
    if rising:
        row.peak = max(row.peak, value) if row.rising else value
    else:
        # What comes back from a rise has been that high. What begins to rise is believed slowly.
        if row.rising or row.steps == 0:
            row.ceiling = max(row.ceiling, row.peak) if row.steps else value
        row.ceiling = moved(row.ceiling, level, CEILING_GAIN if level > row.ceiling else 1 - LONGEST_KEPT)
    row.rising = rising
    return slope, span


@kernel
def fills_up(row, trait, value, warmup, full_within_s):  # type: ignore[no-untyped-def]
    """Return in how many seconds a stock is full where that is soon, else 0; note whether it rises as it never did."""
    slope, span = follow_trend(row, value, warmup)
    level = row.once[0]
    row.leaking = slope > 0 and row.ceiling > 0 and level > ABOVE_CEILING * row.ceiling
    if slope <= 0 or math.isnan(trait.full) or level <= row.ceiling:
        return 0.0
    left_s = max(trait.full - value, 0.0) / slope * row.step_s
    return max(left_s, 1.0) if left_s <= min(full_within_s, AHEAD_MOST * span * row.step_s) else 0.0


@kernel
def keep_time(row, at_s, sparse):  # type: ignore[no-untyped-def]
    """Learn when it begins: a begin that was missed teaches that it is missed at times, and no period."""
    if row.begun_s > 0 and at_s > row.begun_s:
        interval_s = at_s - row.begun_s
        missed = is_known(row, 0.0, sparse) and interval_s > row.period_s + tolerance_s(row)
        row.missed = moved(row.missed, 1.0 if missed else 0.0, MISSED_GAIN)
        row.duty = moved(row.duty, min(row.busy_s / interval_s, 1.0), gain_after(row.begins - 1, PERIOD_GAIN))
        if not missed:
            gain = gain_after(row.begins - 1, PERIOD_GAIN)
            row.jitter_s = moved(row.jitter_s, abs(interval_s - row.period_s), gain) if row.begins > 1 else 0.0
            row.period_s = moved(row.period_s, interval_s, gain)
    row.begun_s, row.busy_s = at_s, 0.0
    row.begins = min(row.begins + 1, 1_000_000)


@kernel
def tolerance_s(row):  # type: ignore[no-untyped-def]
    """Return how much later than usual a begin may be."""
    return max(
        LATE_BY * row.period_s, LATE_JITTERS * row.jitter_s, 2 * row.step_s if row.step_s < row.period_s / 4 else 0
    )


@kernel
def is_known(row, least_s, sparse):  # type: ignore[no-untyped-def]
    """Say whether a series has a rhythm: it begins regularly, and is soon over each time."""
    regular = row.jitter_s <= REGULAR * row.period_s + (0.0 if sparse else row.step_s)
    return row.begins >= BEGINS and row.period_s >= least_s and regular and (sparse or row.duty < PULSE)


@kernel
def misses_its_time(row, value, at_s, clock_ms, warmup, least_s):  # type: ignore[no-untyped-def]
    """Return how late is what begins regularly, from 1 on too late; learn its rhythm; set when to ask again."""
    row.top = max(value, row.top - (1 - TOP_KEPT) * (row.top - row.mean)) if row.steps else value
    row.mean = moved(row.mean, value, gain_after(row.steps, MEAN_GAIN))
    sparse = row.steps > 0 and row.step_s >= least_s
    span = row.top - row.mean
    up = span > 0 and value > row.mean + (0.25 if row.pulse else 0.5) * span
    if row.pulse:
        row.busy_s += max(at_s - row.at_s, 0.0)
    if sparse or (up and not row.pulse and row.steps >= warmup // 4):
        keep_time(row, at_s, sparse)
    row.pulse = up
    row.due_ms = NEVER
    if not is_known(row, least_s, sparse) or (row.missed >= MISSED_MOST and not row.on[RHYTHM]):
        return 0.0
    patience_s = row.period_s + tolerance_s(row)
    late_s = at_s - row.begun_s - patience_s
    if sparse:
        left_s = row.raised[RHYTHM] * patience_s - late_s
        row.due_ms = clock_ms + int(1000 * max(left_s, 0.0))
    return 1 + late_s / patience_s if late_s > 0 else 0.0


@kernel
def passes_threshold(row, trait, value, at_s):  # type: ignore[no-untyped-def]
    """Say whether a series is beyond its threshold: above the one for long enough, until below the other as long."""
    on = row.on[THRESHOLD] == 1
    contrary = not value >= trait.below if on else value >= trait.above
    if not contrary:
        row.contrary_s = 0.0
        return on
    if row.contrary_s == 0:
        row.contrary_s = at_s
    if at_s - row.contrary_s < trait.for_s:
        return on
    row.contrary_s = 0.0
    return not on


@kernel
def learn_pace(row, at_s):  # type: ignore[no-untyped-def]
    """Learn the usual time between two steps."""
    if row.steps > 0 and at_s > row.at_s:
        step_s = at_s - row.at_s
        if row.steps > 10:
            step_s = min(step_s, 4 * row.step_s)
        row.step_s = moved(row.step_s, step_s, gain_after(row.steps - 1, 0.05))
