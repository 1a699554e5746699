"""Zeek's conn log as JSON: a connection a line (docs.zeek.org, "conn.log")."""

from __future__ import annotations

from typing import Any

from streams.ingest.connections import connection_of, member
from streams.ingest.fields import json_of, number_of, object_of, shown, time_of
from streams.ingest.refused import Refused
from topics.connections import Connection, Outcome
from topics.settings import Source

# Zeek tells by its packets how far a connection came. Where it did not see the opening, it cannot say who opened it.
STATES: dict[str, Outcome] = {
    "S0": "none",  # asked, never answered
    "S1": "answered",
    "S2": "answered",
    "S3": "answered",
    "SF": "answered",
    "REJ": "refused",
    "RSTO": "answered",  # established, then broken off
    "RSTR": "answered",
    "RSTOS0": "none",  # asked, and broken off before an answer
    "SH": "none",  # asked and finished, never answered
    "RSTRH": "unknown",  # the target's answer only
    "SHR": "unknown",
    "OTH": "unknown",  # from the middle on
}


def parse(value: bytes, key: bytes | None, source: Source) -> list[Connection]:
    """Return the one connection of a line.

    >>> ends = b'"id.orig_h": "192.0.2.7", "id.resp_h": "198.51.100.1", "id.resp_p": 23'
    >>> line = b'{"ts": 1.5, %b, "conn_state": "S0"}' % ends
    >>> found = parse(line, None, Source(topic="t", format="zeek_conn"))[0]
    >>> found.client, found.target, found.port, found.outcome
    ('192.0.2.7', '198.51.100.1', 23, 'none')
    """
    document = object_of(json_of(value), "a line of Zeek's conn log")
    protocol = member(document, "proto") or "tcp"
    return [
        connection_of(
            client=member(document, "id.orig_h"),
            target=member(document, "id.resp_h"),
            port=member(document, "id.resp_p"),
            protocol=protocol,
            at_s=time_of(member(document, "ts"), "ts"),
            outcome=outcome_of(member(document, "conn_state")),
            size=_bytes(document),
            service=source.service,
        )
    ]


def outcome_of(state: Any) -> Outcome:
    """Return what came of a connection that Zeek says this of; nothing is known where it says nothing."""
    if state is None:
        return "unknown"
    if not isinstance(state, str) or state not in STATES:
        raise Refused(f"expected conn_state to be one of {', '.join(STATES)}, found {shown(state)}")
    return STATES[state]


def _bytes(document: dict[str, Any]) -> float:
    sizes = (member(document, name) for name in ("orig_bytes", "resp_bytes"))
    return sum(number_of(size, "bytes") for size in sizes if size is not None)
