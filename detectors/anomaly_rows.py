"""The row of one series, the settings as kernels take them, and the profiles of the season: by day and by week."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detectors.compiled import kernel
from detectors.statistics import moved, place_in_season
from topics.settings import Settings

RING = 8

# The profile by day has slots of half an hour, the one by week of an hour, where a season is a day; the size of errors
# is known for two hours of it at a time. How much of a slot's value a new season replaces.
DAY, WEEK, SEASONS, SIZES = 48, 168, 7, 12
DAY_GAIN, WEEK_GAIN, SIZE_GAIN = 0.15, 0.3, 0.15
DAY_S = 86_400.0

# What a person has called usual is forgotten, but for a third, in so many days.
EXCUSED_DAYS = 90.0

# The views of a value, in the order of their numbers: against the season, against the level, against whatever comes
# nearest; the errors of late together; the mean of late against the mean of long; the latest errors, none of which
# counts for more than its bound.
VIEWS = ("season", "level", "nearest", "drift", "shift", "lasting")
SEASON, LEVEL, NEAREST, DRIFT, SHIFT, LASTING = range(6)
SIZED, MEASURED = 3, 5
"""The views before these measure errors by the time of the season, and in usual errors of their own."""


class Rule(NamedTuple):
    """The settings as the kernels take them, all float64."""

    season_s: float
    alarms_per_day: float
    warmup: float
    bucket_s: float
    missing: float
    missing_least_s: float
    late_s: float


def rule_of(settings: Settings) -> Rule:
    """Return what the kernels need of the settings."""
    its = settings.anomaly
    return Rule(
        season_s=max(1.0, float(its.season_s)),
        alarms_per_day=float(its.alarms_per_day),
        warmup=float(its.warmup),
        bucket_s=max(0.1, float(its.bucket_s)),
        missing=float(its.missing),
        missing_least_s=float(its.missing_least_s),
        late_s=float(settings.late_s),
    )


# One series. In words, beside what the names say:
#   level, fast, slow    means of the latest values, of ten, five and a hundred of them
#   mean, stray          of all values, and how far they are from it in the mean
#   worth                how much a score counts for the last value: half where it is usual in the long run, else all
#   usual, usual_day     mean of the latest thirty, and of their distance from the day; usual_square: the mean square of
#                        what that misses by: for the joint judgement
#   day_offset, week_offset  how far the series is from its profiles of late; drift: from what was expected
#   lasting              mean of the latest three errors of the nearest view, in bounds, each at most one
#   losses               how far level, day and week are off, in the long run; compared: over how many values
#   errors, day_error    of the last value by each view, and by the day; known: whether there was a day (1), a week (2)
#   squares              mean square of each view's errors
#   views                the score of the last value by each view, before `raised`; raised: by how much more than 1 a
#                        view must say to be heard, since it was heard too often
#   step_s               the usual time between values; bound: how many usual errors are a score of 1; fade: how much of
#                        `raised` is forgotten a value
#   anchor, day, week    the profiles, as distances from a first value; *_known: a bit for each slot with a value
#   *_slot               the slot being filled, counted from 1970; its sum, and of how many values
#   sizes, sizes_known   how large squared errors are at a time of the season, as shares of `squares`; of how many days
#   value, error         the last value judged, and its distance from `usual` in what that is usually off by
#   peak                 the score of the last alarm, fading: what is not well above it is nothing new
#   waited, wait         values since the excursion was said, and after how many it is said again; back: values in band
#   alarms, days         alarms said and days judged, of the last ten days or so
#   streak               how many values in a row were above the bound; far: how many were six usual errors from `usual`
#   signed               whether a value below 0 was ever judged
#   since_s, counted     of the excursion: its begin, and how often it was said
#   heights, before      of the excursion: how far out each view found it, and `raised` when it began
#   excused              errors so large a person has called usual; quiet_s, patience_s: the last silence, and how long
#                        a silence is usual for the same reason
#   interval_s, jitter_s the usual time between readings, and how far it strays
#   sums, filled, bucket, newest, closed   of deltas: the open buckets, the oldest and the newest, the last one closed
ROW = np.dtype(
    [
        *[
            (name, "f8")
            for name in ("level", "fast", "slow", "mean", "stray", "day_offset", "week_offset", "drift", "anchor")
        ],
        *[(name, "f8") for name in ("usual", "usual_day", "usual_square")],
        *[(name, "f8") for name in ("season_s", "step_s", "day_sum", "week_sum")],
        ("losses", "f8", 3),
        ("squares", "f8", MEASURED),
        ("errors", "f8", len(VIEWS)),
        ("day_error", "f8"),
        ("size_sums", "f8", SIZED),
        *[(name, "f8") for name in ("value", "judged_at_s", "since_s", "last_at_s")],
        *[(name, "f8") for name in ("interval_s", "jitter_s", "counter", "bucket_s")],
        *[(name, "i8") for name in ("day_slot", "week_slot", "first_ms", "last_ms", "missing_ms", "bucket_ms")],
        *[(name, "i8") for name in ("bucket", "newest", "closed")],
        ("sums", "f8", RING),
        ("views", "f4", len(VIEWS)),
        ("raised", "f4", len(VIEWS)),
        ("before", "f4", len(VIEWS)),
        ("heights", "f4", len(VIEWS)),
        ("excused", "f4", len(VIEWS)),
        *[(name, "f4") for name in ("quiet_s", "patience_s")],
        *[(name, "f4") for name in ("error", "score", "worth", "lasting", "peak", "bound", "fade", "alarms", "days")],
        ("sizes", "f4", (SIZED, SIZES)),
        ("day", "f4", DAY),
        ("week", "f4", WEEK),
        *[(name, "i4") for name in ("seen", "day_count", "week_count", "size_count", "heard", "late_deltas")],
        *[(name, "i4") for name in ("compared", "waited", "wait", "counted")],
        *[(name, "u1") for name in ("kind", "ignored", "silent", "excursion", "told", "back", "streak")],
        *[(name, "u1") for name in ("far", "known", "signed")],
        ("filled", "u1", RING),
        ("day_known", "u1", DAY // 8),
        ("week_known", "u1", WEEK // 8),
        ("sizes_known", "u1", SIZES),
        ("_", "u1", 3),
    ]
)


@kernel
def knows(known, slot):  # type: ignore[no-untyped-def]
    """Return whether a profile holds a value for a slot."""
    return (known[slot >> 3] >> (slot & 7)) & 1 == 1


@kernel
def usual_at(profile, known, place):  # type: ignore[no-untyped-def]
    """Return what a profile holds for a place of the season (0 to below 1), between the middles of two slots.

    And whether it does. Where the other slot has no value, that of the place's own counts: of hourly values, every
    other slot of the day stays empty.
    """
    slots = len(profile)
    place = place * slots - 0.5
    whole = math.floor(place)
    left = int(whole) % slots
    right = (left + 1) % slots
    share = place - whole
    if not (knows(known, left) and knows(known, right)):
        own = left if share < 0.5 else right
        return profile[own], knows(known, own)
    return (1 - share) * profile[left] + share * profile[right], True


@kernel
def fill_slot(profile, known, slot, mean, gain):  # type: ignore[no-untyped-def]
    """Fold the mean of a slot that is over into a profile."""
    k = slot % len(profile)
    profile[k] = moved(profile[k], mean, gain) if knows(known, k) else mean
    known[k >> 3] |= 1 << (k & 7)


@kernel
def fill_sizes(row, slot):  # type: ignore[no-untyped-def]
    """Fold the mean squares of a part of the season that is over into the row's sizes."""
    k = slot % SIZES
    gain = max(SIZE_GAIN, 1.0 / (row.sizes_known[k] + 1.0))
    for view in range(SIZED):
        row.sizes[view, k] = moved(row.sizes[view, k], row.size_sums[view] / row.size_count, gain)
        row.size_sums[view] = 0.0
    row.sizes_known[k] = min(row.sizes_known[k] + 1, 255)
    row.size_count = 0


