"""The views of a value: how far it is from what each expects, in units of what that view is usually off by."""

from __future__ import annotations

import math

from detectors.anomaly_rows import (
    DAY_S,
    DRIFT,
    LASTING,
    LEVEL,
    MEASURED,
    NEAREST,
    SEASON,
    SEASONS,
    SHIFT,
    SIZED,
    VIEWS,
    learn_profiles,
    size_at,
    usual_at,
)
from detectors.compiled import kernel
from detectors.statistics import clamp, gain_after, moved, normal_bound, place_in_season

# How fast the means follow, and the size of errors; how fast a profile's loss is learned.
LEVEL_GAIN, FAST_GAIN, SLOW_GAIN, DRIFT_GAIN = 0.1, 0.2, 0.01, 0.1
LASTING_GAIN, LONG_GAIN = 1 / 3, 1 / 50_000
SQUARE_GAIN = 1 / 4000
LOSS_GAIN = 1e-3
STEP_GAIN = 0.05
USUAL_GAIN, USUAL_SQUARE_GAIN = 0.03, 1 / 350

DAY_KNOWN, WEEK_KNOWN = 1, 2
LARGEST_SIZE = 16.0

# A profile is what is expected where it lowers the loss by this factor.
MARGIN = 0.95

# An error teaches the size of errors no more than CLIP times that size, but at least a share of itself, which grows
# with every value in a row that is out of the bound: a spike leaves the size alone, a change that lasts is believed.
CLIP = 6.0
SHARE_PER_VALUE = 0.005
STREAK_MOST = 200

# A series that never moves has no error to measure in: a thousandth of its level is the least that counts as one.
RESOLUTION = 1e-3
SMALLEST = 1e-300
HIGHEST_SCORE = 1e6

# Where a value is so many usual distances from the mean of all time, or fewer, its score counts in part, but for half.
FAR, LEAST_WORTH = 2.5, 0.5

# How many bounds a view must be out to say 1. One value alone is mostly no anomaly, several are: what a single one says
# must be further out than what the errors or the values of late say together; of the latest errors, less lasts.
ALONE, LASTS = 4 / 3, 0.42
ASKED = (ALONE, ALONE, ALONE, 1.0, 1.0, LASTS)

# Errors have heavier tails than normal ones: the bound is so much further out. What may be said more often than is
# promised, before a view has to say more: it is not known which of its alarms are false.
HEAVY = 1.5
ALARMS_PER_PROMISED = 3.0
ALARMS_PER_VALUE = 0.0125
RAISE = 0.4


@kernel
def look(row, value, at_s):  # type: ignore[no-untyped-def]
    """Fill in the error of each view but what lasts, and which profiles hold the time; of a first value all are 0."""
    level = value - row.level if row.seen else 0.0
    day, week, row.known = level, level, 0
    if row.season_s > 0:
        usual, known = usual_at(row.day, row.day_known, place_in_season(at_s, row.season_s))
        if known:
            day = value - row.anchor - usual - row.day_offset
            row.known = DAY_KNOWN
        week = day
        usual, known = usual_at(row.week, row.week_known, place_in_season(at_s, SEASONS * row.season_s))
        if known:
            week = value - row.anchor - usual - row.week_offset
            row.known |= WEEK_KNOWN
    nearest = level if abs(level) < abs(day) else day
    row.errors[SEASON], row.errors[LEVEL], row.day_error = week, level, day
    row.errors[NEAREST] = week if abs(week) < abs(nearest) else nearest
    row.errors[DRIFT] = moved(row.drift, chosen_error(row), DRIFT_GAIN)
    row.errors[SHIFT] = moved(row.fast, value, gain_after(row.seen, FAST_GAIN)) - row.slow if row.seen else 0.0
    row.worth = worth_of(row, value)


@kernel
def worth_of(row, value):  # type: ignore[no-untyped-def]
    """Return how much a score counts for a value: half where it is usual in the long run, up to all where it is not."""
    least = max(row.stray, RESOLUTION * abs(row.mean), SMALLEST)
    return clamp(max(abs(value - row.mean) / (FAR * least), LEAST_WORTH), 1.0) if row.seen else 1.0


@kernel
def chosen_error(row):  # type: ignore[no-untyped-def]
    """Return the error of that expectation which has had the lowest loss: a profile must lower it clearly."""
    best, error = row.losses[0], row.errors[LEVEL]
    if row.losses[1] < MARGIN * best:
        best, error = row.losses[1], row.day_error
    if row.losses[2] < MARGIN * best:
        error = row.errors[SEASON]
    return error


