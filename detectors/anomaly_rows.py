"""The row of one series, and the formulas over it: what is expected, how unusual a value is, what is learned."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detectors.compiled import kernel
from detectors.statistics import clamp, gain_after, gain_of, moved, place_in_season
from topics.settings import Settings

SLOTS = 96
RING = 8

# A series that never moves has no error to measure in: a thousandth of its level is the least that counts as one.
RESOLUTION = 1e-3
SMALLEST = 1e-300
HIGHEST_SCORE = 1e6

# What a reading beyond CLIP usual errors teaches is cut to that, but not below a share of what it says, which grows
# with every such reading in a row: a spike leaves the scale alone, a series that moved for good is believed in the end.
CLIP = 6.0
SHARE_PER_READING = 0.005
STREAK_MOST = 200

# The season is used where it lowers the loss by this factor; how fast a slot of its profile follows, season by season.
SEASON_MARGIN = 0.9
SEASON_GAIN = 0.25


class Rule(NamedTuple):
    """The settings as the kernels take them, all float64; gains are the weights of one reading."""

    season_s: float
    alarm: float
    warmup: float
    bucket_s: float
    missing: float
    missing_least_s: float
    late_s: float
    level_gain: float
    spread_gain: float


def rule_of(settings: Settings) -> Rule:
    """Return what the kernels need of the settings."""
    its = settings.anomaly
    return Rule(
        season_s=max(1.0, float(its.season_s)),
        alarm=float(its.alarm),
        warmup=float(its.warmup),
        bucket_s=max(0.1, float(its.bucket_s)),
        missing=float(its.missing),
        missing_least_s=float(its.missing_least_s),
        late_s=float(settings.late_s),
        level_gain=gain_of(its.level_half_life),
        spread_gain=gain_of(its.spread_half_life),
    )


# One series. In words, beside what the names say:
#   level, offset        tracked level; tracked distance from the profile
#   *_square             mean square of the errors of either expectation; *_loss: their mean size, over about one season
#   anchor, profile      the profile is kept as distances from a first value; known: a bit for each slot that holds one
#   slot*                the slot being filled, and its sum
#   value, error         the last value judged, and its distance from the expected in usual errors
#   score                how unusual the last value was, before it is known to be the begin of an excursion
#   streak               how many values in a row were far out of the usual
#   doubt                for so many readings more, one that is a little out of the band is believed to be anomalous
#   since_s, said_at_s, peak, back   of the excursion: its begin, when and how high it was said, readings back inside
#   interval_s, jitter_s the usual time between readings, and how far it strays
#   sums, filled, bucket, newest, closed   of deltas: the open buckets, the oldest and the newest, the last one closed
ROW = np.dtype(
    [
        *[(name, "f8") for name in ("level", "level_square", "level_loss", "offset", "season_square", "season_loss")],
        *[(name, "f8") for name in ("season_s", "anchor", "slot_sum", "value", "judged_at_s", "since_s", "said_at_s")],
        *[(name, "f8") for name in ("last_at_s", "interval_s", "jitter_s", "counter", "bucket_s")],
        *[(name, "i8") for name in ("slot", "first_ms", "last_ms", "missing_ms", "bucket_ms")],
        *[(name, "i8") for name in ("bucket", "newest", "closed")],
        ("sums", "f8", RING),
        ("error", "f4"),
        ("score", "f4"),
        ("peak", "f4"),
        *[(name, "i4") for name in ("seen", "season_seen", "slot_count", "heard", "late_deltas")],
        *[(name, "u1") for name in ("kind", "ignored", "silent", "excursion", "told", "back", "streak", "doubt")],
        ("filled", "u1", RING),
        ("known", "u1", SLOTS // 8),
        ("profile", "f4", SLOTS),
    ]
)


@kernel
def knows(row, slot):  # type: ignore[no-untyped-def]
    """Return whether the profile holds a value for a slot."""
    return (row.known[slot >> 3] >> (slot & 7)) & 1 == 1


@kernel
def profile_at(row, at_s):  # type: ignore[no-untyped-def]
    """Return what the profile expects at a time, between the middles of two slots, and whether it expects anything."""
    if row.season_s <= 0:
        return 0.0, False
    place = place_in_season(at_s, row.season_s) * SLOTS - 0.5
    share = place - math.floor(place)
    left = math.floor(place) % SLOTS
    right = (left + 1) % SLOTS
    own = right if share >= 0.5 else left
    if not knows(row, own):
        return 0.0, False
    if not (knows(row, left) and knows(row, right)):
        return row.anchor + row.profile[own], True
    return row.anchor + (1 - share) * row.profile[left] + share * row.profile[right], True


@kernel
def expect(row, at_s, rule):  # type: ignore[no-untyped-def]
    """Return the value that is expected at a time, and the usual error: of the profile where it has the lower loss."""
    least = max(RESOLUTION * abs(row.level), SMALLEST)
    if row.season_seen >= rule.warmup and row.season_loss < SEASON_MARGIN * row.level_loss:
        base, known = profile_at(row, at_s)
        if known:
            return base + row.offset, max(math.sqrt(row.season_square), least)
    return row.level, max(math.sqrt(row.level_square), least)


@kernel
def score(row, value, at_s, rule):  # type: ignore[no-untyped-def]
    """Return how unusual a value is, without learning from it: above 1 is anomalous, 0 while the row warms up."""
    if row.seen < rule.warmup:
        return 0.0
    expected, spread = expect(row, at_s, rule)
    return min(abs(value - expected) / (rule.alarm * spread), HIGHEST_SCORE)


@kernel
def believed(row, value, at_s, rule):  # type: ignore[no-untyped-def]
    """Return the value as it is to be learned, and count how many in a row were far out of the usual."""
    if row.seen < rule.warmup:
        return value
    expected, spread = expect(row, at_s, rule)
    surprise = value - expected
    row.streak = min(row.streak + 1, STREAK_MOST) if abs(surprise) > CLIP * spread else 0
    return expected + clamp(surprise, max(CLIP * spread, SHARE_PER_READING * row.streak * abs(surprise)))


@kernel
def learn_profile(row, value, at_s, rule):  # type: ignore[no-untyped-def]
    """Fold a value into the slot of its time of day; one older than the slot being filled teaches the level alone."""
    if row.season_s != rule.season_s:
        row.season_s, row.anchor = rule.season_s, value
        row.known[:] = 0
        row.season_seen, row.slot_count, row.slot_sum, row.slot = 0, 0, 0.0, -1
    slot = math.floor(at_s / rule.season_s * SLOTS)
    if slot > row.slot:
        if row.slot_count > 0:
            k = row.slot % SLOTS
            mean = row.slot_sum / row.slot_count
            row.profile[k] = moved(row.profile[k], mean, SEASON_GAIN) if knows(row, k) else mean
            row.known[k >> 3] |= 1 << (k & 7)
        row.slot, row.slot_sum, row.slot_count = slot, 0.0, 0
    if slot == row.slot:
        row.slot_sum += value - row.anchor
        row.slot_count += 1


@kernel
def learn_season(row, value, at_s, rule):  # type: ignore[no-untyped-def]
    """Move what is known of the season, and the losses of both expectations, towards a value."""
    base, known = profile_at(row, at_s)
    if known and row.season_s == rule.season_s:
        if row.season_seen == 0:
            row.offset = value - base
        error = value - base - row.offset
        slow = gain_after(row.season_seen, max(1e-4, min(0.05, row.interval_s / rule.season_s)))
        row.season_loss = moved(row.season_loss, abs(error), slow)
        row.level_loss = moved(row.level_loss, abs(value - row.level), slow)
        row.season_square = moved(row.season_square, error * error, gain_after(row.season_seen, rule.spread_gain))
        row.offset += rule.level_gain * error
        row.season_seen = min(row.season_seen + 1, 1_000_000)
    learn_profile(row, value, at_s, rule)


@kernel
def learn(row, value, at_s, rule):  # type: ignore[no-untyped-def]
    """Fold a value into the row: its level, the size of its errors, its season."""
    value = believed(row, value, at_s, rule)
    learn_season(row, value, at_s, rule)
    if row.seen == 0:
        row.level = value
    else:
        miss = value - row.level
        row.level_square = moved(row.level_square, miss * miss, gain_after(row.seen - 1, rule.spread_gain))
        row.level += gain_after(row.seen, rule.level_gain) * miss
    row.seen = min(row.seen + 1, 1_000_000)
