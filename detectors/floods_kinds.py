"""Kinds of floods: what a window of too many requests is made of, and what that is called."""

from __future__ import annotations

import math
from typing import NamedTuple

from detectors.crowds import CLIENTS
from detectors.floods_usual import ASKS, Facts, Usual
from detectors.security.masking import masked
from topics.settings import FloodSettings

HEAVY, APPLICATION, DISTRIBUTED = "heavy hitters", "application", "distributed"
HALF = 0.5
HEAVY_SHARE, HEAVY_TIMES, HEAVY_LEAST = 0.05, 4.0, 20
TOLD_SHARE = 0.2
MOST_SCORE = 100.0


class Flood(NamedTuple):
    """What is wrong with a window: the kind, the heavy clients, heaviest first, how much, and in one sentence."""

    kind: str
    heavy: tuple[str, ...]
    score: float
    text: str


def flood_of(facts: Facts, expected: float, usual: Usual, settings: FloodSettings) -> Flood | None:
    """Return what kind of flood a window of too many requests is; none, where they are made as usual.

    heavy hitters  few clients, each far heavier than the heaviest usually is, ask half of what is too much
    application    half of it is for one route, or routes that are not usual, and each request asks for something else
    distributed    it is not made as usual in two respects: of clients, routes, agents, or of how much is asked twice
    """
    excess = facts.requests - expected
    heavy = _heavy(facts, usual, settings)
    if sum(facts.heavy[CLIENTS][client] for client in heavy) >= HALF * excess:
        return _flood(HEAVY, heavy, facts, expected)
    strange = usual.strange(facts)
    fresh = facts.asks - usual.means[ASKS] * expected >= HALF * excess
    if fresh and "routes" in strange and (_one_route(facts, expected, usual, excess) or len(strange) > 1):
        return _flood(APPLICATION, (), facts, expected)
    return _flood(DISTRIBUTED, (), facts, expected) if len(strange) > 1 else None


def _heavy(facts: Facts, usual: Usual, settings: FloodSettings) -> tuple[str, ...]:
    least = max(HEAVY_TIMES * usual.heaviest, HEAVY_SHARE * facts.requests, HEAVY_LEAST)
    hits = facts.heavy[CLIENTS]
    found = [client for client in hits if hits[client] >= least and client]
    return tuple(sorted(found, key=lambda client: (-hits[client], client))[: settings.heavy_most])


def _one_route(facts: Facts, expected: float, usual: Usual, excess: float) -> bool:
    """Say whether half of what is too much is for one route."""
    return any(hits - usual.share_of_route(route) * expected >= HALF * excess for route, hits in facts.heavy[1].items())


def _flood(kind: str, heavy: tuple[str, ...], facts: Facts, expected: float) -> Flood:
    score = 1.0 + math.log2(max(1.0, facts.requests / max(expected, 1.0)))
    return Flood(kind, heavy, round(min(score, MOST_SCORE), 2), _words(kind, heavy, facts, expected))


def _words(kind: str, heavy: tuple[str, ...], facts: Facts, expected: float) -> str:
    """Return a flood in one sentence.

    >>> mixes = ({}, {"/s": 900}, {})
    >>> counts = ({1: 5, 2: 995}, {3: 1000}, {4: 1000})
    >>> _words(APPLICATION, (), Facts(1000, 700.0, 950.0, counts, mixes), 100.0)
    'application flood: 1000 requests in 10 s, 100 expected, by about 700 clients; 90 % ask for /s, about 950 queries'
    """
    hits = facts.heavy[CLIENTS]
    if heavy:
        who = ", ".join(f"{client} ({_share(hits[client], facts)})" for client in heavy[:3])
        who += f" and {len(heavy) - 3} more" if len(heavy) > 3 else ""
    else:
        who = f"about {max(1, round(min(facts.clients, facts.requests)))} clients"
    told = [
        f"{kind if heavy else f'{kind} flood'}: {facts.requests} requests in 10 s, {expected:.0f} expected, by {who}"
    ]
    for respect, verb in ((1, "ask for"), (2, "come as")):
        told += [
            f"{_share(count, facts)} {verb} {masked(name) or 'nothing'}"
            for name, count in sorted(facts.heavy[respect].items(), key=lambda one: (-one[1], one[0]))[:1]
            if count >= TOLD_SHARE * facts.requests
        ]
    return "; ".join(told) + (f", about {round(facts.asks)} queries" if kind == APPLICATION else "")


def _share(count: int, facts: Facts) -> str:
    return f"{min(100, round(100 * count / facts.requests))} %"
