"""Floods: told by what they are made of, whoever sends them; a rush that is made as usual is none."""

from __future__ import annotations

import math
import random
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.floods import AGAIN_S, BELIEVED_S, FloodsBank
from detectors.floods_kinds import APPLICATION, DISTRIBUTED, HEAVY
from detectors.floods_usual import distance
from tests.contract import check
from tests.detectors.crowd import (
    START_S,
    Crowd,
    application,
    compositions,
    distributed,
    heavy,
    judged,
    launch,
    log_of,
    visitors,
)
from tests.fakes import fold, fold_into, shard_of
from topics import Origin
from topics.compositions import BUCKETS, COMPOSITIONS, WINDOW_S, Composition, Mix
from topics.control import EVERYBODY, Feedback, Tick
from topics.proposals import Proposal
from topics.settings import AnomalySettings, FloodSettings, Settings
from topics.signals import MANY, Threat

CALM = 64
USUAL = 120
HEAVY_CLIENTS = {"203.0.113.7", "203.0.113.8", "203.0.113.9"}


@cache
def calm(seed: int) -> tuple[Composition, ...]:
    """Return what is said of some ten minutes of visitors."""
    chance = random.Random(seed)
    return tuple(compositions(visitors(chance, round(chance.gauss(USUAL, USUAL**0.5))) for _ in range(CALM)))


def then(seed: int, crowd: Crowd, times: int, windows: int = 3) -> list[Composition]:
    """Return ten calm minutes, and then windows in which a crowd sends so many times what is usual, visitors beside."""
    chance = random.Random(1000 + seed)
    flooded = [visitors(chance, USUAL) + crowd(chance, times * USUAL) for _ in range(windows)]
    return [*calm(seed), *compositions(flooded, first=CALM)]


@pytest.mark.parametrize("times", [4, 20])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("crowd", "kind"), [(distributed, DISTRIBUTED), (heavy, HEAVY), (application, APPLICATION)])
def test_a_flood_is_called_by_what_it_is_made_of(crowd: Crowd, kind: str, seed: int, times: int) -> None:
    threats, proposals = judged(then(seed, crowd, times))
    assert [(threat.family, threat.rule, threat.service) for threat in threats] == [("flood", kind, "shop")]
    assert threats[0].at_s == START_S + CALM * WINDOW_S
    assert threats[0].score > 2
    blocked = {proposal.target for proposal in proposals}
    assert blocked == (HEAVY_CLIENTS if kind == HEAVY else set())
    assert threats[0].client == ("203.0.113.7" if kind == HEAVY else MANY)


@pytest.mark.parametrize("times", [2, 5, 20])
@pytest.mark.parametrize("seed", range(5))
def test_a_launch_is_no_flood(seed: int, times: int) -> None:
    """Many more visitors who do what visitors do; behind the one address of a network, too."""
    assert judged(then(seed, launch, times)) == ([], [])


def test_a_rush_that_grows_slowly_and_ends_is_no_flood() -> None:
    chance = random.Random(9)
    sizes = [round(USUAL * (1 + 9 * math.sin(math.pi * k / 40))) for k in range(40)] + [USUAL] * 5
    rush = compositions((visitors(chance, size) for size in sizes), first=CALM)
    assert judged([*calm(0), *rush]) == ([], [])


def test_a_strange_crowd_that_is_not_large_is_no_flood() -> None:
    chance = random.Random(2)
    strange = compositions([distributed(chance, USUAL) for _ in range(3)], first=CALM)
    assert judged([*calm(0), *strange], Settings(floods=FloodSettings(least=1))) == ([], [])


def test_words_tell_how_many_from_whom_and_for_what() -> None:
    (said,), _ = judged(then(0, heavy, 9))
    assert said.text.startswith("heavy hitters: 1200 requests in 10 s, 1")
    assert ", by 203.0.113.7 (44 %), 203.0.113.9 (24 %), 203.0.113.8 (22 %); " in said.text
    (said,), _ = judged(then(0, application, 9))
    assert " % ask for /search" in said.text
    assert said.text.endswith(" queries")
    (said,), _ = judged(then(0, distributed, 9))
    assert " clients; 9" in said.text
    assert said.text.endswith(" % come as python-requests/2.31")


def test_a_secret_in_a_route_is_not_told() -> None:
    def crowd(chance: random.Random, requests: int) -> list[tuple[str, str, str]]:
        return [(client, "/reset;token=abcdefgh", agent) for client, _, agent in distributed(chance, requests)]

    (said,), _ = judged(then(0, crowd, 9))
    assert "ask for /reset;token=********" in said.text


