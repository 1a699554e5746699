"""Crawls: clients that take a site with them: many distinct pages in a row, or objects by counting up their numbers.

Neither blocks anybody by itself: search engines do it, too, and so do many people behind one address.
"""

from __future__ import annotations

import numpy as np

from detectors.compiled import kernel
from detectors.security.outlines import second_of

WORDS, WALKS = 8, 2
BITS = 64 * WORDS
STRIDE = 10

# crawl_level: distinct pages in a bucket that leaks, when it was last looked at, at crawl_at_s; crawl_said_s: when it
# was said. page_seen: a bit for each page, cleared when the bucket is empty.
# walk_hash: a path with any number in it; walk_s: the second when it was last asked for (0: a free place); walk_low and
# walk_high: between which numbers; walk_run: how many times one just beyond them was asked for.
CRAWL_FIELDS = [
    ("crawl_level", "f8"),
    ("crawl_at_s", "f8"),
    ("crawl_said_s", "f8"),
    ("walk_said_s", "f8"),
    ("walk_hash", "u4", WALKS),
    ("walk_s", "u4", WALKS),
    ("walk_low", "i4", WALKS),
    ("walk_high", "i4", WALKS),
    ("walk_run", "u4", WALKS),
]
PAGE_FIELDS = [("page_seen", "u8", WORDS)]


@kernel
def crawls(row, page_hash, at_s, late, pages, window_s):  # type: ignore[no-untyped-def]
    """Take a page that was there; say whether a crawl is to be said: once in a window, never of a late request.

    A client crawls that asks for more distinct pages than `pages` beyond those that leak, as many in `window_s`.
    """
    row.crawl_level = max(0.0, row.crawl_level - max(0.0, at_s - row.crawl_at_s) * pages / window_s)
    row.crawl_at_s = max(row.crawl_at_s, at_s)
    if row.crawl_level == 0.0:
        for k in range(WORDS):
            row.page_seen[k] = np.uint64(0)
    place, bit = page_hash % np.uint32(BITS), np.uint64(1)
    bit <<= np.uint64(place & np.uint32(63))
    word = np.int64(place >> np.uint32(6))
    if row.page_seen[word] & bit:
        return False
    row.page_seen[word] |= bit
    row.crawl_level += 1.0
    if late or row.crawl_level <= pages:
        return False
    if row.crawl_said_s != 0.0 and at_s < row.crawl_said_s + window_s:
        return False
    row.crawl_said_s = at_s
    return True


@kernel
def walk_of(row, walk_hash, number, second, window_s):  # type: ignore[no-untyped-def]
    """Return the place of a path with a number; the one longest not asked for makes room; too old ones begin anew."""
    place = 0
    for k in range(WALKS):
        if row.walk_s[k] != 0 and row.walk_hash[k] == walk_hash:
            if np.float64(second) < np.float64(row.walk_s[k]) + window_s:
                return k
            place = k
            break
        if row.walk_s[k] < row.walk_s[place]:
            place = k
    row.walk_hash[place], row.walk_s[place], row.walk_run[place] = walk_hash, second, np.uint32(0)
    row.walk_low[place] = row.walk_high[place] = np.int32(number)
    return place


@kernel
def walks(row, walk_hash, number, at_s, late, ids, window_s):  # type: ignore[no-untyped-def]
    """Take the number of an object that was asked for; say whether somebody counts them up: once in a window.

    Each number just beyond all that this client asked for is a step, up or down; to ask for known ones again is none.
    """
    second = second_of(at_s)
    k = walk_of(row, walk_hash, number, second, window_s)
    row.walk_s[k] = max(row.walk_s[k], second)
    low, high = np.int64(row.walk_low[k]), np.int64(row.walk_high[k])
    if low <= number <= high:
        return False
    if not low - STRIDE <= number <= high + STRIDE:
        # Somewhere else altogether: what was counted up there is no longer followed.
        row.walk_low[k] = row.walk_high[k] = np.int32(number)
        row.walk_run[k] = np.uint32(0)
        return False
    row.walk_low[k], row.walk_high[k] = np.int32(min(low, number)), np.int32(max(high, number))
    row.walk_run[k] += np.uint32(1)
    if late or row.walk_run[k] <= ids:
        return False
    if row.walk_said_s != 0.0 and at_s < row.walk_said_s + window_s:
        return False
    row.walk_said_s = at_s
    return True