@kernel
def believed(row, error):  # type: ignore[no-untyped-def]
    """Return what is believed at once of an error: not more than `CLIP` usual ones of the level, but for what lasts."""
    usual = max(math.sqrt(row.squares[LEVEL]), RESOLUTION * abs(row.slow), SMALLEST)
    return clamp(error, max(CLIP * usual, SHARE_PER_VALUE * row.streak * abs(error))) if row.bound > 0 else error


@kernel
def usual_error(row, view, at_s):  # type: ignore[no-untyped-def]
    """Return how far a view is usually off at a time."""
    size = size_at(row, view, at_s) if view < SIZED else 1.0
    return max(math.sqrt(row.squares[view]) * size, RESOLUTION * abs(row.slow), SMALLEST)


@kernel
def out_of(row, view, at_s):  # type: ignore[no-untyped-def]
    """Return how large an error of a view is out of bounds; of what lasts, one of the errors that it is the mean of."""
    return row.bound * usual_error(row, NEAREST if view == LASTING else view, at_s) / row.worth


@kernel
def bound_of(row, view, at_s):  # type: ignore[no-untyped-def]
    """Return how large an error of a view is a score of 1: so many bounds, or what a person has called usual."""
    return max(ASKED[view] * out_of(row, view, at_s), row.excused[view])


@kernel
def band_of(row, value, view, at_s):  # type: ignore[no-untyped-def]
    """Return what a view expected, and the values at which it says 1: none below 0 of a series that never was."""
    expected, width = value - row.errors[view], (1 + row.raised[view]) * bound_of(row, view, at_s)
    lower, upper = expected - width, expected + width
    if row.signed or upper <= 0:
        return expected, lower, upper
    return max(expected, 0.0), max(lower, 0.0), upper


@kernel
def miss_of(row, value):  # type: ignore[no-untyped-def]
    """Return how far a value is from the mean of late, seen from the day's profile where that lowers the loss."""
    if row.known & DAY_KNOWN and row.losses[1] < MARGIN * row.losses[0]:
        return row.day_error + row.day_offset - row.usual_day
    return value - row.usual if row.seen else 0.0


@kernel
def error_of(row, value):  # type: ignore[no-untyped-def]
    """Return how far a value is from the mean of late, in what that is usually off by; what is judged together."""
    least = max(RESOLUTION * abs(row.usual), SMALLEST)
    return clamp(miss_of(row, value) / max(math.sqrt(row.usual_square), least), 1e9)


@kernel
def see(row, at_s, rule):  # type: ignore[no-untyped-def]
    """Fill in what each view says of the errors, 1 is its bound, and what lasts; all are 0 while the row warms up."""
    row.views[:] = 0.0
    row.errors[LASTING] = 0.0
    if row.seen < rule.warmup:
        return
    for view in range(MEASURED):
        row.views[view] = min(abs(row.errors[view]) / bound_of(row, view, at_s), HIGHEST_SCORE)
    own = max(out_of(row, NEAREST, at_s), row.excused[NEAREST])
    row.lasting = moved(row.lasting, clamp(row.errors[NEAREST] / own, 1.0), LASTING_GAIN)
    row.errors[LASTING] = row.lasting * own
    row.views[LASTING] = abs(row.errors[LASTING]) / max(LASTS * own, row.excused[LASTING])


@kernel
def loudest(row):  # type: ignore[no-untyped-def]
    """Return the highest score among the row's views, each by its own raised threshold, and which view's it is."""
    return loudest_of(row, len(VIEWS))


@kernel
def shown(row):  # type: ignore[no-untyped-def]
    """Return what is told of a value: the loudest view of the value alone where that is out of bounds, else of all."""
    highest, which = loudest_of(row, SIZED)
    return (highest, which) if highest > 1 else loudest(row)


@kernel
def loudest_of(row, views):  # type: ignore[no-untyped-def]
    """Return the highest score among so many of the views, and which view's it is: without a season, the level's."""
    highest, which = 0.0, SEASON
    for view in range(views):
        how = row.views[view] / (1.0 + row.raised[view])
        if how > highest or (view == LEVEL and how == highest):
            highest, which = how, view
    return highest, which


