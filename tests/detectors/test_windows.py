"""Windows: two capabilities count in them, and both say each window once, whatever the order of what comes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.composition import CompositionBank
from detectors.traffic import TrafficBank
from detectors.windows import WindowsBank
from tests.fakes import fold
from topics import Derived
from topics.compositions import Composition
from topics.control import Tick
from topics.metrics import Reading
from topics.requests import REQUESTS, Request

START_S = 1_000_000


def told(said: list[Derived]) -> Counter[str]:
    """Return how many requests of each service were told of."""
    counts: Counter[str] = Counter()
    for one in said:
        if isinstance(one, Composition):
            counts[one.service] += one.requests
        elif isinstance(one, Reading) and one.series.endswith("/requests"):
            counts[one.series.partition("/")[0]] += int(one.value)
    return counts


@pytest.mark.parametrize("bank", [TrafficBank, CompositionBank])
@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["shop", "", "blog"])), max_size=60))
@settings(max_examples=20)
def test_each_request_is_told_of_once_and_those_without_a_service_are_of_the_default_one(
    bank: type[WindowsBank], steps: list[tuple[int, str]]
) -> None:
    """In the order of their times, so that no window is over before its requests are there."""
    log: list[tuple[int, object]] = []
    asked: Counter[str] = Counter()
    time_ms = START_S * 1000
    for step_ms, service in steps:
        time_ms += step_ms
        log.append((time_ms, Request(client="192.0.2.1", at_s=time_ms / 1000, path="/", service=service or "default")))
        asked[service or "default"] += 1
    assert told(fold(bank, REQUESTS, [*log, (time_ms + 100_000, Tick())])) == asked


@pytest.mark.parametrize(("bank", "window_ms"), [(TrafficBank, 1_000), (CompositionBank, 10_000)])
def test_a_window_is_told_of_at_the_first_beat_behind_its_end(bank: type[WindowsBank], window_ms: int) -> None:
    one = Request(client="192.0.2.1", at_s=float(START_S), path="/")
    log = [(START_S * 1000, one), (START_S * 1000 + window_ms - 1, Tick())]
    assert told(fold(bank, REQUESTS, log)) == Counter()
    assert told(fold(bank, REQUESTS, [*log, (START_S * 1000 + window_ms, Tick())])) == {"default": 1}
