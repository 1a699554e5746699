"""Times: how the time that a record tells stands to the time at which it was appended."""

from __future__ import annotations

from detectors.compiled import kernel


@kernel
def mark_times(good, at_s, time_ms, ahead_s, late_s, start, end, keep, late):  # type: ignore[no-untyped-def]
    """Fill in which of the good records start..end are not too far ahead, and which are late; return how many are."""
    ahead, behind = 0, 0
    for i in range(start, end):
        time_s = time_ms[i] / 1000.0
        is_ahead, late[i] = at_s[i] > time_s + ahead_s, at_s[i] < time_s - late_s
        keep[i] = good[i] and not is_ahead
        ahead += good[i] and is_ahead
        behind += good[i] and late[i]
    return ahead, behind
