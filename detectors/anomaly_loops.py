"""What a chunk of readings does to the rows: kinds of readings, buckets, silences, excursions, and the loops."""

from __future__ import annotations

import math

import numpy as np

from detectors.anomaly_excursions import count_alarm, take_views
from detectors.anomaly_rows import RING, ROW
from detectors.anomaly_views import band_of, error_of, learn, look, pace, see, shown
from detectors.compiled import kernel
from detectors.statistics import gain_after, moved
from detectors.wide import address, prefetch_lines

NEVER = np.iinfo(np.int64).max
# A row remembers the kind of its readings, counted from 1; they come counted from 0.
GAUGE, DELTA, TOTAL = 1, 2, 3

# What can be said at once of one series, as bits: an excursion, its end, a silence, its end.
UNUSUAL, CALM, SILENT, HEARD_AGAIN = 1, 2, 4, 8

GRACE_S = 2.0
ZEROS_MOST = 60

# So many readings ahead a row is brought near: of many rows, none is in a cache. Its profiles by day and week are not:
# only one slot of each is looked at.
NEXT, ROW_BYTES = 3, ROW.itemsize
assert ROW.fields is not None
PROFILES_AT, COUNTS_AT = ROW.fields["day"][1], ROW.fields["seen"][1]
INTERVAL_GAIN = 0.05
LARGEST_RATE = 1e30

# What is said of one series, before it becomes a record; `index` is the reading's, -1 where time passed.
NOTE = np.dtype(
    [(name, "i8") for name in ("index", "row", "code", "judged", "alarm", "view")]
    + [(name, "f8") for name in ("at_s", "value", "expected", "lower", "upper", "score", "since_s", "silent_since_s")]
)


@kernel
def begin_rows(rows, scores, at_s, threshold, rule, said):  # type: ignore[no-untyped-def]
    """Mark where alarms of one series are said, if `threshold` counts as 1; scores [n, views] as in the row."""
    row = rows[0]
    for i in range(len(scores)):
        pace(row, at_s[i], rule)
        for view in range(scores.shape[1]):
            row.views[view] = scores[i, view] / threshold
        _, said[i] = take_views(row, at_s[i])
        row.judged_at_s = at_s[i]
        row.seen += 1


@kernel
def judge_value(row, value, at_s, late, rule, note):  # type: ignore[no-untyped-def]
    """Judge a value and learn it: begin or end the row's excursion, and note the most unusual, else the last, value."""
    pace(row, at_s, rule)
    look(row, value, at_s)
    see(row, at_s, rule)
    how, view = shown(row)
    expected, lower, upper = band_of(row, value, view, at_s)
    row.score = how
    row.error = error_of(row, value) if row.seen >= rule.warmup else 0.0
    alarm = False
    if late:
        how = min(how, 1.0)
    else:
        _, alarm = take_views(row, at_s)
    count_alarm(row, alarm, at_s)
    if alarm or not note.alarm:
        note.judged, note.at_s, note.value, note.score, note.since_s = 1, at_s, value, how, row.since_s
        note.expected, note.lower, note.upper, note.view = expected, lower, upper, view
    note.alarm |= alarm
    row.value, row.judged_at_s = value, at_s
    learn(row, value, at_s, rule)


@kernel
def tell(row, note):  # type: ignore[no-untyped-def]
    """Return what is to be said of the row's excursion: that it begins, grows or lasts, or its end; mostly nothing."""
    if note.alarm:
        row.told = 1
        return UNUSUAL
    if note.judged and row.told and not row.excursion:
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
        row.quiet_s = unheard_s(row, at_s, clock_ms)
        code = HEARD_AGAIN
        note.silent_since_s = row.last_at_s
    if row.heard > 0:
        step_s = unheard_s(row, at_s, clock_ms)
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
def unheard_s(row, at_s, clock_ms):  # type: ignore[no-untyped-def]
    """Return how long ago a series was last heard."""
    return max((clock_ms - row.last_ms) / 1000, at_s - row.last_at_s, 0.0)


@kernel
def silence_s(row, rule):  # type: ignore[no-untyped-def]
    """Return how long a silence is unusual: an irregular series is given more time, and one that a person lets be."""
    return max(rule.missing_least_s, rule.missing * (row.interval_s + 4 * row.jitter_s), row.patience_s)


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
def end_ms(bucket, bucket_s):  # type: ignore[no-untyped-def]
    """Return when the log's clock closes a bucket."""
    return math.ceil(((bucket + 1) * bucket_s + GRACE_S) * 1000)


@kernel
def open_end_ms(row):  # type: ignore[no-untyped-def]
    """Return when the log's clock closes the oldest open bucket."""
    return NEVER if row.newest < row.bucket else end_ms(row.bucket, row.bucket_s)


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
    rows, blank, ids, kinds, value, at_s, clock_ms, late, start, end, rule, notes, views
):
    """Fold records start..end into their rows, in log order; return the notes taken, and when something is next due.

    What each view said of the last value that a record led to is left in `views`, 0 where there was none.
    """
    taken = 0
    due_ms = NEVER
    base = address(rows)
    for i in range(start, end):
        if i + NEXT < end and ids[i + NEXT] >= 0:
            row_at = base + ids[i + NEXT] * ROW_BYTES
            prefetch_lines(row_at, PROFILES_AT)
            prefetch_lines(row_at + COUNTS_AT, ROW_BYTES - COUNTS_AT)
        views[i, :] = 0.0
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
        note.alarm, note.judged, note.index, note.row = 0, 0, i, ids[i]
        note.code = judge_reading(row, kind, value[i], at_s[i], clock_ms[i], late[i], rule, note)
        if note.judged:
            views[i, :] = row.views
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
            note.alarm, note.judged, note.index, note.row = 0, 0, -1, ids[i]
            note.code = pass_row(row, clock_ms, rule, note)
            taken += note.code != 0
        due_ms = min(due_ms, row.missing_ms, row.bucket_ms)
    return taken, due_ms
