"""Scans: how many distinct paths a client asked for in vain."""

from __future__ import annotations

import numpy as np

from detectors.compiled import kernel
from detectors.security.outlines import second_of

PATHS = 24

# path_hash and path_s: what was asked for in vain, and in which second last (0: a free place); whole seconds are enough
# here.
SCAN_FIELDS = [("path_hash", "u4", PATHS), ("path_s", "u4", PATHS), ("scan_said_s", "f8")]


@kernel
def note_path(row, path_hash, second):  # type: ignore[no-untyped-def]
    """Remember that a path was asked for in vain; the one longest not asked for makes room."""
    place = 0
    for k in range(PATHS):
        if row.path_s[k] != 0 and row.path_hash[k] == path_hash:
            row.path_s[k] = max(row.path_s[k], second)
            return
        if row.path_s[k] < row.path_s[place]:
            place = k
    row.path_hash[place] = path_hash
    row.path_s[place] = second


@kernel
def distinct(row, window_s):  # type: ignore[no-untyped-def]
    """Return how many distinct paths lie in the window that ends with the newest."""
    last = np.uint32(0)
    for k in range(PATHS):
        last = max(last, row.path_s[k])
    found = 0
    for k in range(PATHS):
        found += row.path_s[k] != 0 and np.float64(row.path_s[k]) > np.float64(last) - window_s
    return found


@kernel
def scans(row, path_hash, at_s, late, paths, window_s):  # type: ignore[no-untyped-def]
    """Take a path asked for in vain; say whether a scan is to be said: once in a window, never of a late request."""
    note_path(row, path_hash, second_of(at_s))
    if late or distinct(row, window_s) <= paths:
        return False
    if row.scan_said_s != 0.0 and at_s < row.scan_said_s + window_s:
        return False
    row.scan_said_s = at_s
    return True
