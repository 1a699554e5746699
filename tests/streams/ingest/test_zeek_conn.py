"""Zeek's conn log becomes connections."""

import json
from typing import get_args

import pytest

from streams.ingest.zeek_conn import STATES
from tests.streams.ingest.border import connection, outcome
from topics.connections import Connection, Outcome

LINE = {
    "ts": 1713484795.94,
    "uid": "C1",
    "id.orig_h": "192.0.2.7",
    "id.orig_p": 40000,
    "id.resp_h": "198.51.100.1",
    "id.resp_p": 6008,
    "proto": "tcp",
    "orig_bytes": 12,
    "resp_bytes": 30,
    "conn_state": "REJ",
    "service": "http",
}
FOUND = Connection(
    client="192.0.2.7", at_s=1713484795.94, target="198.51.100.1", port=6008, outcome="refused", bytes=42,
    service="edge",
)  # fmt: skip


def line(**other: object) -> str:
    return json.dumps({name: value for name, value in (LINE | other).items() if value is not None})


def test_a_line_is_a_connection() -> None:
    assert connection("zeek_conn", line(), "edge") == FOUND


def test_addresses_may_be_objects_and_times_texts() -> None:
    nested = {"id": {"orig_h": "192.0.2.7", "resp_h": "198.51.100.1", "resp_p": 6008}}
    flat = {"id.orig_h": None, "id.resp_h": None, "id.resp_p": None}
    assert connection("zeek_conn", line(ts="2024-04-18T23:59:55.940Z", **nested, **flat), "edge") == FOUND


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_is_an_outcome(state: str) -> None:
    assert connection("zeek_conn", line(conn_state=state)).outcome in get_args(Outcome)


@pytest.mark.parametrize(
    ("state", "outcome_"),
    [
        ("SF", "answered"),
        ("RSTO", "answered"),
        ("S0", "none"),
        ("REJ", "refused"),
        ("OTH", "unknown"),
        (None, "unknown"),
    ],
)
def test_what_a_state_says(state: str | None, outcome_: str) -> None:
    assert connection("zeek_conn", line(conn_state=state)).outcome == outcome_


def test_a_protocol_without_ports_has_none() -> None:
    found = connection("zeek_conn", line(proto="icmp", **{"id.resp_p": 3}))
    assert (found.protocol, found.port) == ("icmp", 0)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"conn_state": "S9"}, "conn_state"),
        ({"id.orig_h": None}, "client's address"),
        ({"id.resp_p": 70_000}, "port"),
        ({"id.resp_p": None}, "port"),
        ({"ts": None}, "ts"),
        ({"proto": 1.5}, "protocol"),
        ({"resp_bytes": "x"}, "bytes"),
    ],
)
def test_what_is_wrong_is_said(other: dict[str, object], reason: str) -> None:
    said = outcome("zeek_conn", line(**other).encode())
    assert isinstance(said, str)
    assert reason in said
