"""What the windows of a log must come to, computed by numpy, and what is wrong with what a system said."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.banks import GRACE_MS, SIZE_MS
from benchmarks.harness import PARTITIONS
from benchmarks.workloads import Samples
from streams.connection import partition_of

FIGURES = ("count", "sum", "min", "max", "mean", "var")


class Said(msgspec.Struct, gc=False):
    """A window as any system says it; what else it says is passed over."""

    id: str
    window: int
    count: int
    sum: float
    min: float
    max: float
    mean: float
    var: float


class Verdict(NamedTuple):
    """How the outputs of a drain differ from the reference.

    outputs        how many came
    missing        windows that the log's clock has closed, and that were not said
    wrong          outputs whose figures are not the reference's
    doubled        outputs beyond the first of a window
    """

    outputs: int
    missing: int
    wrong: int
    doubled: int

    @property
    def right(self) -> bool:
        """Whether every closed window was said, once, and rightly."""
        return not (self.missing or self.wrong or self.doubled)


def judge(samples: Samples, values: list[bytes]) -> Verdict:
    """Compare every output of a drain with numpy: all closed windows must be there, once, and right."""
    numbers, figures, closed = reference(samples)
    said = list(map(msgspec.json.Decoder(Said).decode, values))
    keys = _number(
        np.array([int(window.id[1:]) for window in said], np.int64),
        np.array([window.window for window in said], np.int64),
    )
    places = np.minimum(np.searchsorted(numbers, keys), len(numbers) - 1)
    found = np.array([[getattr(window, name) for name in FIGURES] for window in said]).reshape(-1, len(FIGURES))
    right = (numbers[places] == keys) & np.isclose(found, figures[places], rtol=1e-9).all(axis=1)
    return Verdict(
        outputs=len(said),
        missing=int((~np.isin(numbers[closed], keys)).sum()),
        wrong=int((~right).sum()),
        doubled=len(keys) - len(np.unique(keys)),
    )


def reference(samples: Samples) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the windows of a log: their numbers [n], ascending, their figures [n, 6], and which are closed [n]."""
    start = samples.ts - samples.ts % SIZE_MS
    order = np.lexsort((start, samples.ids))
    ids, start, value = samples.ids[order], start[order], samples.value[order]
    edges = np.flatnonzero(np.r_[True, (np.diff(ids) != 0) | (np.diff(start) != 0)])
    count = np.diff(np.r_[edges, len(ids)])
    total, low, high = (ufunc.reduceat(value, edges) for ufunc in (np.add, np.minimum, np.maximum))
    mean = total / count
    var = np.add.reduceat((value - np.repeat(mean, count)) ** 2, edges) / count
    figures = np.column_stack([count, total, low, high, mean, var])
    closed = start[edges] + SIZE_MS + GRACE_MS <= _clocks(samples)[ids[edges]]
    return _number(ids[edges], start[edges]), figures, closed


def _number(ids: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number for sensor and window, in the order of both."""
    return ids * 10**9 + start // SIZE_MS


def _clocks(samples: Samples) -> NDArray[np.int64]:
    """Return, for each sensor, the last full second that its partition's log reached."""
    homes = np.array([partition_of(b"s%d" % name, PARTITIONS) for name in range(int(samples.ids.max()) + 1)])
    latest = np.zeros(PARTITIONS, np.int64)
    np.maximum.at(latest, homes[samples.ids], samples.ts)
    clocks: NDArray[np.int64] = (latest // 1000 * 1000)[homes]
    return clocks
