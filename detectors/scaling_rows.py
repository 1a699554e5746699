"""The rows of scaling: a series' readings in buckets of its own time, fed to its forecast when they are over."""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import kernel
from detectors.forecast import Forecast, fit, learn
from topics.metrics import KINDS

DELTA, TOTAL = KINDS.index("delta"), KINDS.index("total")
BUCKETS = 32
REGRET_GAIN = 0.003
WINDOWS = 16
GRACE_MS = 3_000

# One series. Its readings are gathered in buckets of one step, by their own time; one that is over feeds the forecast.
# step_s               length of a bucket; newest, fed: the number of the latest bucket, and of the last that is over
# sums, counts         of a bucket, at its number modulo BUCKETS; opened_ms: the log's clock when the newest began
# delta                1 where readings are deltas
# last, last_at_s      the latest reading as it came
# now                  the value of the last bucket that is over
# first_ms, weighed_ms  since when, and when last, the need was weighed without a break; due_ms: when next, 0: never
# said_ms, said        when a proposal was last said, and how many replicas it wanted; 0: none is open
# weighed              how often replicas were held against the load
# asked, idle, short   the load lately, the capacity that lay idle beside it, and the load that there was no capacity for
# window, highest      of each part of the stabilisation time, its number and the highest need in it
Row = np.dtype(
    [
        ("forecast", Forecast),
        ("step_s", "f8"),
        ("newest", "i8"),
        ("fed", "i8"),
        ("opened_ms", "i8"),
        ("delta", "i8"),
        ("sums", "f8", BUCKETS),
        ("counts", "i8", BUCKETS),
        ("last", "f8"),
        ("last_at_s", "f8"),
        ("now", "f8"),
        ("first_ms", "i8"),
        ("weighed_ms", "i8"),
        ("due_ms", "i8"),
        ("said_ms", "i8"),
        ("said", "f8"),
        ("weighed", "i8"),
        ("asked", "f8"),
        ("idle", "f8"),
        ("short", "f8"),
        ("window", "i8", WINDOWS),
        ("highest", "f8", WINDOWS),
    ]
)


@kernel
def pour(row, step_s, value, at_s, kind, clock_ms):  # type: ignore[no-untyped-def]
    """Put a reading into its bucket; one that is older than all buckets is left out."""
    number = np.int64(math.floor(at_s / step_s))
    if row.step_s != step_s:
        row.step_s, row.newest, row.opened_ms = step_s, number, clock_ms
        # Of the first second only a part was seen, which would be too small a sum.
        row.fed = number if kind == DELTA else number - 1
        row.counts[:] = 0
        row.now = np.nan
    amount, counts = value, True
    if kind == TOTAL:
        elapsed_s = at_s - row.last_at_s
        counts = row.last_at_s > 0.0 and elapsed_s > 0.0
        if counts:
            amount = (value - row.last if value >= row.last else value) / elapsed_s
    if at_s >= row.last_at_s:
        row.last, row.last_at_s = value, at_s
    row.delta = 1 if kind == DELTA else 0
    if number > row.newest:
        for passed in range(max(row.newest + 1, number - BUCKETS + 1), number + 1):
            row.counts[passed % BUCKETS] = 0
        row.newest, row.opened_ms = number, clock_ms
    if counts and number > row.newest - BUCKETS:
        slot = number % BUCKETS
        row.sums[slot] = amount if row.counts[slot] == 0 else row.sums[slot] + amount
        row.counts[slot] += 1


