"""What a chunk of readings does to the rows: kinds of readings, buckets, silences, excursions, and the loops."""

from __future__ import annotations

import math

import numpy as np

from detectors.anomaly_rows import RING, expect, learn, score
from detectors.compiled import kernel
from detectors.statistics import gain_after, moved

NEVER = np.iinfo(np.int64).max
# A row remembers the kind of its readings, counted from 1; they come counted from 0.
GAUGE, DELTA, TOTAL = 1, 2, 3

# What can be said at once of one series, as bits: an excursion, its end, a silence, its end.
UNUSUAL, CALM, SILENT, HEARD_AGAIN = 1, 2, 4, 8

# One reading a little out of the band is often chance: an excursion begins at a score above SURE, or at one above 1
# within DOUBT_READINGS of another above DOUBT. It is over after BACK readings in the band.
SURE = 2.0
DOUBT = 0.5
DOUBT_READINGS = 2
BACK = 3
LOUDER = 2.0
SAY_AGAIN_S = 30.0
GRACE_S = 2.0
ZEROS_MOST = 60
INTERVAL_GAIN = 0.05
LARGEST_RATE = 1e30

# What is said of one series, before it becomes a record; `index` is the reading's, -1 where time passed.
NOTE = np.dtype(
    [("index", "i8"), ("row", "i8"), ("code", "i8"), ("judged", "i8")]
    + [(name, "f8") for name in ("at_s", "value", "expected", "width", "score", "since_s", "silent_since_s")]
)


@kernel
def take_score(row, how, at_s):  # type: ignore[no-untyped-def]
    """Begin, go on with, or end the row's excursion; return the score as it counts: above 1 only if believed."""
    counts = how if how > SURE or row.excursion or row.doubt else min(how, 1.0)
    row.doubt = DOUBT_READINGS if how > DOUBT else max(row.doubt, 1) - 1
    if counts > 1:
        row.back = 0
        if not row.excursion:
            row.excursion, row.since_s, row.peak = 1, at_s, 0.0
    elif row.excursion:
        row.back += 1
        if row.back >= BACK:
            row.excursion, row.back = 0, 0
    return counts


@kernel
def begin_rows(rows, scores, at_s, threshold, begins):  # type: ignore[no-untyped-def]
    """Mark where excursions of one series begin, by `take_score` alone, where `threshold` counts as 1."""
    row = rows[0]
    for i in range(len(scores)):
        before = row.excursion
        take_score(row, scores[i] / threshold, at_s[i])
        begins[i] = row.excursion and not before


@kernel
def judge_value(row, value, at_s, late, rule, note):  # type: ignore[no-untyped-def]
    """Judge a value and learn it: begin or end the row's excursion, and note the most unusual, else the last, value."""
    expected, spread = expect(row, at_s, rule)
    how = score(row, value, at_s, rule)
    row.score = how
    row.value, row.judged_at_s = value, at_s
    row.error = min(max((value - expected) / spread, -1e9), 1e9) if row.seen >= rule.warmup else 0.0
    how = min(how, 1.0) if late else take_score(row, how, at_s)
    if how > note.score or note.score <= 1:
        note.judged, note.at_s, note.value, note.expected, note.score = 1, at_s, value, expected, how
        note.width, note.since_s = rule.alarm * spread, row.since_s
    learn(row, value, at_s, rule)


@kernel
def tell(row, note):  # type: ignore[no-untyped-def]
    """Return what is to be said of the row's excursion: its begin, that it grows or lasts, its end; mostly nothing."""
    if not note.judged:
        return 0
    if note.score > 1:
        if row.told and note.score < LOUDER * row.peak and note.at_s - row.said_at_s < SAY_AGAIN_S:
            return 0
        row.peak = max(note.score, row.peak if row.told else 0.0)
        row.told, row.said_at_s = 1, note.at_s
        return UNUSUAL
    if row.told and not row.excursion:
        row.told = 0
        return CALM
    return 0


@kernel
def hear(row, at_s, clock_ms, late, rule, note):  # type: ignore[no-untyped-def]
    """Note that a series speaks: end its silence, learn its usual interval, and set when it will be missing.

    Readings may come in bunches, and history faster than it happened: the larger of both clocks' steps counts.
    """
    code = 0
    if row.silent:
        row.silent = 0
        code = HEARD_AGAIN
        note.silent_since_s = row.last_at_s
    if row.heard > 0:
        step_s = max((clock_ms - row.last_ms) / 1000, at_s - row.last_at_s, 0.0)
        if row.heard > rule.warmup:
            step_s = min(step_s, 2 * silence_s(row, rule))
        gain = gain_after(row.heard - 1, INTERVAL_GAIN)
        row.interval_s = moved(row.interval_s, step_s, gain)
        row.jitter_s = moved(row.jitter_s, abs(step_s - row.interval_s), gain)
    row.heard = min(row.heard + 1, 1_000_000)
    row.last_ms = clock_ms
    row.last_at_s = max(row.last_at_s, at_s)
    row.missing_ms = NEVER
    if row.heard > rule.warmup and not late:
        row.missing_ms = clock_ms + int(1000 * silence_s(row, rule))
    return code


@kernel
def silence_s(row, rule):  # type: ignore[no-untyped-def]
    """Return how long a silence is unusual: an irregular series is given more time than a regular one."""
    return max(rule.missing_least_s, rule.missing * (row.interval_s + 4 * row.jitter_s))


@kernel
def rate_of(row, total, at_s):  # type: ignore[no-untyped-def]
    """Return how fast a counter rose since its last reading, per second, and whether that can be told.

    A counter that fell has restarted from zero: what it shows now, it rose since.
    """
    elapsed_s = at_s - row.last_at_s
    if row.heard == 0 or elapsed_s <= 0:
        return 0.0, False
    rise = total - row.counter if total >= row.counter else total
    return min(max(rise / elapsed_s, 0.0), LARGEST_RATE), True


