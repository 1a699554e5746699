"""The plan of a storm: which fault strikes in which round. A seed says all of it."""

from __future__ import annotations

import random
from dataclasses import dataclass

CHEAP = (
    "kill",
    "stop",
    "join",
    "zombie",
    "two kills",
    "kill in recovery",
    "broker kill",
    "broker away",
    "disk full",
    "settings",
    "poison",
    "malformed",
)
"""The kinds of which every hand holds one each."""

LONG = "broker long away"
"""Takes a minute, so only one of five hands holds it: 1 in 61 rounds, and none in a short storm."""

HANDS, LONG_FROM = 5, 2 * len(CHEAP)
PIECE = len(CHEAP) * HANDS + 1
"""Rounds after which all is judged and a storm goes on with fresh topics, so that the judge's memory is bounded."""


@dataclass(frozen=True)
class Round:
    """One round of a piece: its number, the kind of its fault, and the chance that says the rest."""

    number: int
    kind: str
    seed: int

    def chance(self) -> random.Random:
        """Return what decides how the fault strikes; it knows nothing of the rounds before."""
        return random.Random(f"{self.seed}/{self.number}")


def rounds(seed: int, count: int) -> list[Round]:
    """Return the rounds of one piece; with a greater count the same ones, and more.

    >>> [one.kind for one in rounds(1, 3)] == [one.kind for one in rounds(1, 15)][:3]
    True
    """
    chance, kinds = random.Random(seed), list[str]()
    while len(kinds) < count:
        hand = [*CHEAP, LONG] if len(kinds) == LONG_FROM else list(CHEAP)
        chance.shuffle(hand)
        kinds += hand
    return [Round(number, kind, seed) for number, kind in enumerate(kinds[:count], 1)]


def pieces(seed: int, count: int) -> list[list[Round]]:
    """Cut a storm into pieces. The first has the seed itself, the next one more, and so on: each can be had again."""
    sizes = [min(PIECE, count - begun) for begun in range(0, count, PIECE)]
    return [rounds(seed + i, size) for i, size in enumerate(sizes)]
