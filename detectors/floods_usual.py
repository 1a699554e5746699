"""What is usual of a service: how many requests at this time of the day, and what they are made of.

How many is asked of the models of readings (`detectors.anomaly_views`): the row of one series, whose values are the
requests of ten seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from detectors.anomaly_rows import NEAREST, ROW, Rule, learn_profiles
from detectors.anomaly_views import learn, look, pace, see
from detectors.compiled import kernel
from detectors.crowds import bucket_of, entropy, route_hash
from detectors.wide import address
from topics.compositions import BUCKETS

LEAST_TAUGHT = 50
"""So few requests say little about what a service's requests are made of."""
SLOWEST = 0.02
FAR = 4.0

# Each statistic, of whom it tells, whether it can only be too high, and how far from its mean it may be in any case.
STATISTICS = (
    ("clients", False, 1.0),  # requests a client, in powers of two
    ("routes", False, 1.0),  # entropy of the routes, in bits
    ("agents", False, 1.0),
    ("routes", True, 0.2),  # share of requests that would have to be for other routes to be as usual
    ("agents", True, 0.2),
    ("asks", True, 0.2),  # distinct paths with their queries, a request
)
ASKS = 5


@kernel
def expect(rows, value, at_s, rule):  # type: ignore[no-untyped-def]
    """Hold the requests of a window against what comes nearest of all that is expected; return score and expected."""
    row = rows[0]
    pace(row, at_s, rule)
    look(row, value, at_s)
    see(row, at_s, rule)
    row.judged_at_s = at_s
    return np.float64(row.views[NEAREST]), value - row.errors[NEAREST]


@kernel
def learn_rate(rows, value, at_s, rule, flood):  # type: ignore[no-untyped-def]
    """Learn the requests of a window that was looked at; of a flood only what that says of other days at its time."""
    if flood:
        learn_profiles(rows[0], value, at_s, rule)
    else:
        learn(rows[0], value, at_s, rule)


@kernel
def bucket_of_route(raw):  # type: ignore[no-untyped-def]
    """Return the bucket of a route by its name, in bytes."""
    return bucket_of(route_hash(address(raw), len(raw)))


class Rate:
    """How many requests a service usually gets at a time: the row of a series, kept as bytes."""

    def __init__(self, raw: bytes) -> None:
        self.rows = np.frombuffer(raw, ROW).copy() if raw else np.zeros(1, ROW)

    def expect(self, requests: int, at_s: float, rule: Rule) -> tuple[float, float]:
        """Return how unusual the requests of a window are (above 1: unusual), and how many were expected."""
        score, expected = expect(self.rows, float(requests), at_s, rule)
        return float(score), max(0.0, float(expected))

    def learn(self, requests: int, at_s: float, rule: Rule, flood: bool) -> None:
        """Learn the requests of a window that was asked about; what comes every day at its time is no flood in time."""
        learn_rate(self.rows, float(requests), at_s, rule, flood)

    def raw(self) -> bytes:
        """Return it as bytes."""
        return self.rows.tobytes()


class Facts(NamedTuple):
    """A window of a service, all partitions together.

    clients, asks  about how many distinct clients, and paths with their queries
    counts         by respect, how many requests fell into which bucket; heavy: names with how many requests share them
    """

    requests: int
    clients: float
    asks: float
    counts: tuple[Mapping[int, int], ...]
    heavy: tuple[Mapping[str, int], ...]

    def shares(self, respect: int) -> list[float]:
        """Return which share of the requests fell into each bucket."""
        return [self.counts[respect].get(bucket, 0) / self.requests for bucket in range(BUCKETS)]


class Usual(msgspec.Struct, array_like=True):
    """What the requests of a service are usually made of.

    seen           windows learned
    means, squares of the statistics, and of how far they were from their means
    shares         of requests by bucket, of routes and of agents
    heaviest       requests of a window's heaviest client
    """

    seen: int = 0
    means: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(STATISTICS))
    squares: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(STATISTICS))
    shares: list[list[float]] = msgspec.field(default_factory=lambda: [[0.0] * BUCKETS, [0.0] * BUCKETS])
    heaviest: float = 0.0

    def statistics(self, facts: Facts) -> list[float]:
        """Return the statistics of a window, in the order of `STATISTICS`."""
        routes, agents = facts.counts[1], facts.counts[2]
        return [
            math.log2(facts.requests / max(1.0, min(facts.clients, facts.requests))),
            entropy(routes.values()),
            entropy(agents.values()),
            distance(facts.shares(1), self.shares[0], facts.requests) if self.seen else 0.0,
            distance(facts.shares(2), self.shares[1], facts.requests) if self.seen else 0.0,
            min(facts.asks / facts.requests, 1.0),
        ]

    def strange(self, facts: Facts) -> frozenset[str]:
        """Return in which respects a window is not made as usual."""
        found = set()
        for (respect, only_high, least), value, mean, square in zip(
            STATISTICS, self.statistics(facts), self.means, self.squares, strict=True
        ):
            off = value - mean if only_high else abs(value - mean)
            if off > max(least, FAR * math.sqrt(square)):
                found.add(respect)
        return frozenset(found)

    def learn(self, facts: Facts) -> None:
        """Fold a window into what is usual."""
        if facts.requests < LEAST_TAUGHT:
            return
        gain = max(SLOWEST, 1.0 / (self.seen + 1))
        for k, value in enumerate(self.statistics(facts)):
            off = value - self.means[k] if self.seen else 0.0
            self.means[k] = self.means[k] + gain * off if self.seen else value
            self.squares[k] += gain * (off * off - self.squares[k])
        for shares, now in zip(self.shares, (facts.shares(1), facts.shares(2)), strict=True):
            for bucket, share in enumerate(now):
                shares[bucket] += gain * (share - shares[bucket])
        self.heaviest += gain * (max(facts.heavy[0].values(), default=0) - self.heaviest)
        self.seen = min(self.seen + 1, 1_000_000)

    def share_of_route(self, route: str) -> float:
        """Return which share of the requests usually falls into a route's bucket."""
        raw = np.frombuffer(route.encode("utf-8", "replace"), np.uint8)
        return self.shares[0][int(bucket_of_route(raw))]


def distance(now: list[float], usual: list[float], requests: int) -> float:
    """Return how much of a distribution would have to move to be the usual one, beyond what chance moves of so many.

    >>> distance([0.5, 0.5], [0.5, 0.5], 100), round(distance([0.0, 1.0], [0.5, 0.5], 10_000), 2)
    (0.0, 0.5)
    """
    moved = math.fsum(abs(a - b) for a, b in zip(now, usual, strict=True)) / 2
    chance = math.fsum(math.sqrt(2 * p * (1 - p) / (math.pi * requests)) for p in usual if 0 < p < 1) / 2
    return max(0.0, moved - chance)