@kernel
def open_end_ms(row):  # type: ignore[no-untyped-def]
    """Return when the log's clock closes the oldest open bucket."""
    if row.newest < row.bucket:
        return NEVER
    return math.ceil(((row.bucket + 1) * row.bucket_s + GRACE_S) * 1000)


@kernel
def close_bucket(row, clock_ms, rule, note):  # type: ignore[no-untyped-def]
    """Judge the oldest open bucket as a rate, after zeros for the empty ones before it; a late one only teaches."""
    k = row.bucket
    first = max(row.closed + 1, k - ZEROS_MOST) if row.closed >= 0 else k
    for b in range(first, k + 1):
        value = row.sums[k % RING] / row.bucket_s if b == k else 0.0
        end_s = (b + 1) * row.bucket_s
        late = clock_ms / 1000 - end_s > rule.late_s
        judge_value(row, min(max(value, -LARGEST_RATE), LARGEST_RATE), end_s, late, rule, note)
    row.sums[k % RING] = 0.0
    row.filled[k % RING] = 0
    row.closed = k
    k += 1
    while k <= row.newest and not row.filled[k % RING]:
        k += 1
    row.bucket = k
    row.bucket_ms = open_end_ms(row)


@kernel
def add_delta(row, value, at_s, clock_ms, rule, note):  # type: ignore[no-untyped-def]
    """Add a delta to its bucket; one for a bucket that is closed is counted as late, and lost to the rate alone."""
    if row.bucket_s != rule.bucket_s:
        row.bucket_s = rule.bucket_s
        row.bucket, row.newest, row.closed = 0, -1, -1
        row.sums[:] = 0.0
        row.filled[:] = 0
    k = math.floor(at_s / row.bucket_s)
    if k <= row.closed or (row.newest >= row.bucket and row.newest - k >= RING):
        row.late_deltas += 1
        return
    while row.newest >= row.bucket and k - row.bucket >= RING:
        close_bucket(row, clock_ms, rule, note)
    row.bucket = k if row.newest < row.bucket else min(row.bucket, k)
    row.newest = max(row.newest, k)
    row.sums[k % RING] += value
    row.filled[k % RING] = 1
    row.bucket_ms = open_end_ms(row)


@kernel
def judge_reading(row, kind, value, at_s, clock_ms, late, rule, note):  # type: ignore[no-untyped-def]
    """Fold one reading into its row; return what is to be said, as bits."""
    if kind == TOTAL:
        rate, known = rate_of(row, value, at_s)
        if row.heard > 0 and at_s <= row.last_at_s:
            return 0
        row.counter = value
        code = hear(row, at_s, clock_ms, late, rule, note)
        if known:
            judge_value(row, rate, at_s, late, rule, note)
    elif kind == DELTA:
        code = hear(row, at_s, clock_ms, late, rule, note)
        add_delta(row, value, at_s, clock_ms, rule, note)
    else:
        code = hear(row, at_s, clock_ms, late, rule, note)
        judge_value(row, value, at_s, late, rule, note)
    return code | tell(row, note)


@kernel
def judge_rows(  # type: ignore[no-untyped-def]
    rows, blank, ids, kinds, value, at_s, clock_ms, late, start, end, rule, notes, scores
):
    """Fold records start..end into their rows, in log order; return the notes taken, and when something is next due.

    The highest score of the values that a record led to is left in `scores`, 0 where there was none.
    """
    taken = 0
    due_ms = NEVER
    for i in range(start, end):
        scores[i] = 0.0
        kind = kinds[i] + 1
        if ids[i] < 0 or kind > TOTAL:
            continue
        row = rows[ids[i]]
        if row.ignored:
            continue
        if row.kind != kind:
            if row.kind != 0:
                rows[ids[i]] = blank[0]
            row.kind, row.first_ms = kind, clock_ms[i]
            row.missing_ms, row.bucket_ms, row.newest, row.closed = NEVER, NEVER, -1, -1
        note = notes[taken]
        note.score, note.judged, note.index, note.row = 0.0, 0, i, ids[i]
        note.code = judge_reading(row, kind, value[i], at_s[i], clock_ms[i], late[i], rule, note)
        scores[i] = row.score if note.judged else 0.0
        taken += note.code != 0
        due_ms = min(due_ms, row.missing_ms, row.bucket_ms)
    return taken, due_ms


@kernel
def pass_row(row, clock_ms, rule, note):  # type: ignore[no-untyped-def]
    """Close a row's buckets that are due and find its silence; return what is to be said, as bits."""
    while row.bucket_ms <= clock_ms:
        close_bucket(row, clock_ms, rule, note)
    code = tell(row, note)
    if row.missing_ms <= clock_ms:
        row.missing_ms, row.silent = NEVER, 1
        note.silent_since_s = row.last_at_s
        code |= SILENT
    return code


@kernel
def pass_rows(rows, ids, ready, clock_ms, rule, touched, notes):  # type: ignore[no-untyped-def]
    """Do what is due in those of the rows `ids` that are ready; return the notes taken, and the next due in any row."""
    taken = 0
    due_ms = NEVER
    for i in range(len(ids)):
        row = rows[ids[i]]
        if row.kind == 0:
            continue
        if ready[i] and (row.bucket_ms <= clock_ms or row.missing_ms <= clock_ms):
            touched[i] = True
            note = notes[taken]
            note.score, note.judged, note.index, note.row = 0.0, 0, -1, ids[i]
            note.code = pass_row(row, clock_ms, rule, note)
            taken += note.code != 0
        due_ms = min(due_ms, row.missing_ms, row.bucket_ms)
    return taken, due_ms
