from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sketch import bucket_of
from detectors.traffic import TrafficBank
from tests.contract import check
from tests.fakes import fold
from topics import Derived, Origin
from topics.control import Tick
from topics.metrics import Reading
from topics.requests import REQUESTS, Request

START_S = 1_000_000


def request(at_s: float, service: str = "shop", status: int = 200, duration_s: float = 0.25, **more: Any) -> Request:
    return Request(
        client="192.0.2.1", at_s=at_s, path="/", service=service, status=status, duration_s=duration_s, **more
    )


Requests = st.lists(
    st.tuples(
        st.integers(0, 1500),
        st.builds(
            request,
            at_s=st.integers(-200_000, 3000).map(lambda ms: START_S + ms / 1000)
            | st.integers(0, 9).map(lambda s: START_S + float(s)),
            service=st.sampled_from(["shop", "blog", "default", "a" * 200]),
            status=st.sampled_from([0, 200, 304, 404, 429, 499, 500, 503, 599, 600]),
            duration_s=st.sampled_from([0.0, 1e-9, 0.003, 0.25, 7.5, 1e8]),
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


def totals(said: Sequence[Derived]) -> tuple[Counter[tuple[str, float]], Counter[tuple[str, float, int]]]:
    """Add up deltas, and sketches, per series and second."""
    counts: Counter[tuple[str, float]] = Counter()
    buckets: Counter[tuple[str, float, int]] = Counter()
    for reading in said:
        assert isinstance(reading, Reading)
        if reading.kind == "delta":
            counts[reading.series, reading.at_s] += int(reading.value)
        else:
            assert reading.buckets is not None
            assert reading.value == sum(reading.buckets.values())
            for bucket, count in reading.buckets.items():
                buckets[reading.series, reading.at_s, bucket] += count
    return counts, buckets


@given(Requests)
@settings(max_examples=30)
def test_every_request_is_counted_once_in_its_second_however_late(steps: list[tuple[int, Request]]) -> None:
    counts, buckets = totals(fold(TrafficBank, REQUESTS, as_log(steps)))
    plain: Counter[tuple[str, float]] = Counter()
    measured: Counter[tuple[str, float, int]] = Counter()
    for _, one in steps:
        second = float(int(one.at_s))
        plain[f"{one.service}/requests", second] += 1
        plain[f"{one.service}/errors", second] += 500 <= one.status < 600
        plain[f"{one.service}/client_errors", second] += 400 <= one.status < 500
        if one.duration_s > 0:
            measured[f"{one.service}/latency_s", second, bucket_of(one.duration_s)] += 1
    assert counts == plain
    assert buckets == measured


@given(Requests)
@settings(max_examples=6)
def test_it_keeps_the_contract_of_banks(steps: list[tuple[int, Request]]) -> None:
    check(TrafficBank, REQUESTS, as_log(steps))


def test_a_second_is_said_at_the_beat_that_finds_it_over_and_not_before() -> None:
    log = [(START_S * 1000 + ms, request(START_S + ms / 1000)) for ms in (100, 900, 1000)]
    assert fold(TrafficBank, REQUESTS, log[:2]) == []
    said = fold(TrafficBank, REQUESTS, log)
    assert {(r.series, r.value, r.at_s) for r in said if isinstance(r, Reading)} == {
        ("shop/requests", 2.0, START_S),
        ("shop/errors", 0.0, START_S),
        ("shop/client_errors", 0.0, START_S),
        ("shop/latency_s", 2.0, START_S),
    }


def test_a_second_in_which_nobody_measured_has_no_sketch() -> None:
    said = fold(TrafficBank, REQUESTS, as_log([(0, request(START_S, duration_s=0.0))]))
    assert not [r for r in said if isinstance(r, Reading) and r.kind == "sketch"]


def test_a_late_request_is_said_at_the_next_beat_and_adds_to_its_second() -> None:
    steps = [
        (100, request(START_S)),
        (2000, request(START_S + 2)),
        (100, request(START_S)),
        (1000, request(START_S + 3)),
    ]
    said = [
        r for r in fold(TrafficBank, REQUESTS, as_log(steps)) if isinstance(r, Reading) and r.series == "shop/requests"
    ]
    assert [(r.at_s - START_S, r.value) for r in said] == [(0, 1.0), (0, 1.0), (2, 1.0), (3, 1.0)]


def test_too_many_open_seconds_are_said_at_the_record_that_needs_the_place() -> None:
    said = fold(TrafficBank, REQUESTS, as_log([(0, request(START_S - second)) for second in range(12)])[:-1])
    assert sorted({r.at_s - START_S for r in said if isinstance(r, Reading)}) == [-10, -9, -8, -7]
    assert all(r.origin is not None and r.origin.subject[0] == 1 for r in said)


def test_a_forwarded_request_was_counted_where_it_first_appeared() -> None:
    origin = Origin("forward", "requests", 3, 17, (1, "192.0.2.1"))
    counts, _ = totals(
        fold(TrafficBank, REQUESTS, as_log([(0, request(START_S, origin=origin)), (0, request(START_S))]))
    )
    assert counts["shop/requests", START_S] == 1


def test_a_repeated_request_with_an_origin_is_counted_once() -> None:
    origin = Origin("ingest", "access", 0, 17, (1, "192.0.2.1"))
    counts, _ = totals(fold(TrafficBank, REQUESTS, as_log([(0, request(START_S, origin=origin))] * 2)))
    assert counts["shop/requests", START_S] == 1


def test_a_service_that_makes_room_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.rows.PAGE_BYTES", 1)  # one row a page
    steps = [(1, request(START_S, service=f"s{n % 150}")) for n in range(600)]
    said = check(TrafficBank, REQUESTS, as_log(steps))
    counts, _ = totals(said)
    assert sum(count for (series, _), count in counts.items() if series.endswith("/requests")) == 600
