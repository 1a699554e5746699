"""Workloads: seeded records, as arrays first, so that the reference is computed from the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.logs import Batch, Records, batched, texts
from detectors.columns import Ints, Text
from detectors.compiled import kernel
from streams.connection import partition_of
from topics import Derived, Record, Topic

START_MS = 1_700_000_000_000 - 1_700_000_000_000 % 60_000
SLICE = 1_000_000
"""So many records are made at once."""
NUMBER_BYTES = 24


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


class Answer(Derived, frozen=True, kw_only=True, gc=False):
    """What a record is answered with: its sensor, its own `ts`, its value doubled."""

    id: str
    ts: int
    value: float

    def key(self) -> str:
        """Return the sensor."""
        return self.id

    def subject(self) -> str:
        """Return sensor and time."""
        return f"{self.id} {self.ts}"


SAMPLES = Topic("bench-samples", (Sample,), key="id", hot=True)
BYTES = Topic("bench-samples", (), key="id")
WINDOWS = Topic("bench-windows", (Window,), key="id")
ANSWERS = Topic("bench-answers", (Answer,), key="id")


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

    def batches(self, partitions: int) -> list[Batch]:
        """Return all samples as they go to Kafka, keyed by their sensor."""
        names = [b"s%d" % number for number in range(int(self.ids.max(initial=0)) + 1)]
        homes = np.array([partition_of(name, partitions) for name in names], np.int64)
        before, keys = texts([b'{"id":"%s","ts":' % name for name in names]), texts(names)
        form = Form(before, b',"value":', texts([b"}"]), np.zeros(len(names), np.int64), 0, 2)
        made = []
        for at in range(0, len(self.ids), SLICE):
            ids, ts = self.ids[at : at + SLICE], self.ts[at : at + SLICE]
            values = form.write(ids, ts, np.rint(100 * self.value[at : at + SLICE]).astype(np.int64))
            key = Text(keys.buf, keys.at[ids], keys.length[ids])
            made += batched(Records(key, values, ts, homes[ids]))
        return made


# Values --------------------------------------------------------------------------------------------------------------


@kernel
def put_decimal(out, at, number, digits):  # type: ignore[no-untyped-def]
    """Write a number that stands for number / 10**digits; return the position behind it."""
    if number < 0:
        out[at] = 45
        at, number = at + 1, -number
    size, left = digits + 1, number // 10 ** (digits + 1)
    while left:
        size, left = size + 1, left // 10
    end = at + size + (digits > 0)
    place = end - 1
    for k in range(size):
        if digits and k == digits:
            out[place] = 46
            place -= 1
        out[place] = 48 + number % 10
        number //= 10
        place -= 1
    return end


@kernel
def put_bytes(out, at, buf, start, length):  # type: ignore[no-untyped-def]
    """Write bytes; return the position behind them."""
    for k in range(length):
        out[at + k] = buf[start + k]
    return at + length


@kernel
def write_values(  # type: ignore[no-untyped-def]
    out, starts, lengths, which, before, before_at, before_length, first, first_digits, between, second, second_digits,
    behind, behind_at, behind_length, behind_of,
):  # fmt: skip
    """Write one value a record: what stands before, a number, what stands between, a number, what stands behind."""
    at = np.int64(0)
    for i in range(len(which)):
        name = which[i]
        starts[i] = at
        at = put_bytes(out, at, before, before_at[name], before_length[name])
        at = put_decimal(out, at, first[i], first_digits)
        at = put_bytes(out, at, between, 0, len(between))
        at = put_decimal(out, at, second[i], second_digits)
        end = behind_of[name]
        at = put_bytes(out, at, behind, behind_at[end], behind_length[end])
        lengths[i] = at - starts[i]


class Form(NamedTuple):
    """How values read: `before` and `behind` are chosen by the record's name, two numbers are its own.

    behind_of      int64 [names]: which of `behind` ends the values of a name; digits: behind the point
    """

    before: Text
    between: bytes
    behind: Text
    behind_of: Ints
    first_digits: int
    second_digits: int

    def write(self, which: Ints, first: Ints, second: Ints) -> Text:
        """Return the values of records with these names and numbers."""
        longest = int(self.before.length.max() + self.behind.length.max()) + len(self.between) + 2 * NUMBER_BYTES
        out, n = np.empty(longest * len(which), np.uint8), len(which)
        starts, lengths = np.empty(n, np.int32), np.empty(n, np.int32)
        between = np.frombuffer(self.between, np.uint8)
        write_values(
            out, starts, lengths, which, self.before.buf, self.before.at, self.before.length, first, self.first_digits,
            between, second, self.second_digits, self.behind.buf, self.behind.at, self.behind.length, self.behind_of,
        )  # fmt: skip
        return Text(out, starts, lengths)
