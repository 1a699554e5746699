"""Readings: what is a reading, and what is wrong with one that is not."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.metrics import LARGEST, METRICS, Reading

GOOD = Reading(series="checkout/latency_s{route=/pay}", value=0.2, at_s=1.7e9)


def test_the_service_keys_the_topic() -> None:
    assert (GOOD.problem(), GOOD.service, GOOD.key()) == (None, "checkout", "checkout")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"series": "latency_s"}, "service/metric"),
        ({"series": "/latency_s"}, "service/metric"),
        ({"series": "shop/"}, "service/metric"),
        ({"series": "s/" + "x" * 600}, "bytes"),
        ({"value": math.nan}, "finite"),
        ({"value": -math.inf}, "finite"),
        ({"value": 2 * LARGEST}, "finite"),
        ({"at_s": -1.0}, "1970"),
        ({"at_s": math.nan}, "1970"),
        ({"kind": "sketch", "buckets": {3: 1 << 40}}, "at most"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], reason: str) -> None:
    problem = msgspec.structs.replace(GOOD, **changes).problem()
    assert problem is not None
    assert reason in problem


@given(value=st.floats(-LARGEST, LARGEST), at_s=st.floats(0, 1e12))
def test_a_reading_is_the_same_after_the_wire(value: float, at_s: float) -> None:
    reading = msgspec.structs.replace(GOOD, value=value, at_s=at_s)
    assert METRICS.decoder().decode(msgspec.json.encode(reading)) == reading


def test_a_series_is_known_apart_at_every_time() -> None:
    later = msgspec.structs.replace(GOOD, at_s=GOOD.at_s + 1e-6)
    assert later.subject() != GOOD.subject()