def test_a_flood_is_said_again_while_it_lasts_and_teaches_nothing() -> None:
    shard = shard_of(FloodsBank, COMPOSITIONS)
    said = fold_into(shard, COMPOSITIONS, log_of(then(0, distributed, 9, windows=30)))
    times = [threat.at_s for threat in said if isinstance(threat, Threat)]
    assert [later - earlier for earlier, later in pairwise(times)] == [AGAIN_S] * 9
    (service,) = [one for entries in shard.bank.entries for one in entries.values()]  # type: ignore[attr-defined]
    assert service.usual.seen == CALM


def test_a_heavy_client_is_blocked_once_and_longer_when_it_returns() -> None:
    chance = random.Random(4)
    pieces = [*calm(0), *compositions([visitors(chance, USUAL) + heavy(chance, 1000) for _ in range(5)], first=CALM)]
    pieces += compositions((visitors(chance, USUAL) for _ in range(30)), first=CALM + 5)
    pieces += compositions([visitors(chance, USUAL) + heavy(chance, 1000)], first=CALM + 35)
    _, proposals = judged(pieces)
    assert [one.wanted for one in proposals if one.target == "203.0.113.7"] == [240.0, 960.0]
    assert len(proposals) == 6


@pytest.mark.parametrize("subject", ["203.0.113.7", EVERYBODY])
def test_a_heavy_client_that_a_person_lets_go_was_not_blocked(subject: str) -> None:
    chance = random.Random(4)
    first = log_of([*calm(0), *compositions([visitors(chance, USUAL) + heavy(chance, 1000)], first=CALM)])
    again = log_of(compositions([visitors(chance, USUAL) + heavy(chance, 1000)], first=CALM + 3))
    lift = Feedback(verdict="lift", subject=subject)
    said = check(FloodsBank, COMPOSITIONS, [*first, (again[0][0], lift), *again])
    wanted = [(one.target, one.wanted) for one in said if isinstance(one, Proposal)]
    let_go = HEAVY_CLIENTS if subject == EVERYBODY else {subject}
    assert sorted(wanted) == sorted([(one, 240.0) for one in HEAVY_CLIENTS] + [(one, 240.0) for one in let_go])


# Drawn rather than asked: many windows, cheaply -----------------------------------------------------------------------


