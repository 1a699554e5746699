from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.security.bank import SecurityBank
from detectors.security.behaviour import Row
from detectors.security.rates import KEPT, insert, is_over
from tests.contract import check
from tests.detectors.security.logs import CLIENT, START_S, log_of, proposals, request, said_of, threats
from topics.requests import REQUESTS, Request
from topics.settings import Limit, SecuritySettings, Settings
from topics.signals import Threat

WINDOW_S = 60.0


def plainly_over(times: Sequence[float], requests: int, window_s: float) -> bool:
    """Ask all times there were: the reference."""
    newest = max(times)
    return sum(time > newest - window_s for time in times) > requests


# Times that lie on the window's edges, just beside them, far off, equal, and out of order.
Steps = st.sampled_from(
    [0.0, 0.0, 1e-9, 0.3, 0.6, 1.0, 59.9, 60.0, 60.1, -0.3, -1.0, -59.9, -60.0, -60.1, 200.0, -200.0]
)
Edges = st.lists(Steps, min_size=1, max_size=250)


@given(steps=Edges, requests=st.sampled_from([1, 2, 3, 10, 99, 100]), crowd=st.integers(0, 120))
def test_no_decision_differs_from_that_of_a_sorted_log(steps: list[float], requests: int, crowd: int) -> None:
    row = np.zeros(1, Row)[0]
    times: list[float] = []
    at_s = 1000.0
    for step in [0.0] * crowd + steps:
        at_s += step
        times.append(at_s)
        insert(row, at_s)
        assert is_over(row, requests, WINDOW_S) == plainly_over(times, requests, WINDOW_S)


@given(times=st.lists(st.floats(0, 200), min_size=1, max_size=300))
def test_a_row_keeps_the_newest_times_in_order_however_they_came(times: list[float]) -> None:
    row = np.zeros(1, Row)[0]
    for time in times:
        insert(row, time)
    kept = [row["times"][(row["head"] + k) % KEPT] for k in range(row["count"])]
    assert kept == sorted(times)[-KEPT:]


def plainly_said(requests: Sequence[Request], limit: Limit, late_s: float = 300.0) -> list[tuple[str, float]]:
    """Return (client, at_s) of the threats that a plain fold of all times says."""
    times: dict[str, list[float]] = {}
    said_s: dict[str, float] = {}
    said = []
    for (time_ms, _), one in zip(log_of(requests), requests, strict=True):
        mine = times.setdefault(one.client, [])
        mine.append(one.at_s)
        late = one.at_s < time_ms / 1000 - late_s
        if late or not plainly_over(mine, limit.requests, limit.window_s):
            continue
        if one.client not in said_s or max(mine) >= said_s[one.client] + limit.window_s:
            said_s[one.client] = max(mine)
            said.append((one.client, one.at_s))
    return said


@given(
    steps=st.lists(st.tuples(st.sampled_from(["192.0.2.1", "192.0.2.2", "key"]), Steps), min_size=1, max_size=120),
    requests=st.sampled_from([1, 3, 10]),
)
@settings(max_examples=12)
def test_what_is_said_is_what_a_sorted_log_says_cut_replayed_and_restarted_anywhere(
    steps: list[tuple[str, float]], requests: int
) -> None:
    at_s, sent = 1000.0, []
    for client, step in steps:
        at_s += step
        sent.append(request(at_s, client))
    limit = Limit(requests=requests, window_s=WINDOW_S)
    said = check(SecurityBank, REQUESTS, log_of(sent), Settings(security=SecuritySettings(limit=limit)))
    assert [(one.client, one.at_s) for one in threats(said)] == plainly_said(sent, limit)


def test_the_hundredth_request_in_the_window_is_allowed_and_the_next_is_not() -> None:
    assert said_of(request(k * 0.5) for k in range(100)) == []
    threat, proposal = said_of(request(k * 0.5) for k in range(101))
    assert isinstance(threat, Threat)
    assert (threat.family, threat.text, threat.at_s) == ("rate", "100 requests in 60 s exceeded", START_S + 50.0)
    (proposed,) = proposals([proposal])
    assert (proposed.target, proposed.wanted, proposed.why) == (CLIENT, 240.0, "100 requests in 60 s exceeded")


def test_a_request_exactly_a_window_old_is_out_of_it() -> None:
    steady = [request(k * 0.6) for k in range(101)]  # the first and the last are 60 s apart
    assert said_of(steady) == []


def test_an_excess_that_goes_on_is_said_once_a_window() -> None:
    said = threats(said_of(request(k * 0.1) for k in range(2000)))
    assert [one.at_s - START_S for one in said] == pytest.approx([10.0, 70.0, 130.0, 190.0])


def test_a_late_request_counts_where_it_belongs() -> None:
    sent = [request(k * 0.1) for k in range(100)] + [request(5.05)]
    assert len(threats(said_of(sent))) == 1


def test_a_request_that_is_too_late_teaches_and_says_nothing() -> None:
    sent = [request(k * 0.1) for k in range(100)] + [request(400, "other"), request(9.95)]
    assert said_of(sent) == []
