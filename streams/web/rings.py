"""The recent past, in bounded memory: readings of a series, and the latest records of a kind."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from itertools import pairwise
from typing import Generic, TypeVar

from topics.metrics import Reading

Item = TypeVar("Item")
POINTS_MOST = 900
LATE_MOST = 128
INTERVALS_SEEN = 20


class Ring:
    """What a series measured of late, one point a second: the mean of a gauge; per second, deltas and counters.

    most           points kept; the oldest go first
    """

    def __init__(self, most: int = POINTS_MOST) -> None:
        self.most = most
        self.at_s = array("d")
        self.values = array("d")
        self._counts = array("l")
        self._last_total: tuple[float, float] | None = None
        self._adds = False

    def __len__(self) -> int:
        return len(self.at_s)

    def take(self, reading: Reading) -> bool:
        """Keep a reading and say whether it is shown; sketches, and what is older than all that is kept, are not."""
        value: float | None = reading.value
        if reading.kind == "sketch" or not (math.isfinite(reading.value) and math.isfinite(reading.at_s)):
            return False
        if reading.kind == "total":
            value = self._rate(reading.at_s, reading.value)
        if value is None:
            return False
        self._adds = reading.kind == "delta"
        return self._put(math.floor(reading.at_s), value)

    def _rate(self, at_s: float, total: float) -> float | None:
        """Turn a counter's reading into its rate per second; None for the first one, and after a reset."""
        before, self._last_total = self._last_total, (at_s, total)
        if before is None or at_s <= before[0] or total < before[1]:
            return None
        return (total - before[1]) / (at_s - before[0])

    def _put(self, second_s: float, value: float) -> bool:
        at = self._place(second_s)
        if at < len(self.at_s) and self.at_s[at] == second_s:
            count = self._counts[at] = self._counts[at] + 1
            self.values[at] += value if self._adds else (value - self.values[at]) / count
            return True
        if len(self.at_s) - at > LATE_MOST:
            return False
        self.at_s.insert(at, second_s)
        self.values.insert(at, value)
        self._counts.insert(at, 1)
        self._forget()
        return True

    def _place(self, second_s: float) -> int:
        """Return where a second belongs; nearly always at the end."""
        if not self.at_s or second_s > self.at_s[-1]:
            return len(self.at_s)
        return bisect_left(self.at_s, second_s)

    def _forget(self) -> None:
        # A quarter more than asked for may stay, so that arrays move once in many readings, not at each.
        if len(self.at_s) > self.most + self.most // 4:
            for column in (self.at_s, self.values, self._counts):
                del column[: len(column) - self.most]

    def since(self, from_s: float) -> list[tuple[float, float]]:
        """Return the points from a time on, as (second, value)."""
        # The newest second of deltas is still being added to, and would look like a fall at the right end.
        end = len(self.at_s) - (1 if self._adds and len(self.at_s) > 1 else 0)
        start = max(bisect_left(self.at_s, from_s), end - self.most)
        share = 1.0 / self._interval_s() if self._adds else 1.0
        return [(self.at_s[i], self.values[i] * share) for i in range(start, end)]

    def _interval_s(self) -> float:
        """Return how far apart the latest points usually are: what a delta is divided by to be a rate."""
        latest = self.at_s[-INTERVALS_SEEN:]
        gaps = sorted(after - before for before, after in pairwise(latest))
        return gaps[len(gaps) // 2] if gaps else 1.0

    @property
    def latest(self) -> tuple[float, float] | None:
        """The newest point, if there is one."""
        points = self.since(self.at_s[-2] if len(self.at_s) > 1 else 0.0)
        return points[-1] if points else None


class Shelf(Generic[Item]):
    """The latest items by what identifies them, newest last; the oldest fall off.

    most           items kept
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._items: OrderedDict[object, Item] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def put(self, name: object, item: Item) -> Item | None:
        """Put an item last, in place of its former self; return what fell off, if anything did."""
        self._items.pop(name, None)
        self._items[name] = item
        return self._items.popitem(last=False)[1] if len(self._items) > self.most else None

    def keep(self, name: object, item: Item) -> bool:
        """Put an item last unless it is here already, as a repeated record is; say whether it was new."""
        if name in self._items:
            return False
        self.put(name, item)
        return True

    def get(self, name: object) -> Item | None:
        """Return the item of that name, if it is here."""
        return self._items.get(name)

    def drop(self, name: object) -> Item | None:
        """Take an item away, if it is here."""
        return self._items.pop(name, None)

    def newest(self, most: int) -> list[Item]:
        """Return up to `most` items, newest first."""
        found: list[Item] = []
        for item in reversed(self._items.values()):
            if len(found) == most:
                break
            found.append(item)
        return found

    def clear(self) -> None:
        """Forget all."""
        self._items.clear()
