"""Judging: a trace through the bank that the worker runs, reading by reading, in time order, once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.anomaly import AnomalyBank
from detectors.anomaly_rows import VIEWS
from detectors.bank import PAGES
from detectors.columns import Columns, Flags, Floats, Run, Text
from streams.evaluate.shapes import shapes_of
from streams.evaluate.traces import Trace
from topics.settings import Settings
from topics.signals import Anomaly

SERVICE = b"trace"
ROWS = 8192
"""So many rows of a trace of one series are folded at once; where they are cut changes nothing."""


@dataclass(slots=True)
class Judged:
    """What was made of a trace.

    views          float32 [n, metrics, views]: what each view said of each reading, before it had to say more
    begins         bool [n, metrics]: an alarm was said here
    joint          float64 [n]: how unusual the metrics are together; joint_begins: bool [n], that was said here
    stands_out     the metrics named by a joint alarm, by row, most unusual first
    shapes         bool [n, metrics, shapes]: a named pattern of a series began here; empty where none was looked for
    seconds        it took to fold the readings
    """

    views: NDArray[np.float32]
    begins: Flags
    joint: Floats
    joint_begins: Flags
    stands_out: dict[int, tuple[int, ...]] = field(default_factory=dict)
    shapes: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0, 0), np.bool_))
    seconds: float = 0.0

    @classmethod
    def nothing(cls, trace: Trace, views: int = 1) -> Judged:
        """Return a judgement that calls nothing unusual."""
        n, shape = len(trace), trace.values.shape
        said = np.zeros((*shape, views), np.float32)
        return cls(said, np.zeros(shape, np.bool_), np.zeros(n), np.zeros(n, np.bool_))

    @property
    def scores(self) -> NDArray[np.float32]:
        """Return what the loudest view says of each reading, [n, metrics]."""
        loudest: NDArray[np.float32] = self.views.max(axis=2)
        return loudest


class Judge(Protocol):
    """Whatever judges a trace, strictly in one pass."""

    def __call__(self, trace: Trace) -> Judged:
        """Judge every reading from those before it."""


def columns_of(trace: Trace, first: int, last: int, names: Sequence[bytes] = ()) -> Columns:
    """Return rows first..last of a trace as a worker's decoder would: a record a reading, row by row."""
    metrics = trace.values.shape[1]
    names = names or [b"%s/metric_%d" % (SERVICE, k) for k in range(metrics)]
    ends = np.cumsum([len(name) for name in names])
    n = (last - first) * metrics
    at_s = np.repeat(trace.at_s[first:last], metrics)
    at = np.tile((ends - [len(name) for name in names]).astype(np.int32), last - first)
    length = np.tile(np.array([len(name) for name in names], np.int32), last - first)
    return Columns(
        offset=np.arange(first * metrics, last * metrics),
        time_ms=(at_s * 1000).astype(np.int64),
        good=np.ones(n, np.bool_),
        text={"series": Text(np.frombuffer(b"".join(names), np.uint8), at, length)},
        number={"value": trace.values[first:last].ravel(), "at_s": at_s},
        code={"kind": np.zeros(n, np.int8)},
    )


class BankJudge:
    """The worker's own bank under given settings, with an empty past for every trace."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, trace: Trace) -> Judged:
        """Fold the rows; those of several metrics one by one, with what the passing of time brings between them."""
        bank, judged = AnomalyBank(self.settings), Judged.nothing(trace, len(VIEWS))
        judged.shapes = shapes_of(trace, self.settings)
        metrics = trace.values.shape[1]
        step, clock_ms = ROWS if metrics == 1 else 1, 0
        ready, positions = np.ones(PAGES, np.bool_), np.zeros(PAGES, np.int64)
        for first in range(0, len(trace), step):
            last = min(first + step, len(trace))
            columns = columns_of(trace, first, last)
            clocks = np.maximum(np.maximum.accumulate(columns.time_ms), clock_ms)
            n, clock_ms = len(columns), int(clocks[-1])
            run = Run(columns, 0, n, np.ones(n, np.bool_), np.zeros(n, np.bool_), positions, clocks)
            began_s = time.process_time()
            found = [(finding.at, finding.record) for finding in bank.fold(run)]
            judged.seconds += time.process_time() - began_s
            judged.views[first:last] = bank.views[:n].reshape(last - first, metrics, -1)
            note(judged, first, metrics, found)
            if metrics > 1:
                # As at the end of the joint judgement's bucket: it looks at what was heard in it.
                over_ms = clock_ms + round(1000 * self.settings.anomaly.bucket_s)
                note(judged, first, metrics, [(0, record) for record in bank.pass_time(over_ms, ready)])
                judged.joint[first] = bank.joint.score_of(SERVICE)
        return judged


def note(judged: Judged, first: int, metrics: int, found: Sequence[tuple[int, object]]) -> None:
    """Enter what was said of rows from `first` on into a judgement."""
    for at, record in found:
        if not isinstance(record, Anomaly) or record.calm:
            continue
        row = first + at // metrics
        if record.kind == "level":
            judged.begins[row, at % metrics] = True
        elif record.kind == "joint":
            judged.joint_begins[row] = True
            judged.stands_out[row] = tuple(int(name.rsplit("_", 1)[1]) for name in record.stands_out)
