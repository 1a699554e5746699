"""Requests: what is a request, and what is wrong with one that is not."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from topics.requests import Request

GOOD = Request(client="192.0.2.7", at_s=1.7e9, path="/cart?id=7", service="shop", status=200)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client": ""}, "client"),
        ({"client": "x" * 300}, "client"),
        ({"service": "a/b"}, "slash"),
        ({"service": ""}, "service"),
        ({"at_s": math.inf}, "1970"),
        ({"at_s": -0.1}, "1970"),
        ({"status": 1000}, "status"),
        ({"status": -1}, "status"),
        ({"duration_s": math.nan}, "duration_s"),
        ({"duration_s": -1.0}, "duration_s"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], reason: str) -> None:
    problem = msgspec.structs.replace(GOOD, **changes).problem()
    assert problem is not None
    assert reason in problem


def test_any_path_will_do() -> None:
    """What clients send is for the models to judge, not for the border."""
    assert all(
        msgspec.structs.replace(GOOD, path=path).problem() is None for path in ("", "*", "\0", "/%00", "x" * 100_000)
    )


def test_all_spellings_of_a_client_meet_in_one_partition() -> None:
    spellings = ("192.0.2.7", "192.0.2.7:4711", "::ffff:192.0.2.7")
    assert {msgspec.structs.replace(GOOD, client=client).key() for client in spellings} == {"192.0.2.7"}
