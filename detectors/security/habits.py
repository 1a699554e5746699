"""Habits: what a client usually asks of a service in a minute, and which limit that leads to.

Each finished minute teaches the logarithm of its count, and teaches the service's own distribution over the clients of
the page. A client's limit lies some deviations above its own mean; it is never below what the service's busiest
clients do (of a hundred minutes one is above), and never above `MOST` times that. So a quiet client may become a busy
one, and a patient one cannot teach the model whatever it likes: a minute above the limit teaches the limit.
"""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import kernel

SERVICES, PAGE_SERVICES, BINS = 4, 8, 24
MINUTE_S = 60.0
GAIN, DEVIATIONS, NARROWEST = 1 / 30, 4.0, 0.3
ENOUGH, ENOUGH_OF_SERVICE, MOST_OF_SERVICE = 10, 100, 4096
RARE, MOST, SILENT = 0.01, 4.0, 10

# Of the services asked last: which, in which minute, how often in it so far, at most how often (0: not known yet), how
# many minutes taught, and mean and variance of their logarithms. habit_said: the minute in which it was last said.
HABIT_FIELDS = [
    ("habit_service", "u4", SERVICES),
    ("habit_minute", "u4", SERVICES),
    ("habit_count", "u4", SERVICES),
    ("habit_limit", "f4", SERVICES),
    ("habit_seen", "u4", SERVICES),
    ("habit_mean", "f4", SERVICES),
    ("habit_variance", "f4", SERVICES),
    ("habit_said", "u8"),
]
# Of a service, over the clients of a page: minutes by how many requests they had, two bins an octave; busy: below it
# lie all but a hundredth (0: not known yet).
Usual = np.dtype([("service", "u4"), ("minute", "u4"), ("seen", "f4"), ("busy", "f4"), ("counts", "f4", BINS)])


@kernel
def usual_of(usual, service, minute):  # type: ignore[no-untyped-def]
    """Return the place of a service among those of a page; the one longest not heard of makes room."""
    place = 0
    for k in range(PAGE_SERVICES):
        if usual[k].service == service and usual[k].minute != 0:
            usual[k].minute = max(usual[k].minute, minute)
            return k
        if usual[k].minute < usual[place].minute:
            place = k
    one = usual[place]
    one.service, one.minute = service, minute
    one.seen = one.busy = np.float32(0.0)
    for k in range(BINS):
        one.counts[k] = np.float32(0.0)
    return place


@kernel
def learn_usual(one, count):  # type: ignore[no-untyped-def]
    """Fold a minute of some client into what is usual at a service; of very many the older half counts half."""
    place = min(np.int64(2.0 * math.log2(count)), BINS - 1)
    one.counts[place] += np.float32(1.0)
    one.seen += np.float32(1.0)
    if one.seen >= MOST_OF_SERVICE:
        for k in range(BINS):
            one.counts[k] *= np.float32(0.5)
        one.seen *= np.float32(0.5)
    if one.seen < ENOUGH_OF_SERVICE:
        return
    rest = one.seen * RARE
    for k in range(BINS - 1, -1, -1):
        rest -= one.counts[k]
        if rest < 0.0:
            one.busy = np.float32(2.0 ** ((k + 1) / 2))
            return


@kernel
def learn_minute(row, k, usual):  # type: ignore[no-untyped-def]
    """Fold a client's finished minute at a service; what is above the limit teaches no more than the limit."""
    count = np.float64(row.habit_count[k])
    if row.habit_limit[k] > 0.0:
        count = min(count, np.float64(row.habit_limit[k]))
    learn_usual(usual, count)
    seen, step = row.habit_seen[k], math.log(count) - row.habit_mean[k]
    gain = max(1.0 / (seen + 1.0), GAIN)
    row.habit_mean[k] += np.float32(gain * step)
    row.habit_variance[k] = np.float32((1.0 - gain) * (row.habit_variance[k] + gain * step * step))
    row.habit_seen[k] = min(seen + np.uint32(1), np.uint32(1_000_000))


@kernel
def limit_of(row, k, busy, least):  # type: ignore[no-untyped-def]
    """Return at most how many requests a minute a client should make of a service; 0 where that is not known yet."""
    if busy == 0.0:
        return np.float32(0.0)
    own = MOST * busy
    if row.habit_seen[k] >= ENOUGH:
        width = max(math.sqrt(row.habit_variance[k]), NARROWEST)
        own = math.exp(row.habit_mean[k] + DEVIATIONS * width)
    return np.float32(max(min(max(own, busy), MOST * busy), least))


@kernel
def slot_of(row, service):  # type: ignore[no-untyped-def]
    """Return the place of a service among those that a client asks; the one longest not asked makes room."""
    place = 0
    for k in range(SERVICES):
        if row.habit_service[k] == service and row.habit_minute[k] != 0:
            return k
        if row.habit_minute[k] < row.habit_minute[place]:
            place = k
    row.habit_service[place], row.habit_minute[place] = service, np.uint32(0)
    row.habit_count[place] = row.habit_seen[place] = np.uint32(0)
    row.habit_limit[place] = row.habit_mean[place] = row.habit_variance[place] = np.float32(0.0)
    return place


@kernel
def counted(row, service, minute):  # type: ignore[no-untyped-def]
    """Count a request into its minute; return its service's place, and whether a new minute is to begin."""
    k = slot_of(row, service)
    if minute == row.habit_minute[k]:
        row.habit_count[k] += np.uint32(1)
        return k, False
    return k, minute > row.habit_minute[k]


@kernel
def begin(row, k, minute, least, usual):  # type: ignore[no-untyped-def]
    """Begin a new minute at a service: learn the one before, and set the limit of the new one.

    usual          Usual [PAGE_SERVICES]: the services of the client's page; least: no limit is below it
    """
    one = usual[usual_of(usual, row.habit_service[k], minute)]
    if row.habit_count[k] > 0:
        learn_minute(row, k, one)
    row.habit_minute[k], row.habit_count[k] = minute, np.uint32(1)
    row.habit_limit[k] = limit_of(row, k, one.busy, least)


@kernel
def excess_of(row, k, minute):  # type: ignore[no-untyped-def]
    """Return the limit that a client's minute is above, if that is to be said, once in ten minutes; else 0."""
    limit = np.float64(row.habit_limit[k])
    if limit == 0.0 or minute != row.habit_minute[k] or row.habit_count[k] <= limit:
        return 0.0
    if row.habit_said != 0 and minute < row.habit_said + np.uint64(SILENT):
        return 0.0
    row.habit_said = minute
    return limit


@kernel
def minute_of(at_s):  # type: ignore[no-untyped-def]
    """Return the minute of a time, never 0, which marks a free place."""
    return max(np.uint32(min(at_s / MINUTE_S, 4294967295.0)), np.uint32(1))


def words(limit: float, service: str) -> str:
    """Say that a client asks more of a service than usual.

    >>> words(41.7, "shop")
    'more than 41 requests to shop in a minute, which is more than this client usually makes'
    """
    return f"more than {int(limit)} requests to {service} in a minute, which is more than this client usually makes"