@kernel
def next_beat_ms(clock_ms, every_ms):  # type: ignore[no-untyped-def]
    """Return when a need is next to be weighed: just when a bucket is over."""
    return ((clock_ms - GRACE_MS) // every_ms + 1) * every_ms + GRACE_MS


@kernel
def pour_rows(rows, ids, value, at_s, kind, clock_ms, start, end, steps_s, every_ms):  # type: ignore[no-untyped-def]
    """Put each reading into its row; a row whose need is to be weighed, and is not, becomes due at its next beat."""
    for i in range(start, end):
        r = ids[i]
        if r < 0 or steps_s[r] == 0.0:
            continue
        pour(rows[r], steps_s[r], value[i], at_s[i], kind[i], clock_ms[i])
        if rows[r].due_ms == 0 and every_ms[r] > 0:
            rows[r].due_ms = next_beat_ms(clock_ms[i], every_ms[r])


@kernel
def over_until(row, clock_ms, silent_ms):  # type: ignore[no-untyped-def]
    """Return the number of the last bucket that is over: both by the log's clock and by what the series itself says.

    The clock alone would close the buckets of readings that come late one by one; the series alone would believe a
    producer whose clock is ahead. Deltas that stay out for long are nought, so their buckets pass with the clock.
    """
    step_ms, open_ms = 1000.0 * row.step_s, clock_ms - row.opened_ms
    heard = row.newest - 2
    if open_ms >= GRACE_MS:
        heard += 1
    if open_ms >= GRACE_MS + step_ms:
        heard += 1
    if row.delta == 1 and open_ms >= max(silent_ms, GRACE_MS + step_ms):
        heard = row.newest + np.int64(math.floor((open_ms - GRACE_MS) / step_ms)) - 1
    return min(heard, np.int64(math.floor((clock_ms - GRACE_MS) / step_ms)) - 1)


@kernel
def feed(row, clock_ms, silent_ms, horizon, season_s, quantile):  # type: ignore[no-untyped-def]
    """Feed the buckets that are over to the forecast, and return how many there were."""
    fit(row.forecast, row.step_s, horizon, season_s)
    until = over_until(row, clock_ms, silent_ms)
    first = max(row.fed + 1, until - BUCKETS + 1)
    for number in range(first, until + 1):
        slot, value = number % BUCKETS, np.nan
        if row.newest - BUCKETS < number <= row.newest and row.counts[slot] > 0:
            value = max(0.0, row.sums[slot] / (row.step_s if row.delta == 1 else row.counts[slot]))
        elif row.delta == 1:
            value = 0.0
        learn(row.forecast, value, number * row.step_s, quantile)
        if not np.isnan(value):
            row.now = value
    row.fed = max(row.fed, until)
    return max(0, until - first + 1)


@kernel
def regret(row, asked, capacity):  # type: ignore[no-untyped-def]
    """Hold the capacity that there is against the load that is asked, both in the load's units."""
    gain = max(REGRET_GAIN, 1.0 / (row.weighed + 1.0))
    row.asked += gain * (asked - row.asked)
    row.idle += gain * (max(0.0, capacity - asked) - row.idle)
    row.short += gain * (max(0.0, asked - capacity) - row.short)
    row.weighed += 1


@kernel
def peak_of(now, upper, headroom):  # type: ignore[no-untyped-def]
    """Return the load to size for: that of now, or what may come by the time a new replica works, with headroom.

    Before there is a forecast (NaN), that of now: a cold start only reacts.
    """
    return now if np.isnan(upper) else max(now, headroom * upper)


@kernel
def steady(row, wanted, have, clock_ms, patience_ms, break_ms):  # type: ignore[no-untyped-def]
    """Return how many replicas to have: more at once, fewer only as many as were never needed for `patience_ms`.

    A need that was not weighed for longer than `break_ms` is not known to have stayed below: patience begins anew.
    """
    if clock_ms > row.weighed_ms + break_ms:
        row.first_ms = clock_ms
        row.window[:] = -1
    row.weighed_ms = clock_ms
    part_ms = max(1, patience_ms // (WINDOWS - 2))
    number = clock_ms // part_ms
    slot = number % WINDOWS
    row.highest[slot] = wanted if row.window[slot] != number else max(row.highest[slot], wanted)
    row.window[slot] = number
    if wanted >= have:
        return wanted
    if clock_ms < row.first_ms + patience_ms:
        return have
    highest = wanted
    for k in range(WINDOWS):
        if (row.window[k] + 1) * part_ms > clock_ms - patience_ms:
            highest = max(highest, row.highest[k])
    return min(have, highest)