@kernel
def begin_season(row, value, rule):  # type: ignore[no-untyped-def]
    """Forget the profiles: the season has another length now."""
    row.season_s, row.anchor = rule.season_s, value
    row.day_known[:] = 0
    row.week_known[:] = 0
    row.sizes_known[:] = 0
    row.losses[:] = 0.0
    row.size_sums[:] = 0.0
    row.day_count, row.week_count, row.size_count, row.compared = 0, 0, 0, 0
    row.day_sum, row.week_sum, row.day_slot, row.week_slot = 0.0, 0.0, -1, -1
    row.day_offset, row.week_offset = 0.0, 0.0


@kernel
def forget_excuses(row, days):  # type: ignore[no-untyped-def]
    """Forget a little of what a person called usual: if it is so no more, it is found again."""
    kept = math.exp(-days / EXCUSED_DAYS)
    row.patience_s *= kept
    for view in range(len(row.excused)):
        row.excused[view] *= kept


@kernel
def learn_profiles(row, value, at_s, rule):  # type: ignore[no-untyped-def]
    """Fold a value into the slots of its time; one older than the slot being filled teaches nothing here."""
    if row.season_s != rule.season_s:
        begin_season(row, value, rule)
    slot = math.floor(at_s / row.season_s * DAY)
    if slot > row.day_slot:
        if row.day_slot >= 0:
            forget_excuses(row, (slot - row.day_slot) * row.season_s / DAY / DAY_S)
        if row.day_count > 0:
            fill_slot(row.day, row.day_known, row.day_slot, row.day_sum / row.day_count, DAY_GAIN)
        if row.size_count > 0 and slot * SIZES // DAY > row.day_slot * SIZES // DAY:
            fill_sizes(row, row.day_slot * SIZES // DAY)
        row.day_slot, row.day_sum, row.day_count = slot, 0.0, 0
    if slot == row.day_slot:
        row.day_sum += value - row.anchor
        row.day_count += 1
    slot = math.floor(at_s / row.season_s * (WEEK // SEASONS))
    if slot > row.week_slot:
        if row.week_count > 0:
            fill_slot(row.week, row.week_known, row.week_slot, row.week_sum / row.week_count, WEEK_GAIN)
        row.week_slot, row.week_sum, row.week_count = slot, 0.0, 0
    if slot == row.week_slot:
        row.week_sum += value - row.anchor
        row.week_count += 1


@kernel
def size_at(row, view, at_s):  # type: ignore[no-untyped-def]
    """Return how large errors usually are at a time of the season, as a share of their size at all times."""
    if row.season_s <= 0:
        return 1.0
    k = int(place_in_season(at_s, row.season_s) * SIZES) % SIZES
    if row.sizes_known[k] < 2:
        return 1.0
    return min(max(math.sqrt(row.sizes[view, k]), 0.25), 4.0)
