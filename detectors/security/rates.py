"""Rates: how many requests a client made in any window, exactly.

A client is over its limit when more than `requests` of all its requests so far have times in (m - window_s, m], where m
is its newest. That is so exactly when the (requests + 1)-th newest time lies in there, so the 101 newest times answer
for every limit up to 100: a late request is put where it belongs, and one older than all 101 can change no answer.
"""

from __future__ import annotations

from detectors.compiled import kernel
from topics.settings import Limit

LARGEST_LIMIT = 100
KEPT = LARGEST_LIMIT + 1

# times: a ring, ascending from `head`; rate_said_s: the newest time when an excess was last said, 0 for never.
RATE_FIELDS = [("rate_said_s", "f8"), ("head", "i4"), ("count", "i4"), ("times", "f8", KEPT)]


@kernel
def insert(row, at_s):  # type: ignore[no-untyped-def]
    """Put a time among the newest ones of a row, after those equal to it; a full ring gives up its oldest."""
    head, count = row.head, row.count
    if count == KEPT:
        if at_s <= row.times[head]:
            return
        head = (head + 1) % KEPT
        row.head = head
        count -= 1
    place = count
    while place > 0:
        before = row.times[(head + place - 1) % KEPT]
        if before <= at_s:
            break
        row.times[(head + place) % KEPT] = before
        place -= 1
    row.times[(head + place) % KEPT] = at_s
    row.count = count + 1


@kernel
def newest(row):  # type: ignore[no-untyped-def]
    """Return the newest time of a row that has one."""
    return row.times[(row.head + row.count - 1) % KEPT]


@kernel
def is_over(row, requests, window_s):  # type: ignore[no-untyped-def]
    """Say whether more than `requests` times lie in the window that ends with the newest."""
    if row.count <= requests:
        return False
    return row.times[(row.head + row.count - 1 - requests) % KEPT] > newest(row) - window_s


@kernel
def exceeds(row, at_s, late, requests, window_s):  # type: ignore[no-untyped-def]
    """Take a request; say whether an excess is to be said now: once in a window at most, never of a late request."""
    insert(row, at_s)
    if late or not is_over(row, requests, window_s):
        return False
    now_s = newest(row)
    if row.rate_said_s != 0.0 and now_s < row.rate_said_s + window_s:
        return False
    row.rate_said_s = now_s
    return True


def words(limit: Limit) -> str:
    """Say that a limit was exceeded.

    >>> words(Limit(requests=100, window_s=60.0)), words(Limit(requests=5, window_s=0.5, service="shop"))
    ('100 requests in 60 s exceeded', '5 requests in 0.5 s to shop exceeded')
    >>> words(Limit(requests=3, service="shop", route="/login"))
    '3 requests in 60 s to shop for /login exceeded'
    """
    where = "" if limit.service is None else f" to {limit.service}"
    where += "" if limit.route is None else f" for {limit.route}"
    return f"{limit.requests} requests in {limit.window_s:g} s{where} exceeded"
