"""The rows of scaling: a series' readings in buckets of its own time, fed to its forecast when they are over."""

from __future__ import annotations

import math

import numpy as np

from detectors.bank import NEVER
from detectors.compiled import kernel
from detectors.forecast import Forecast, expect, fit, learn
from detectors.scaling_patience import Margin, Patience, find_ceiling, fitting, steady
from detectors.scaling_shadow import Shadow, follow, needs
from topics.metrics import KINDS

DELTA, TOTAL = KINDS.index("delta"), KINDS.index("total")
BUCKETS = 32
REGRET_GAIN = 0.003
GRACE_MS = 3_000
RESAY_MS = 15_000
TOLERANCE = 0.1
SETTLED = 5
"""So many steps after they work, what added replicas give is seen."""

# One series. Its readings are gathered in buckets of one step, by their own time; one that is over feeds the forecast.
# step_s               length of a bucket; newest, fed: the number of the latest bucket, and of the last that is over
# sums, counts         of a bucket, at its number modulo BUCKETS; opened_ms: the log's clock when the newest began
# delta                1 where readings are deltas
# last, last_at_s      the latest reading as it came
# now                  the value of the last bucket that is over
# patience, margin     what is known of past needs, and of what replicas are worth; due_ms: when to weigh next, 0: never
# ours, reactive       what two rules would have cost, had they decided
# said_ms, said        when a proposal was last said, and how many replicas it wanted; 0: none is open
# weighed              how often replicas were held against the load
# asked, idle, short   the load lately, the capacity that lay idle beside it, and the load that had no capacity
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
        ("patience", Patience),
        ("margin", Margin),
        ("ours", Shadow),
        ("reactive", Shadow),
        ("due_ms", "i8"),
        ("said_ms", "i8"),
        ("said", "f8"),
        ("weighed", "i8"),
        ("asked", "f8"),
        ("idle", "f8"),
        ("short", "f8"),
    ]
)

# How a service scales, beside the row of its load; all zeros: nothing is weighed there. step_s stands beside each of
# its series. capacity is NaN where utilisation decides, which is to be `target`.
Rule = np.dtype(
    [
        *[(name, "f8") for name in ("step_s", "season_s", "quantile", "capacity", "target", "headroom")],
        *[(name, "f8") for name in ("minimum", "maximum", "partitions")],
        *[(name, "i8") for name in ("every_ms", "horizon", "silent_ms", "patience_ms")],
    ]
)

