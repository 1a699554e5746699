"""Excursions: which scores become alarms, so that a series keeps to the alarms it may have."""

from __future__ import annotations

import math

from detectors.anomaly_rows import DAY_S
from detectors.anomaly_views import RAISE, loudest
from detectors.compiled import kernel

# An excursion is said when it begins, when it is well above what was said of late, and while it lasts: after WAIT
# values, twice as many, and so on. It is over after BACK in the band.
LOUDER = 1.5
PEAK_KEPT = math.exp(-1 / 20)
WAIT = 8
BACK = 5

# A view that raised an alarm must say more from then on, by the factor e^RAISE each time, up to MOST_RAISED more; that
# is forgotten again (`fade`). So each series finds the thresholds at which it keeps to its promised alarms.
MOST_RAISED = math.exp(2.0) - 1

# How often it alarms is remembered for so many days.
RATE_DAYS = 10.0


@kernel
def say(row, score, kept, at_s):  # type: ignore[no-untyped-def]
    """Begin, go on with, or end an excursion by a score; return whether to alarm, and whether for what is new.

    row            of a series or a service; kept: how much of the last alarm's height is left after a value
    """
    alarm, fresh = False, False
    row.peak *= kept
    row.waited = min(row.waited + 1, 1_000_000)
    if score > 1:
        row.back = 0
        fresh = score > LOUDER * row.peak
        lasts = row.excursion and row.waited >= row.wait
        alarm = fresh or lasts
        if alarm:
            if not row.excursion:
                row.excursion, row.since_s, row.wait = 1, at_s, WAIT
            elif not fresh:
                row.wait = min(2 * row.wait, 1_000_000)
            row.waited = 0
        row.peak = max(row.peak, score)
    elif row.excursion:
        row.back += 1
        if row.back >= BACK:
            row.excursion = 0
    return alarm, fresh


@kernel
def take_views(row, at_s):  # type: ignore[no-untyped-def]
    """Begin, go on with, or end the row's excursion by what its views say; return the score, and whether to alarm."""
    score, _ = loudest(row)
    before = row.excursion
    alarm, fresh = say(row, score, PEAK_KEPT, at_s)
    if alarm:
        if not before:
            row.counted = 0
            row.before[:] = row.raised
            row.heights[:] = 0.0
        row.counted += 1
    if row.excursion:
        grow_heights(row)
    for view in range(len(row.raised)):
        row.raised[view] = max((1 + row.raised[view]) * (1 - row.fade) - 1, 0.0)
    if alarm and fresh:
        raise_views(row)
    return score, alarm


@kernel
def grow_heights(row):  # type: ignore[no-untyped-def]
    """Note how far out the row's excursion has come by each view: what a person calls usual is that much."""
    for view in range(len(row.heights)):
        if row.views[view] > 1:
            row.heights[view] = max(row.heights[view], abs(row.errors[view]))


@kernel
def raise_views(row):  # type: ignore[no-untyped-def]
    """Ask more of every view that is above its threshold."""
    for view in range(len(row.raised)):
        if row.views[view] > 1 + row.raised[view]:
            row.raised[view] = min((1 + row.raised[view]) * math.exp(RAISE) - 1, MOST_RAISED)


@kernel
def count_alarm(row, alarm, at_s):  # type: ignore[no-untyped-def]
    """Count an alarm, and the time it took, among those of the last days."""
    days = min(max(at_s - row.judged_at_s, 0.0) / DAY_S, 1.0) if row.seen else 0.0
    kept = 1.0 - days / RATE_DAYS
    row.alarms = row.alarms * kept + (1.0 if alarm else 0.0)
    row.days = row.days * kept + days
