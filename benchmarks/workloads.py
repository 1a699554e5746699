"""Workloads: seeded records, as arrays first, so that the reference is computed from the same numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from topics import Derived, Record, Topic

START_MS = 1_700_000_000_000 - 1_700_000_000_000 % 60_000


class Sample(Record, frozen=True, kw_only=True, gc=False):
    """One value of one sensor. id: which; ts: milliseconds since 1970."""

    id: str
    ts: int
    value: float


class Window(Derived, frozen=True, kw_only=True, gc=False):
    """What the values of one sensor came to in one window."""

    id: str
    window: int
    count: int
    sum: float
    min: float
    max: float
    mean: float
    var: float

    def key(self) -> str:
        """Return the sensor."""
        return self.id

    def subject(self) -> str:
        """Return sensor and window."""
        return f"{self.id} {self.window}"


SAMPLES = Topic("bench-samples", (Sample,), key="id", hot=True)
BYTES = Topic("bench-samples", (), key="id")
WINDOWS = Topic("bench-windows", (Window,), key="id")


@dataclass(frozen=True)
class Samples:
    """Arrays [n]: which sensor, when (ms), the value; 1,000 records a second of event time, shuffled inside it."""

    ids: NDArray[np.int64]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]

    @classmethod
    def seeded(cls, n: int, series: int = 1000, seed: int = 42) -> Samples:
        """Return `n` samples of `series` sensors."""
        chance = np.random.default_rng(seed)
        ts = START_MS + (np.arange(n) // 1000) * 1000 + chance.integers(0, 1000, n)
        return cls(chance.integers(0, series, n), ts, np.round(chance.normal(20, 5, n), 2))

    def json(self, i: int) -> bytes:
        """Return sample i as it goes to Kafka."""
        return b'{"id":"s%d","ts":%d,"value":%.2f}' % (self.ids[i], self.ts[i], self.value[i])
