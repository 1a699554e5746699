"""Patience: more replicas at once, fewer only as many as were not needed for a while; and what replicas are worth."""

from __future__ import annotations

import math

import numpy as np

from detectors.compiled import kernel

WINDOWS = 16

# first_ms, weighed_ms  since when, and when last, the need was weighed without a break
# window, highest       of each part of the stabilisation time, its number and the highest need in it
Patience = np.dtype([("first_ms", "i8"), ("weighed_ms", "i8"), ("window", "i8", WINDOWS), ("highest", "f8", WINDOWS)])

# Replicas that were added are worth nothing where what is done grows by less than GIVES of what one did before, though
# more is asked than done (ASKED times). Then no more are added for CEILING_MS; after that it is tried again.
GIVES, ASKED = 0.1, 1.05
DONE_GAIN = 0.3
CEILING_MS = 1_800_000

# had, done             the replicas there were, and what was done lately
# few, many, before     of the replicas added last: how many there were, and are, and what was done before; 0: none
# added_ms              when they were; ceiling: more than so many give nothing, 0: not known; ceiling_ms: when found
Margin = np.dtype(
    [(name, "f8") for name in ("had", "done", "few", "many", "before", "ceiling")]
    + [(name, "i8") for name in ("added_ms", "ceiling_ms")]
)


@kernel
def steady(its, wanted, have, clock_ms, patience_ms, break_ms):  # type: ignore[no-untyped-def]
    """Return how many replicas to have: more at once, fewer only as many as were never needed for `patience_ms`.

    A need that was not weighed for longer than `break_ms` is not known to have stayed below: patience begins anew.
    """
    if clock_ms > its.weighed_ms + break_ms:
        its.first_ms = clock_ms
        its.window[:] = -1
    its.weighed_ms = clock_ms
    part_ms = max(1, patience_ms // (WINDOWS - 2))
    number = clock_ms // part_ms
    slot = number % WINDOWS
    its.highest[slot] = wanted if its.window[slot] != number else max(its.highest[slot], wanted)
    its.window[slot] = number
    if wanted >= have:
        return wanted
    if clock_ms < its.first_ms + patience_ms:
        return have
    highest = wanted
    for k in range(WINDOWS):
        if (its.window[k] + 1) * part_ms > clock_ms - patience_ms:
            highest = max(highest, its.highest[k])
    return min(have, highest)


@kernel
def fitting(needed, partitions, least, most):  # type: ignore[no-untyped-def]
    """Return the fewest replicas within bounds that do the work of `needed` where each has whole partitions of a topic.

    The one with most partitions decides: five replicas have three of twelve, as four have.

    >>> [fitting(needed, 12, 1, 20) for needed in (1, 3, 4, 5, 6, 7, 30)], fitting(7, 12, 1, 8), fitting(7, 0, 1, 8)
    ([1, 3, 4, 6, 6, 12, 12], 6, 7)
    """
    bounded = min(max(needed, least), most)
    if partitions <= 0:
        return bounded
    fits = math.ceil(partitions / max(1.0, math.floor(partitions / bounded)))
    if fits > most:
        fits = math.ceil(partitions / math.ceil(partitions / most))
    return max(fits, least)


@kernel
def find_ceiling(its, asked, done, have, clock_ms, settle_ms):  # type: ignore[no-untyped-def]
    """Return beyond how many replicas another gives nothing, 0 where that is not known.

    asked, done    the load, and how much of it was done, in the same unit; settle_ms: how long added replicas are given
    """
    if have < its.had:
        its.many, its.ceiling = 0.0, 0.0
    elif have > its.had > 0.0:
        if its.many == 0.0:
            its.few, its.before = its.had, its.done
        its.many, its.added_ms = have, clock_ms
    its.had = have
    its.done = done if its.done == 0.0 else its.done + DONE_GAIN * (done - its.done)
    if its.many > 0.0 and clock_ms >= its.added_ms + settle_ms:
        gain = (its.done - its.before) / (its.many - its.few)
        useless = asked > ASKED * its.done and gain < GIVES * its.before / its.few
        its.ceiling, its.ceiling_ms, its.many = (its.many if useless else 0.0), clock_ms, 0.0
    if clock_ms >= its.ceiling_ms + CEILING_MS:
        its.ceiling = 0.0
    return its.ceiling