@kernel
def pace(row, at_s, rule):  # type: ignore[no-untyped-def]
    """Learn the usual step between values, and with it the bound and how soon raised thresholds are forgotten.

    The bound is what a normal error passes `alarms_per_day` times a day, so it is higher where values are frequent.
    """
    if row.seen > 0 and at_s > row.judged_at_s:
        step_s = at_s - row.judged_at_s
        if row.seen > rule.warmup:
            step_s = min(step_s, 4 * row.step_s)
        row.step_s = moved(row.step_s, step_s, gain_after(row.seen - 1, STEP_GAIN))
    if row.bound == 0 or row.seen <= rule.warmup or row.seen % 64 == 0:
        per_value = rule.alarms_per_day * row.step_s / DAY_S
        row.bound = HEAVY * normal_bound(min(per_value, 0.25))
        heard = max(ALARMS_PER_PROMISED * per_value, ALARMS_PER_VALUE * rule.alarms_per_day)
        row.fade = min(RAISE * heard / len(VIEWS), 0.5)


@kernel
def learn_errors(row, at_s, rule):  # type: ignore[no-untyped-def]
    """Fold the errors of a value into what each view is usually off by."""
    warm = row.seen >= rule.warmup
    row.streak = min(row.streak + 1, STREAK_MOST) if warm and loudest(row)[0] > 1 else 0
    gain = gain_after(row.seen, SQUARE_GAIN)
    for view in range(MEASURED):
        error = row.errors[view]
        if warm:
            most = max(CLIP * usual_error(row, view, at_s), SHARE_PER_VALUE * row.streak * abs(error))
            error = clamp(error, most)
        if view < SIZED:
            if row.squares[view] > 0:
                row.size_sums[view] += min(error * error / row.squares[view], LARGEST_SIZE)
            error /= size_at(row, view, at_s)
        row.squares[view] = moved(row.squares[view], error * error, gain)
    row.size_count += 1


@kernel
def learn_losses(row):  # type: ignore[no-untyped-def]
    """Fold the errors of level, day and week into their losses, from when there is a day to compare."""
    if not row.known & DAY_KNOWN:
        return
    gain = gain_after(row.compared, LOSS_GAIN)
    for k, error in enumerate((row.errors[LEVEL], row.day_error, row.errors[SEASON])):
        most = CLIP * row.losses[k] if row.compared > 1 / LEVEL_GAIN else math.inf
        row.losses[k] = moved(row.losses[k], min(abs(error), max(most, SMALLEST)), gain)
    row.compared = min(row.compared + 1, 1_000_000)


@kernel
def learn_usual(row, value, rule):  # type: ignore[no-untyped-def]
    """Fold a value into the mean of late, and into what it is usually off by."""
    miss = miss_of(row, value)
    if row.known & DAY_KNOWN:
        row.usual_day += USUAL_GAIN * (row.day_error + row.day_offset - row.usual_day)
    row.usual = moved(row.usual, value, gain_after(row.seen, USUAL_GAIN))
    if row.seen >= rule.warmup:
        most = CLIP * max(math.sqrt(row.usual_square), RESOLUTION * abs(row.usual), SMALLEST)
        row.far = min(row.far + 1, STREAK_MOST) if abs(miss) > most else 0
        miss = clamp(miss, max(most, SHARE_PER_VALUE * row.far * abs(miss)))
    row.usual_square = moved(row.usual_square, miss * miss, gain_after(row.seen, USUAL_SQUARE_GAIN))


@kernel
def learn(row, value, at_s, rule):  # type: ignore[no-untyped-def]
    """Fold a value that was looked at into the row: its errors' sizes, the profiles, the means."""
    if value < 0:
        row.signed = 1
    learn_usual(row, value, rule)
    if row.season_s == rule.season_s:
        learn_errors(row, at_s, rule)
        learn_losses(row)
        if row.known & DAY_KNOWN:
            row.day_offset += LEVEL_GAIN * row.day_error
        if row.known & WEEK_KNOWN:
            row.week_offset += LEVEL_GAIN * row.errors[SEASON]
    learn_profiles(row, value, at_s, rule)
    row.drift = row.errors[DRIFT]
    row.fast = moved(row.fast, value, gain_after(row.seen, FAST_GAIN))
    # A few values move the mean of long only so far: it is as it was soon after they are over.
    ahead = value - row.slow
    row.slow += gain_after(row.seen, SLOW_GAIN) * (believed(row, ahead) if row.seen > 1 / LEVEL_GAIN else ahead)
    gain = gain_after(row.seen, LONG_GAIN)
    if row.seen:
        row.stray = moved(row.stray, abs(value - row.mean), gain)
    row.mean = moved(row.mean, value, gain)
    row.level = moved(row.level, value, gain_after(row.seen, LEVEL_GAIN))
    row.seen = min(row.seen + 1, 1_000_000)
