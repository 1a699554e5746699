import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bank import page_of
from detectors.security.bank import SecurityBank
from detectors.security.behaviour import Row
from detectors.security.habits import (
    ENOUGH_OF_SERVICE,
    MOST,
    PAGE_SERVICES,
    Usual,
    begin,
    counted,
    learn_usual,
    minute_of,
)
from tests.contract import check
from tests.detectors.security.logs import CLIENT, log_of, proposals, request, said_of, threats
from topics.requests import REQUESTS, Request
from topics.settings import Limit, SecuritySettings, Settings

LOOSE = SecuritySettings(limit=Limit(requests=100, window_s=1.0), learned_least=10)
NEIGHBOURS = [
    name
    for name in (f"10.0.{k >> 8}.{k & 255}" for k in range(9000))
    if page_of(name.encode()) == page_of(CLIENT.encode())
]


def minute(number: int, count: int, client: str = CLIENT, service: str = "shop") -> list[Request]:
    """Return a client's requests of a minute."""
    return [request(number * 60 + k * 59 / count, client, f"/item/w{k}", service=service) for k in range(count)]


def history(minutes: int, count: int = 6) -> list[Request]:
    """Return what a client and its neighbours in the page ask for in some minutes."""
    sent = []
    for number in range(minutes):
        for client in (CLIENT, *NEIGHBOURS[:4]):
            sent += minute(number, count, client)
    return sorted(sent, key=lambda one: one.at_s)


def test_a_client_that_asks_far_more_than_it_and_others_usually_do_is_told_of_and_not_blocked() -> None:
    said = said_of([*history(30), *minute(30, 60)], LOOSE)
    (threat,) = threats(said)
    assert (threat.family, threat.rule) == ("rate", "learned")
    assert threat.text == ("more than 19 requests to shop in a minute, which is more than this client usually makes")
    assert proposals(said) == []


def test_a_steady_client_and_one_that_grows_slowly_are_not_told_of() -> None:
    assert said_of([*history(30), *minute(30, 9)], LOOSE) == []
    grown = [one for number in range(30, 90) for one in minute(number, min(6 + (number - 30) // 4, 20))]
    assert said_of([*history(30), *grown], LOOSE) == []


def test_nothing_is_said_before_the_service_is_known_nor_below_the_least() -> None:
    assert said_of([*history(15), *minute(15, 60)], LOOSE) == []
    assert said_of([*history(30), *minute(30, 60)], SecuritySettings(limit=LOOSE.limit)) == []
    off = SecuritySettings(limit=LOOSE.limit, learned_least=10, learned=False)
    assert said_of([*history(30), *minute(30, 60)], off) == []


def test_a_new_client_is_held_against_what_the_busiest_do() -> None:
    said = said_of([*history(30), *minute(30, 60, NEIGHBOURS[5])], LOOSE)
    assert [(t.client, t.rule) for t in threats(said)] == [(NEIGHBOURS[5], "learned")]
    assert said_of([*history(30), *minute(30, 20, NEIGHBOURS[5])], LOOSE) == []


def test_what_one_asks_of_another_service_is_another_habit() -> None:
    said = said_of([*history(30), *minute(30, 60, service="blog")], LOOSE)
    assert said == []


@given(counts=st.lists(st.integers(1, 400), min_size=1, max_size=300))
@settings(max_examples=20)
def test_no_limit_leaves_the_bounds_of_the_service_whatever_is_learned(counts: list[int]) -> None:
    row, usual = np.zeros(1, Row)[0], np.zeros(PAGE_SERVICES, Usual)
    for number, count in enumerate(counts, 1):
        for _ in range(count):
            minute = minute_of(60.0 * number)
            k, begins = counted(row, np.uint32(7), minute)
            if begins:
                begin(row, k, minute, 5.0, usual)
        limit, busy = float(row["habit_limit"][0]), float(usual[0]["busy"])
        assert limit == 0.0 or max(5.0, min(busy, limit)) <= limit <= max(5.0, MOST * busy)
        assert (busy == 0.0) == (usual[0]["seen"] < ENOUGH_OF_SERVICE)


def test_busy_is_what_one_minute_of_a_hundred_exceeds() -> None:
    one = np.zeros(1, Usual)[0]
    for _ in range(2):
        for count in [3] * 98 + [50]:
            learn_usual(one, float(count))
    assert one["busy"] == np.float32(2.0**6)
    for _ in range(200):
        learn_usual(one, 3.0)
    assert one["busy"] == np.float32(2.0**2)


@given(
    counts=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 12), st.integers(0, 2)), min_size=8, max_size=30),
)
@settings(max_examples=5)
def test_habits_keep_the_contract_of_banks(counts: list[tuple[int, int, int]]) -> None:
    sent, number = history(22, 2), 22
    for step, count, who in counts:
        number += step
        sent += minute(number, 3 * count, (CLIENT, NEIGHBOURS[0], NEIGHBOURS[7])[who])
    sent.sort(key=lambda one: one.at_s)
    check(SecurityBank, REQUESTS, log_of(sent), Settings(security=SecuritySettings(learned_least=2)))
