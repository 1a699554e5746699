"""What the formats of connections share: their names for protocols, members of objects, and the record they make."""

from __future__ import annotations

from typing import Any

from streams.ingest.fields import shown, usable, whole_of
from streams.ingest.refused import Refused
from topics.connections import LARGEST_PORT, Connection, Outcome, Protocol

# By name and by number (IANA, "Protocol Numbers").
PROTOCOLS: dict[str, Protocol] = {
    "tcp": "tcp", "6": "tcp", "udp": "udp", "17": "udp",
    "icmp": "icmp", "1": "icmp", "icmp6": "icmp", "icmpv6": "icmp", "ipv6-icmp": "icmp", "58": "icmp",
}  # fmt: skip
EPHEMERAL = 32_768
"""From here on are the ports that systems give to those who open connections."""


def member(document: dict[str, Any], name: str) -> Any:
    """Return a member by its dotted name, written so or as objects in each other; None for one that says nothing.

    >>> member({"id.orig_h": "a"}, "id.orig_h"), member({"id": {"orig_h": "a"}}, "id.orig_h"), member({"a": "-"}, "a")
    ('a', 'a', None)
    """
    value: Any = document.get(name)
    if value is None and "." in name:
        first, _, rest = name.partition(".")
        inner = document.get(first)
        value = member(inner, rest) if isinstance(inner, dict) else None
    return None if value in ("-", "") else value


def protocol_of(value: Any) -> Protocol:
    """Return a protocol from its name or number; whatever else there is, is other.

    >>> protocol_of("TCP"), protocol_of(17), protocol_of("sctp")
    ('tcp', 'udp', 'other')
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused(f"expected a protocol's name or number, found {shown(value)}")
    return PROTOCOLS.get(str(value).lower(), "other")


def connection_of(
    *, client: Any, target: Any, port: Any, protocol: Any, at_s: float, outcome: Outcome, size: float, service: str
) -> Connection:
    """Return the connection that a record tells of; one without ports has none, whatever stands in their place."""
    for name, address in (("client", client), ("target", target)):
        if not isinstance(address, str):
            raise Refused(f"expected the {name}'s address, found {shown(address)}")
    kind = protocol_of(protocol)
    number = whole_of(port, "the target's port") if kind in ("tcp", "udp") else 0
    if number > LARGEST_PORT:
        raise Refused(f"expected the target's port to be 0 to {LARGEST_PORT}, found {number}")
    return usable(
        Connection(
            client=client, target=target, port=number, protocol=kind, at_s=at_s, outcome=outcome,
            bytes=whole_of(size, "bytes"), service=service,
        )
    )  # fmt: skip