# What came of weighing: how many buckets were fed, the forecast, and where it was possible (known) the value that
# decides now, what it comes to at its peak, the replicas that it needs, those there are (NaN: nobody says), and those
# wanted in the end; told: whether that is to be said; ceiling: more gave nothing, 0 where that held nothing back.
Outcome = np.dtype(
    [("row", "i8"), ("fed", "i8"), ("until", "i8"), ("known", "i8"), ("told", "i8")]
    + [(name, "f8") for name in ("expected", "lower", "upper", "now", "peak", "needed", "current", "wanted", "ceiling")]
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
def pour_rows(rows, ids, value, at_s, kind, clock_ms, start, end, rules):  # type: ignore[no-untyped-def]
    """Put each reading into its row; a row whose need is to be weighed, and is not, becomes due at its next beat.

    Return the first moment at which one of these is due.
    """
    soonest_ms = NEVER
    for i in range(start, end):
        r = ids[i]
        if r < 0 or rules[r].step_s == 0.0:
            continue
        pour(rows[r], rules[r].step_s, value[i], at_s[i], kind[i], clock_ms[i])
        if rows[r].due_ms == 0 and rules[r].every_ms > 0:
            rows[r].due_ms = next_beat_ms(clock_ms[i], rules[r].every_ms)
            soonest_ms = min(soonest_ms, rows[r].due_ms)
    return soonest_ms


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
def feed(row, clock_ms, rule):  # type: ignore[no-untyped-def]
    """Feed the buckets that are over to the forecast, and return how many there were."""
    fit(row.forecast, row.step_s, rule.horizon, rule.season_s)
    until = over_until(row, clock_ms, rule.silent_ms)
    first = max(row.fed + 1, until - BUCKETS + 1)
    for number in range(first, until + 1):
        slot, value = number % BUCKETS, np.nan
        if row.newest - BUCKETS < number <= row.newest and row.counts[slot] > 0:
            value = max(0.0, row.sums[slot] / (row.step_s if row.delta == 1 else row.counts[slot]))
        elif row.delta == 1:
            value = 0.0
        learn(row.forecast, value, number * row.step_s, rule.quantile)
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
def is_silent(row, clock_ms, rule):  # type: ignore[no-untyped-def]
    """Say whether a series is not known well enough to act on it."""
    out_ms = rule.silent_ms + 1000 * rule.step_s
    return np.isnan(row.now) or (row.delta == 0 and clock_ms >= row.opened_ms + out_ms)


@kernel
def need_of_load(row, rule, out):  # type: ignore[no-untyped-def]
    """Find what carries the load of now, and that of the time when a new replica works."""
    if not np.isnan(out.current):
        regret(row, row.now, out.current * rule.capacity)
    out.now, out.peak = row.now, peak_of(row.now, out.upper, rule.headroom)
    out.needed = needs(out.peak, rule.capacity)


@kernel
def need_of_use(busy, rule, out):  # type: ignore[no-untyped-def]
    """Find what brings utilisation to its target; as many as now where it is within a tenth of it."""
    out.now = out.peak = busy.now
    near = abs(busy.now / rule.target - 1.0) <= TOLERANCE
    out.needed = out.current if near else math.ceil(out.current * busy.now / rule.target - 1e-9)


@kernel
def settle(row, rule, clock_ms, out):  # type: ignore[no-untyped-def]
    """Find the replicas that are wanted, and whether to say so: at most every 15 s unless the need changes."""
    bounded = fitting(out.needed, rule.partitions, rule.minimum, rule.maximum)
    # A service whose replicas nobody tells is taken to have its minimum.
    have = rule.minimum if np.isnan(out.current) else out.current
    held = bounded
    if out.ceiling > 0 and bounded > max(out.ceiling, have):
        held = max(out.ceiling, have)
    out.ceiling = out.ceiling if held < bounded else 0.0
    out.wanted = steady(row.patience, held, have, clock_ms, rule.patience_ms, 3 * rule.every_ms)
    if out.wanted == have:
        row.said_ms = 0
    elif not (row.said_ms and row.said == out.wanted and clock_ms < row.said_ms + RESAY_MS):
        row.said_ms, row.said, out.told = clock_ms, out.wanted, 1


@kernel
def shadow(row, rule, clock_ms, out):  # type: ignore[no-untyped-def]
    """Let both rules go on by a step, where there is one: with the forecast, and with the load of now alone."""
    if out.fed == 0:
        return
    lag, break_ms = rule.horizon - 1, 3 * max(rule.every_ms, np.int64(1000 * rule.step_s))
    for its, peak in ((row.ours, out.peak), (row.reactive, rule.headroom * row.now)):
        need = fitting(needs(peak, rule.capacity), rule.partitions, rule.minimum, rule.maximum)
        follow(its, row.now, need, rule.capacity, row.fed, lag, clock_ms, rule.patience_ms, break_ms)


@kernel
def weigh_rows(rows, rules, due, busy, replicas, done, clock_ms, outcomes):  # type: ignore[no-untyped-def]
    """Weigh the need of the services whose loads are the rows `due`; one that no longer scales is due no more.

    busy, replicas, done  int64 [due]: the rows of their utilisation, their replicas, and what is done; below 0: none
    """
    for k in range(len(due)):
        row, rule, out = rows[due[k]], rules[due[k]], outcomes[k]
        out.row, out.fed, out.known, out.told, out.ceiling = due[k], 0, 0, 0, 0.0
        if rule.every_ms == 0:
            row.due_ms = 0
            continue
        row.due_ms = next_beat_ms(clock_ms, rule.every_ms)
        out.fed = feed(row, clock_ms, rule)
        out.until = row.fed
        out.expected, out.lower, out.upper = expect(row.forecast)
        out.current = np.nan if replicas[k] < 0 else rows[replicas[k]].last
        if not np.isnan(rule.capacity):
            if is_silent(row, clock_ms, rule):
                continue
            need_of_load(row, rule, out)
            shadow(row, rule, clock_ms, out)
            if done[k] >= 0 and not np.isnan(out.current):
                feed(rows[done[k]], clock_ms, rule)
                settle_ms = np.int64(1000 * rule.step_s) * (rule.horizon + SETTLED)
                did = 0.0 if np.isnan(rows[done[k]].now) else rows[done[k]].now
                out.ceiling = find_ceiling(row.margin, row.now, did, out.current, clock_ms, settle_ms)
        else:
            if busy[k] < 0 or np.isnan(out.current):
                continue
            used = rows[busy[k]]
            if busy[k] != due[k]:
                feed(used, clock_ms, rule)
            if is_silent(used, clock_ms, rule):
                continue
            need_of_use(used, rule, out)
        out.known = 1
        settle(row, rule, clock_ms, out)