def drawn(chance: random.Random, window: int, requests: int, heaviest: float = 0.0) -> Composition:
    """Return a window whose clients ask four times each; the heaviest one adds so many times that."""
    more = int(heaviest * requests)
    total, clients = requests + more, max(1, requests // 4)
    heavy, sources = {"192.0.2.1": more} if more else {}, dict[int, int]()
    for _ in range(clients):
        place, rank = chance.randrange(BUCKETS), 1 + int(-math.log2(1 - chance.random()))
        sources[place] = max(sources.get(place, 0), rank)

    def mix(weights: tuple[int, ...]) -> Mix:
        counts: dict[int, int] = {}
        for place in chance.choices(range(len(weights)), weights, k=total):
            counts[place] = counts.get(place, 0) + 1
        return Mix(counts=counts)

    return Composition(
        service="shop", at_s=float(START_S + window * WINDOW_S), requests=total,
        clients=Mix(counts=dict.fromkeys(range(BUCKETS), total // BUCKETS + 1), heavy=heavy),
        routes=mix((30, 20, 10, 5, 3)), agents=mix((10, 10, 7, 3)), sources=sources, asks=dict(sources),
    )  # fmt: skip


RHYTHM = Settings(anomaly=AnomalySettings(season_s=1800.0))
SEASON, BATCH_AT = 180, 100


def rhythm(seasons: int, first: int = 2, batch: int = 15) -> list[Composition]:
    """Return half hours of a rhythm, in each of which, from the first on, one client runs a batch at the same time."""
    chance = random.Random(5)
    said = []
    for window in range(seasons * SEASON):
        usual = round(200 * (1.5 + math.sin(2 * math.pi * window / SEASON)))
        in_batch = window >= first * SEASON and BATCH_AT <= window % SEASON < BATCH_AT + batch
        said.append(drawn(chance, window, usual, heaviest=3.0 if in_batch else 0.0))
    return said


def test_the_rhythm_of_the_day_is_no_flood_and_what_comes_every_day_is_none_in_time() -> None:
    threats, proposals = judged(rhythm(seasons=14), RHYTHM)
    seasons = {int(threat.at_s - START_S) // (SEASON * WINDOW_S) for threat in threats}
    places = {int(threat.at_s - START_S) // WINDOW_S % SEASON for threat in threats}
    assert {2, 3} <= seasons <= set(range(2, 12))
    assert all(BATCH_AT <= place < BATCH_AT + 15 for place in places)
    assert {proposal.target for proposal in proposals} == {"192.0.2.1"}


def test_the_same_at_another_time_of_the_day_is_a_flood() -> None:
    said = rhythm(seasons=9, first=0)
    at = 8 * SEASON + 30
    said[at] = drawn(random.Random(1), at, 350, heaviest=3.0)
    threats, _ = judged(said, RHYTHM)
    assert threats[-1].at_s == START_S + at * WINDOW_S


def test_what_goes_on_for_an_hour_is_believed() -> None:
    chance = random.Random(6)
    said = [drawn(chance, window, 200) for window in range(100)]
    said += [drawn(chance, window, 200, heaviest=3.0) for window in range(100, 100 + 450)]
    threats, _ = judged(said)
    assert len(threats) > 100
    assert BELIEVED_S <= threats[-1].at_s - START_S - 1000 < BELIEVED_S + 600


# Contract -------------------------------------------------------------------------------------------------------------

EAGER = Settings(anomaly=AnomalySettings(warmup=2), floods=FloodSettings(least=5, times=1.0))
Mixes = st.builds(
    Mix,
    counts=st.dictionaries(st.integers(0, 127), st.integers(1, 500), max_size=6),
    heavy=st.dictionaries(st.sampled_from(["192.0.2.1", "192.0.2.2", "/", "", "k…"]), st.integers(1, 500), max_size=3),
)
Registers = st.dictionaries(st.integers(0, 127), st.integers(1, 40), max_size=10)
Steps = st.lists(
    st.tuples(
        st.integers(0, 12_000),
        st.builds(
            Composition,
            service=st.sampled_from(["shop", "blog"]),
            at_s=st.integers(-2, 12).map(lambda window: float(START_S + window * WINDOW_S)),
            requests=st.sampled_from([1, 10, 60, 500, 5000]),
            clients=Mixes,
            routes=Mixes,
            agents=Mixes,
            sources=Registers,
            asks=Registers,
        ),
    ),
    max_size=40,
)


def as_log(steps: list[tuple[int, Composition]]) -> list[tuple[int, Any]]:
    log: list[tuple[int, Any]] = []
    time_ms = START_S * 1000
    for step_ms, one in steps:
        time_ms += step_ms
        log.append((time_ms, one))
    return [*log, (time_ms + 100_000, Tick())]


@given(Steps)
@settings(max_examples=10)
def test_it_keeps_the_contract_of_banks(steps: list[tuple[int, Composition]]) -> None:
    check(FloodsBank, COMPOSITIONS, as_log(steps), EAGER)


@given(Steps)
@settings(max_examples=60)
def test_only_a_heavy_client_by_its_whole_name_is_ever_to_be_blocked(steps: list[tuple[int, Composition]]) -> None:
    _, proposals = judged([one for _, one in steps], EAGER)
    named = {client for _, one in steps for client in one.clients.heavy}
    assert {one.target for one in proposals} <= named - {"", "k…"}


def test_a_composition_that_comes_after_its_window_was_judged_is_counted_and_changes_nothing() -> None:
    shard, chance = shard_of(FloodsBank, COMPOSITIONS), random.Random(1)
    late = drawn(chance, 0, 50)
    log = [*log_of([drawn(chance, 0, 100)]), (1000 * (START_S + 60), late), (1000 * (START_S + 90), Tick())]
    assert fold_into(shard, COMPOSITIONS, log) == []
    assert isinstance(shard.bank, FloodsBank)
    assert shard.bank.late == 1


def test_a_repeated_composition_counts_once() -> None:
    said = then(0, distributed, 9)
    assert all(one.origin is not None for one in said)
    twice = [one for one in said for _ in range(2)]
    assert [one.text for one in judged(twice)[0]] == [one.text for one in judged(said)[0]]


def test_what_is_read_long_afterwards_alarms_nobody() -> None:
    log = [(time_ms + 3_600_000, one) for time_ms, one in log_of(then(0, distributed, 9))]
    assert fold(FloodsBank, COMPOSITIONS, log) == []


def test_two_services_flooded_at_one_moment_are_two_threats() -> None:
    said = [one for service in ("shop", "blog") for one in _renamed(then(0, distributed, 9), service)]
    threats, _ = judged(sorted(said, key=lambda one: one.at_s))
    assert {threat.service for threat in threats} == {"shop", "blog"}
    assert len({threat.origin for threat in threats}) == len(threats)


def _renamed(said: list[Composition], service: str) -> list[Composition]:
    origins = [Origin("composition", "requests", ord(service[0]), k, (0, service)) for k in range(len(said))]
    from msgspec.structs import replace

    return [replace(one, service=service, origin=origin) for one, origin in zip(said, origins, strict=True)]


def test_a_distribution_is_as_far_as_must_be_moved_beyond_what_chance_moves() -> None:
    chance = random.Random(3)
    weights = [5, 3, 1, 1]
    usual = [weight / 10 for weight in weights]
    for requests in (50, 500, 5000):
        drawn_ = chance.choices(range(4), weights, k=requests)
        assert distance([drawn_.count(k) / requests for k in range(4)], usual, requests) < 0.05
    assert distance([0.0, 0.0, 0.0, 1.0], usual, 5000) == pytest.approx(0.9, abs=0.02)
