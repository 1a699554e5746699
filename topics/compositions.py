"""Compositions: who asked a service for what, in sketches of fixed size that add up over partitions."""

from __future__ import annotations

import math

import msgspec

from topics import Derived, Topic
from topics.requests import LONGEST_NAME

WINDOW_S = 10
BUCKETS = REGISTERS = 128
MOST_NAMED = 64


class Mix(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What the requests of a window are in one respect.

    counts         how many fell into which of 128 buckets, by a hash; nought is left out
    heavy          what many of them share, with how many those are, within a thirtieth or so of all
    """

    counts: dict[int, int]
    heavy: dict[str, int] = msgspec.field(default_factory=dict)


class Composition(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Of what the requests to a service were made in ten seconds, as one partition saw it; all partitions' add up.

    service        keys the topic
    at_s           when the ten seconds began: a multiple of 10
    requests       how many there were
    clients, routes, agents  who asked, for which path (without query, every number a "#"), with which program
    sources, asks  registers by which distinct clients, and distinct paths with their queries, are counted
                   (`detectors.crowds.distinct`); of several partitions the highest holds
    logins         how often somebody posted to a login, and was answered; failures: how often in vain
    failing        registers of the clients who did so in vain
    """

    service: str
    at_s: float
    requests: int
    clients: Mix
    routes: Mix
    agents: Mix
    sources: dict[int, int]
    asks: dict[int, int]
    logins: int = 0
    failures: int = 0
    failing: dict[int, int] = msgspec.field(default_factory=dict)

    def key(self) -> str:
        """Return the service."""
        return self.service

    def subject(self) -> str:
        """Return service and time."""
        return f"{self.service} {self.at_s!r}"

    def problem(self) -> str | None:
        """Say what makes this composition unusable, if anything does."""
        size = len(self.service.encode("utf-8", "surrogatepass"))
        if not 1 <= size <= LONGEST_NAME or "/" in self.service:
            return f"service must have 1 to {LONGEST_NAME} bytes and no slash, got {self.service!r}"
        if not (math.isfinite(self.at_s) and self.at_s >= 0 and self.at_s % WINDOW_S == 0):
            return f"at_s must be a multiple of {WINDOW_S} seconds since 1970, got {self.at_s!r}"
        if not 1 <= self.requests < 1 << 40:
            return f"requests must be 1 to 2^40, got {self.requests!r}"
        if not 0 <= self.failures <= self.logins <= self.requests:
            return f"of the requests some are logins, and some of these failures, got {self.logins}, {self.failures}"
        for mix in (self.clients, self.routes, self.agents):
            if len(mix.heavy) > MOST_NAMED:
                return f"at most {MOST_NAMED} may be heavy, got {len(mix.heavy)}"
        registers = (self.sources, self.asks, self.failing)
        for numbers in (self.clients.counts, self.routes.counts, self.agents.counts, *registers):
            if any(not 0 <= place < BUCKETS or not 0 <= number < 1 << 40 for place, number in numbers.items()):
                return f"buckets must be 0 to {BUCKETS - 1}, each with a count below 2^40"
        return None


COMPOSITIONS = Topic("compositions", (Composition,), key="service", keep_days=7)
