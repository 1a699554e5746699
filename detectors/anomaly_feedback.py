"""Feedback: what a person says about an excursion changes how unusual the same would be next time.

A false alarm makes errors as large as that excursion's usual, view by view, in the unit of the series; so it is not
said again, whatever noise the series has by then. A confirmed one is not held against the series: thresholds that it
raised go back, and it does not count among the alarms that were promised. Both are about the excursion said last.
"""

from __future__ import annotations

from typing import Any

from detectors.bank import NEVER
from topics.control import Feedback

# So much more than what a person has called usual still is.
MARGIN = 1.25


def take_series(row: Any, feedback: Feedback, clock_ms: int) -> None:
    """Let a series' row learn what a person says about it."""
    false = feedback.verdict == "false alarm"
    if feedback.kind in ("", "level"):
        (excuse if false else confirm)(row)
    if feedback.kind in ("", "missing"):
        quiet_s = max(clock_ms - int(row["last_ms"]), 0) / 1000 if row["silent"] else float(row["quiet_s"])
        row["patience_s"] = _learned(float(row["patience_s"]), quiet_s, false)
        if row["missing_ms"] != NEVER:
            row["missing_ms"] = max(int(row["missing_ms"]), int(row["last_ms"]) + int(1000 * row["patience_s"]))


def excuse(row: Any) -> None:
    """Call errors as large as those of the last excursion usual."""
    for view, height in enumerate(row["heights"].tolist()):
        row["excused"][view] = _learned(float(row["excused"][view]), height, True)


def confirm(row: Any) -> None:
    """Take back what the last excursion did to the thresholds, and what was called usual that is as large as it was."""
    for view, height in enumerate(row["heights"].tolist()):
        row["excused"][view] = _learned(float(row["excused"][view]), height, False)
        row["raised"][view] = min(row["raised"][view], row["before"][view]) if height else row["raised"][view]
    row["alarms"] = max(float(row["alarms"]) - int(row["counted"]), 0.0)
    row["counted"] = 0


def take_joint(joint: Any, feedback: Feedback) -> None:
    """Let a service's joint row learn what a person says about it."""
    false = feedback.verdict == "false alarm"
    joint["excused"] = _learned(float(joint["excused"]), float(joint["height"]), false)
    if not false and joint["height"]:
        joint["raised"] = min(joint["raised"], joint["before"])


def _learned(usual: float, height: float, false: bool) -> float:
    """Return what is called usual from now on: something beyond a height that was, but nothing as high as what was not.

    >>> _learned(1.0, 4.0, True), _learned(5.0, 4.0, False), _learned(3.0, 4.0, False), _learned(3.0, 0.0, False)
    (5.0, 0.0, 3.0, 3.0)
    """
    if height <= 0:
        return usual
    if false:
        return max(usual, MARGIN * height)
    return usual if usual < height else 0.0
