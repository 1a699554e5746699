"""Delay-F1, the rule of the AIOps challenge 2018, which is also used for other sets of labelled rows.

A labelled segment is found when one of its first k + 1 rows is detected; then all its rows are true positives, else all
are false negatives. A detected row outside the segments is a false positive. F1 is pooled over all series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors.columns import Flags, Floats
from streams.evaluate.traces import Span


class Counts(NamedTuple):
    """True positives, false positives and false negatives, in rows."""

    right: int
    false: int
    missed: int

    def plus(self, other: Counts) -> Counts:
        """Return the counts of both."""
        return Counts(self.right + other.right, self.false + other.false, self.missed + other.missed)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall; 0 where nothing was found.

        >>> Counts(2, 1, 1).f1
        0.6666666666666666
        """
        return 2 * self.right / (2 * self.right + self.false + self.missed) if self.right else 0.0


def found(detected: Flags, span: Span, k: int) -> bool:
    """Say whether a segment is detected in time."""
    first, last = span
    return bool(detected[first : min(first + k, last) + 1].any())


def count(detected: Flags, spans: Sequence[Span], k: int, scored_from: int = 0) -> Counts:
    """Return the counts of one series; what lies before `scored_from` is cut off.

    >>> count(np.array([1, 0, 1, 0, 0], np.bool_), [(1, 3)], 1)
    Counts(right=3, false=1, missed=0)
    """
    outside = np.arange(len(detected)) >= scored_from
    right = missed = 0
    for first, last in spans:
        first = max(first, scored_from)
        if last < first:
            continue
        outside[first : last + 1] = False
        if found(detected, (first, last), k):
            right += last - first + 1
        else:
            missed += last - first + 1
    return Counts(right, int((detected & outside).sum()), missed)


def average_precision(scores: Floats, labels: Flags) -> float:
    """Return the area below precision over recall, row by row, the highest score first.

    >>> average_precision(np.array([3.0, 1.0, 2.0]), np.array([True, False, False]))
    1.0
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits = np.cumsum(labels[order])[last]
    recall = hits / max(1, int(labels.sum()))
    return float(np.sum(np.diff(np.concatenate(([0.0], recall))) * hits / (last + 1.0)))
