"""A composition that cannot be added up with others is refused."""

from __future__ import annotations

from typing import Any

import pytest

from topics.compositions import Composition, Mix

MIX = Mix(counts={3: 5})


def composition(**more: Any) -> Composition:
    usual = {"service": "shop", "at_s": 20.0, "requests": 5, "clients": MIX, "routes": MIX, "agents": MIX}
    return Composition(**{**usual, "sources": {0: 1}, "asks": {127: 50}, **more})


def test_one_that_is_right_is_taken() -> None:
    assert composition().problem() is None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"service": ""}, "service must have"),
        ({"service": "a/b"}, "no slash"),
        ({"at_s": 25.0}, "multiple of 10"),
        ({"at_s": -10.0}, "multiple of 10"),
        ({"at_s": float("nan")}, "multiple of 10"),
        ({"requests": 0}, "requests must be"),
        ({"sources": {128: 1}}, "buckets must be 0 to 127"),
        ({"asks": {-1: 1}}, "buckets must be 0 to 127"),
        ({"agents": Mix(counts={5: -2})}, "buckets must be 0 to 127"),
        ({"routes": Mix(counts={5: 2}, heavy={str(k): 1 for k in range(65)})}, "at most 64 may be heavy"),
    ],
)
def test_one_that_is_wrong_is_refused_with_the_reason(more: dict[str, Any], why: str) -> None:
    assert why in (composition(**more).problem() or "")
