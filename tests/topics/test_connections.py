"""Connections: what is one, and what is wrong with one that is not."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from topics.connections import Connection

GOOD = Connection(client="192.0.2.7", at_s=1.7e9, target="198.51.100.1", port=22, outcome="refused")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client": ""}, "client"),
        ({"target": ""}, "target"),
        ({"target": "x" * 300}, "target"),
        ({"service": "a/b"}, "slash"),
        ({"at_s": math.inf}, "1970"),
        ({"at_s": -0.1}, "1970"),
        ({"port": 65_536}, "port"),
        ({"port": -1}, "port"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], reason: str) -> None:
    assert GOOD.problem() is None
    problem = msgspec.structs.replace(GOOD, **changes).problem()
    assert problem is not None
    assert reason in problem


def test_all_spellings_of_a_client_meet_in_one_partition() -> None:
    spellings = ("192.0.2.7", "192.0.2.7:4711", "::ffff:192.0.2.7")
    assert {msgspec.structs.replace(GOOD, client=client).key() for client in spellings} == {"192.0.2.7"}


def test_connections_of_one_source_record_are_told_apart() -> None:
    others = [{"target": "198.51.100.2"}, {"port": 23}, {"protocol": "udp"}, {"client": "192.0.2.8"}]
    assert len({msgspec.structs.replace(GOOD, **other).subject() for other in ({}, *others)}) == 5  # type: ignore[arg-type]
