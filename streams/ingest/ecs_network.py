"""Connections in the Elastic Common Schema, as Packetbeat, Filebeat's firewall modules and Vector write them."""

from __future__ import annotations

from typing import Any

from streams.ingest.connections import connection_of, member, protocol_of
from streams.ingest.fields import json_of, number_of, object_of, time_of
from streams.ingest.zeek_conn import outcome_of
from topics.connections import Connection, Outcome
from topics.settings import Source

DENIED = frozenset(
    ("deny", "denied", "drop", "dropped", "block", "blocked", "reject", "rejected", "connection-denied", "flow_denied")
)


def parse(value: bytes, key: bytes | None, source: Source) -> list[Connection]:
    """Return the one connection of a document.

    The service is the member `service.name`, else the source's. What came of it: what Zeek said, where it comes from
    there; refused where a firewall denied it; else the target answered if it sent anything, and did not if its flow is
    over and it sent nothing.

    >>> ends = b'"source.ip": "192.0.2.7", "destination": {"ip": "198.51.100.1", "port": 22}'
    >>> document = b'{"@timestamp": "2026-01-01T00:00:00Z", %b, "event": {"type": "denied"}}' % ends
    >>> found = parse(document, None, Source(topic="t", format="ecs_network"))[0]
    >>> found.client, found.port, found.protocol, found.outcome
    ('192.0.2.7', 22, 'tcp', 'refused')
    """
    document = object_of(json_of(value), "a document")
    sent = [_number(document, f"{side}.bytes") for side in ("source", "destination")]
    whole = _number(document, "network.bytes")
    name = member(document, "service.name")
    protocol = _first(document, "network.transport", "network.iana_number") or "tcp"
    return [
        connection_of(
            client=_first(document, "source.ip", "client.ip", "source.address"),
            target=_first(document, "destination.ip", "server.ip", "destination.address"),
            port=_first(document, "destination.port", "server.port"),
            protocol=protocol,
            at_s=time_of(_first(document, "event.start", "@timestamp"), "@timestamp"),
            outcome=_outcome(document, protocol, sent[1]),
            size=sum(size for size in sent if size is not None) or whole or 0,
            service=name if isinstance(name, str) else source.service,
        )
    ]


def _outcome(document: dict[str, Any], protocol: Any, answer: float | None) -> Outcome:
    state = member(document, "zeek.connection.state")
    if state is not None:
        return outcome_of(state)
    kinds = [word for name in ("event.type", "event.action") for word in _words(member(document, name))]
    if any(word in DENIED for word in kinds):
        return "refused"
    is_over = "end" in kinds or member(document, "flow.final") is True
    if answer:
        # One packet of TCP opens nothing: it is the refusal, or the first half of an answer.
        is_half = protocol_of(protocol) == "tcp" and _number(document, "destination.packets") == 1
        return "answered" if not is_half else "refused" if is_over else "unknown"
    return "none" if answer is not None and is_over else "unknown"


def _words(value: Any) -> list[str]:
    words = value if isinstance(value, list) else [value]
    return [word.lower() for word in words if isinstance(word, str)]


def _first(document: dict[str, Any], *names: str) -> Any:
    return next((found for name in names if (found := member(document, name)) is not None), None)


def _number(document: dict[str, Any], name: str) -> float | None:
    value = member(document, name)
    return None if value is None else number_of(value, name)
