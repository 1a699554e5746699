"""Composition: whatever is asked, what is said adds up to it, and names who asks for much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.composition import CompositionBank
from detectors.crowds import LEAST_NAMED, SHARE_BITS, distinct
from tests.contract import check
from tests.fakes import fold, fold_into, shard_of
from topics import Origin
from topics.compositions import WINDOW_S, Composition
from topics.control import Tick
from topics.requests import REQUESTS, Request

START_S = 1_000_000


def request(at_s: float, client: str = "192.0.2.1", path: str = "/", service: str = "shop", **more: Any) -> Request:
    return Request(client=client, at_s=at_s, path=path, service=service, **more)


Requests = st.lists(
    st.tuples(
        st.integers(0, 3000),
        st.builds(
            request,
            at_s=st.integers(-30_000, 20_000).map(lambda ms: START_S + ms / 1000),
            client=st.sampled_from(["192.0.2.1", "192.0.2.1:99", "[2001:db8::7]:4", "key:" + "k" * 60, "192.0.2.9"]),
            path=st.sampled_from(["/", "/item/12?q=1", "/item/7/x", "/" + "long/" * 20, "", "/é"]),
            service=st.sampled_from(["shop", "blog", "default"]),
            agent=st.sampled_from(["", "curl/8", "Mozilla/5.0 (" + "x" * 80]),
        ),
    ),
    max_size=60,
)


def as_log(steps: Sequence[tuple[int, Request]]) -> list[tuple[int, Any]]:
    """Append each request so many ms after the one before, and let everything close at the end."""
    log: list[tuple[int, Any]] = []
    time_ms = START_S * 1000
    for step_ms, one in steps:
        time_ms += step_ms
        log.append((time_ms, one))
    return [*log, (time_ms + 100_000, Tick())]


def said_of(requests: Sequence[Request]) -> list[Composition]:
    said = fold(CompositionBank, REQUESTS, as_log([(0, one) for one in requests]))
    assert all(isinstance(one, Composition) and one.problem() is None for one in said)
    return said  # type: ignore[return-value]


def one_of(requests: Sequence[Request]) -> Composition:
    (said,) = said_of(requests)
    return said


@given(Requests)
@settings(max_examples=30)
def test_what_is_said_adds_up_to_what_was_asked_but_for_what_was_missed(steps: list[tuple[int, Request]]) -> None:
    shard = shard_of(CompositionBank, REQUESTS)
    said = [one for one in fold_into(shard, REQUESTS, as_log(steps)) if isinstance(one, Composition)]
    assert isinstance(shard.bank, CompositionBank)
    assert sum(one.requests for one in said) + shard.bank.missed == len(steps)
    plain = Counter((one.service, int(one.at_s) // WINDOW_S * WINDOW_S) for _, one in steps)
    counted: Counter[tuple[str, int]] = Counter()
    for one in said:
        counted[one.service, int(one.at_s)] += one.requests
        for mix in (one.clients, one.routes, one.agents):
            assert sum(mix.counts.values()) == one.requests
            assert sum(mix.heavy.values()) <= one.requests
    assert counted <= plain


@given(Requests)
@settings(max_examples=6)
def test_it_keeps_the_contract_of_banks(steps: list[tuple[int, Request]]) -> None:
    check(CompositionBank, REQUESTS, as_log(steps))


@given(st.lists(st.integers(1, 120), min_size=1, max_size=6), st.integers(0, 600), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_who_asks_for_much_is_named_with_about_how_much(heavy: list[int], others: int, chance: Any) -> None:
    clients = [f"192.0.2.{k}" for k, count in enumerate(heavy) for _ in range(count)]
    clients += [f"10.0.{k >> 8}.{k & 255}" for k in range(others)]
    chance.shuffle(clients)
    said, total = one_of([request(START_S, client) for client in clients]), len(clients)
    slack = LEAST_NAMED + (total >> SHARE_BITS) + 8
    for k, count in enumerate(heavy):
        if count > 2 * slack:
            assert abs(said.clients.heavy[f"192.0.2.{k}"] - count) <= slack
    assert all(count > LEAST_NAMED for count in said.clients.heavy.values())


def test_of_very_many_requests_some_stand_for_all_in_routes_and_agents() -> None:
    """Clients and what is asked are counted one by one; page loads of eight requests keep no step with the choice."""
    asked = [request(START_S, f"10.0.{k % 9}.1", f"/part/{'abcdefgh'[k % 8]}", agent="curl/8") for k in range(20_000)]
    said = one_of(asked)
    assert sum(said.clients.counts.values()) == 20_000
    assert sum(said.routes.counts.values()) == pytest.approx(20_000, rel=0.01)
    assert sorted(said.routes.heavy) == [f"/part/{letter}" for letter in "abcdefgh"]
    assert [count / 20_000 for count in said.routes.heavy.values()] == pytest.approx([1 / 8] * 8, abs=0.04)
    assert said.agents.heavy["curl/8"] == pytest.approx(20_000, rel=0.01)


def test_nobody_is_named_where_all_ask_alike() -> None:
    said = one_of([request(START_S, f"10.{k >> 16}.{k >> 8 & 255}.{k & 255}") for k in range(20_000)])
    assert said.clients.heavy == {}
    assert distinct(said.sources) == pytest.approx(20_000, rel=0.3)
    assert max(said.clients.counts.values()) < 0.02 * 20_000


def test_a_name_in_the_bucket_of_a_heavy_one_is_not_thought_heavy() -> None:
    """Of many light clients some share the bucket of the heavy one; what it accounts for is not theirs."""
    clients = [f"10.0.{k >> 8}.{k & 255}" for k in range(4000)]
    mixed = [request(START_S, one) for client in clients for one in ("192.0.2.1", client)]
    assert set(one_of(mixed).clients.heavy) == {"192.0.2.1"}


def test_a_route_is_a_path_without_its_query_and_numbers_and_asks_tell_queries_apart() -> None:
    said = one_of([request(START_S, path=f"/item/{k}/view?page={k}") for k in range(500)])
    assert said.routes.heavy == {"/item/#/view": 500}
    assert distinct(said.asks) == pytest.approx(500, rel=0.3)
    assert distinct(one_of([request(START_S, path="/item/1?page=2")] * 500).asks) == pytest.approx(1, abs=0.1)


def test_a_client_is_one_however_its_address_is_written_and_a_long_name_is_cut() -> None:
    said = one_of([request(START_S, f"192.0.2.1:{port}") for port in range(1, 60)])
    assert said.clients.heavy == {"192.0.2.1": 59}
    (name,) = one_of([request(START_S, "key:" + "k" * 80)] * 40).clients.heavy
    assert name == "key:" + "k" * 44 + "…"


def test_a_window_is_said_at_the_beat_that_finds_it_over_and_not_before() -> None:
    log = [(START_S * 1000 + ms, request(START_S + ms / 1000)) for ms in (100, 9900)]
    assert fold(CompositionBank, REQUESTS, log) == []
    said = fold(CompositionBank, REQUESTS, [*log, (START_S * 1000 + 10_000, Tick())])
    assert [(one.at_s, one.requests) for one in said if isinstance(one, Composition)] == [(START_S, 2)]


def test_two_windows_are_open_and_the_older_is_said_where_a_third_begins() -> None:
    steps = [(0, request(START_S + at)) for at in (0, 10, 3, 20, 1, 12)]
    said = [one for one in fold(CompositionBank, REQUESTS, as_log(steps)) if isinstance(one, Composition)]
    assert [(one.at_s - START_S, one.requests) for one in said] == [(0, 2), (10, 2), (20, 1)]


def test_a_forwarded_request_was_counted_where_it_first_appeared_and_a_repeated_one_counts_once() -> None:
    forwarded = Origin("forward", "requests", 3, 17, (1, "192.0.2.1"))
    ingested = Origin("ingest", "access", 0, 17, (1, "192.0.2.1"))
    asked = [request(START_S, origin=forwarded), request(START_S), *[request(START_S, origin=ingested)] * 2]
    assert one_of(asked).requests == 2


def test_a_service_that_makes_room_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.rows.PAGE_BYTES", 1)  # one row a page
    steps = [(1, request(START_S, service=f"s{n % 150}")) for n in range(600)]
    said = check(CompositionBank, REQUESTS, as_log(steps))
    assert sum(one.requests for one in said if isinstance(one, Composition)) == 600
