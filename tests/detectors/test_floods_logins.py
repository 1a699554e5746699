"""Logins that fail from many clients: told where they come beside those that work, not in their place."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from detectors.composition import CompositionBank
from detectors.floods import FloodsBank
from detectors.floods_logins import BELIEVED, LEARNED, SPAN_S, Logins
from tests.contract import check
from tests.detectors.crowd import START_S
from tests.fakes import Entry, fold
from topics.compositions import COMPOSITIONS, WINDOW_S, Composition, Mix
from topics.control import Tick
from topics.requests import REQUESTS, Request
from topics.settings import FloodSettings
from topics.signals import MANY, Threat

WINDOWS = SPAN_S // WINDOW_S
FIRST_S = START_S // SPAN_S * SPAN_S
WORK, FAIL = 4.0, 0.3


class Span(NamedTuple):
    """Five minutes: how many logins work, and of how many clients they fail, in ten seconds."""

    work: float = WORK
    fail: float = FAIL


def count(chance: random.Random, mean: float) -> int:
    """Return a count of a mean: Poisson's."""
    limit, drawn, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        drawn, product = drawn + 1, product * chance.random()
    return drawn


def registers(chance: random.Random, clients: int) -> dict[int, int]:
    """Return the registers that so many new clients raise."""
    raised: dict[int, int] = {}
    for _ in range(clients):
        place, rank = chance.randrange(128), 1 + int(-math.log2(1 - chance.random()))
        raised[place] = max(raised.get(place, 0), rank)
    return raised


def told(spans: Iterable[Span], seed: int = 1, settings: FloodSettings | None = None) -> list[tuple[int, str]]:
    """Return in which span what was said, after an hour and a half of usual ones."""
    chance, logins, said = random.Random(seed), Logins(), list[tuple[int, str]]()
    for number, span in enumerate([*[Span()] * 18, *spans]):
        for window in range(WINDOWS):
            at_s = FIRST_S + number * SPAN_S + window * WINDOW_S
            failing = registers(chance, count(chance, span.fail))
            text = logins.take(at_s, count(chance, span.work), failing, settings or FloodSettings(), late=False)
            said += [(number - 18, text)] * bool(text)
    return said


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("more", [2.0, 5.0, 30.0])
def test_more_clients_that_fail_beside_those_that_succeed_are_told_of(more: float, seed: int) -> None:
    """From two clients more that fail in ten seconds, to many; once in five minutes."""
    said = told([Span(fail=FAIL + more)] * 2 + [Span()], seed)
    assert [number for number, _ in said] == [0, 1]
    assert all(" usual; " in text and text.startswith("logins failed from about ") for _, text in said)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("works", [0.0, 0.3, 0.6, 0.9])
def test_a_login_that_is_broken_for_all_or_some_is_not_stuffing(works: float, seed: int) -> None:
    """They fail in place of those that work, and some try again from the same address, which is no client more."""
    assert told([Span(WORK * works, FAIL + WORK * (1 - works))] * 4, seed) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("times", [0.1, 3.0, 10.0])
def test_a_launch_and_a_night_are_not_stuffing(times: float, seed: int) -> None:
    assert told([Span(WORK * times, FAIL * times)] * 4, seed) == []


def test_little_is_not_told_of_nor_anything_before_an_hour_is_known() -> None:
    few = FloodSettings(login_clients=500)
    assert told([Span(fail=5.0)] * 2, settings=few) == []
    logins = Logins()
    for number in range(LEARNED):
        at_s = FIRST_S + number * SPAN_S + SPAN_S - WINDOW_S
        assert logins.take(at_s, 0, registers(random.Random(1), 200 * (number == LEARNED - 1)), few, False) == ""


def test_what_lasts_for_more_than_an_hour_is_usual_then() -> None:
    numbers = [number for number, _ in told([Span(fail=FAIL + 3.0)] * 40)]
    assert numbers[:BELIEVED] == list(range(BELIEVED))
    assert numbers[-1] < 2 * BELIEVED


def composition(number: int, worked: int, failing: int, late_s: float = 0.0) -> tuple[int, Composition]:
    """Return the last ten seconds of a span, said when they are over."""
    at_s, mix = float(FIRST_S + number * SPAN_S + SPAN_S - WINDOW_S), Mix(counts={1: worked + failing})
    said = Composition(
        service="shop", at_s=at_s, requests=worked + failing, clients=mix, routes=mix, agents=mix, sources={}, asks={},
        logins=worked + failing, failures=failing, failing=registers(random.Random(number), failing),
    )  # fmt: skip
    return int(1000 * (at_s + WINDOW_S + late_s)), said


def test_the_bank_says_it_of_the_service_blocks_nobody_and_says_nothing_of_late_windows() -> None:
    calm: list[Entry] = [composition(number, 50, 2) for number in range(LEARNED + 1)]
    log = [*calm, composition(LEARNED + 1, 50, 90), composition(LEARNED + 2, 50, 90, late_s=400.0)]
    log = [*log, (log[-1][0] + 20_000, Tick())]
    (said,) = check(FloodsBank, COMPOSITIONS, log)
    assert isinstance(said, Threat)
    assert (said.client, said.service, said.family, said.rule) == (MANY, "shop", "login", "stuffing")
    assert said.at_s == FIRST_S + (LEARNED + 2) * SPAN_S - WINDOW_S
    assert said.score > 10


def test_what_is_posted_to_a_login_is_counted_and_whose_it_was() -> None:
    def asked(k: int, client: str, path: str, status: int, method: str = "POST") -> tuple[int, Request]:
        at_s = START_S + k / 10
        return int(1000 * at_s), Request(client=client, at_s=at_s, path=path, method=method, status=status)

    log = [
        asked(0, "192.0.2.1", "/login", 401), asked(1, "192.0.2.1", "/login", 403),
        asked(2, "192.0.2.1", "/login", 302),
        asked(3, "192.0.2.2", "/wp-login.php?x=1", 200), asked(4, "192.0.2.3", "/api/v1/signin", 200),
        asked(5, "192.0.2.4", "/login", 200, "GET"), asked(6, "192.0.2.5", "/cart", 401),
        asked(7, "192.0.2.6", "/login", 503), asked(8, "2001:db8::1", "/login", 422),
        asked(9, "2001:db8::2", "/login", 422),
    ]  # fmt: skip
    (said,) = fold(CompositionBank, REQUESTS, [*log, (log[-1][0] + 20_000, Tick())])
    assert isinstance(said, Composition)
    assert (said.requests, said.logins, said.failures) == (10, 7, 5)
    assert len(said.failing) == 3
    assert said.problem() is None
