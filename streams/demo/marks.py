"""The reader's rule: said twice is taken once. And a check of that rule which does not use it."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from dataclasses import dataclass, field

from topics import Origin

REMEMBERED = 200_000

Place = tuple[str, int]


@dataclass
class Marks:
    """What a reader of derived records has had, and what its memory of every single one says about that.

    The rule needs one mark per place read and log concluded from: what is not above it was had already. The check
    remembers the newest conclusions one by one, so it can tell when the rule took one twice, or when two copies of
    one conclusion differ.

    said_again     copies of what was said before; differing: those that are not the same byte for byte
    taken_twice    conclusions that the rule took again; lost: those that it never took

    >>> marks = Marks()
    >>> first = Origin("anomaly", "metrics", 0, 7, (1, "shop/requests level"))
    >>> [marks.is_new(("signals", 0), first, b"{}") for _ in range(2)], marks.said_again, marks.taken_twice
    ([True, False], 1, 0)
    """

    said_again: int = 0
    differing: int = 0
    taken_twice: int = 0
    lost: int = 0
    _had: dict[tuple[Place, str, str, int], tuple[int, tuple[int, str]]] = field(default_factory=dict)
    _remembered: OrderedDict[tuple[str, Origin], int] = field(default_factory=OrderedDict)

    def is_new(self, place: Place, origin: Origin, value: bytes) -> bool:
        """Return whether a conclusion read at a place, topic and partition, is to be taken."""
        log = (place, origin.capability, origin.topic, origin.partition)
        conclusion = (origin.offset, origin.subject)
        mark = self._had.get(log)
        new = mark is None or conclusion > mark
        if new:
            self._had[log] = conclusion
        self._check((place[0], origin), zlib.crc32(value), new)
        return new

    def _check(self, conclusion: tuple[str, Origin], sum_of_value: int, new: bool) -> None:
        before = self._remembered.get(conclusion)
        if before is None:
            self._remembered[conclusion] = sum_of_value
            self.lost += not new
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        else:
            self.said_again += 1
            self.taken_twice += new
            self.differing += before != sum_of_value
