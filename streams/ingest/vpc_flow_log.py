"""AWS VPC flow logs in their default format (version 2): fields between blanks, or an object with their names.

A line tells of one direction. What goes back from a target is taken as word of the connection that it answers.
"""

from __future__ import annotations

from typing import Any

from streams.ingest.connections import EPHEMERAL, connection_of, member, protocol_of
from streams.ingest.fields import epoch_s, json_of, number_of, object_of, shown, text_of, whole_of
from streams.ingest.refused import Refused
from topics.connections import Connection, Outcome
from topics.settings import Source

FIELDS = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status",
)  # fmt: skip
BARE, SPOKEN = 44, 60
"""Bytes of a packet on average: up to the one are refusals, beyond the other something was said."""


def parse(value: bytes, key: bytes | None, source: Source) -> list[Connection]:
    """Return the one connection of a line; none where the line says that there was none, or heads the others.

    Its time is the end of the span that the line tells of. An accepted flow says that the network let it pass: whether
    the target answered, its packets must show.

    >>> line = b"2 1 eni-1 192.0.2.7 198.51.100.1 40000 22 6 1 40 1700000000 1700000060 REJECT OK"
    >>> found = parse(line, None, Source(topic="t", format="vpc_flow_log"))[0]
    >>> found.client, found.target, found.port, found.outcome
    ('192.0.2.7', '198.51.100.1', 22, 'refused')
    """
    fields = _fields(value)
    if member(fields, "log-status") in ("NODATA", "SKIPDATA") or fields["version"] == "version":
        return []
    action = member(fields, "action")
    if action not in ("ACCEPT", "REJECT"):
        raise Refused(f"expected action to be ACCEPT or REJECT, found {shown(action)}")
    here, there = (member(fields, name) for name in ("srcaddr", "dstaddr"))
    from_port, to_port = (whole_of(member(fields, name) or 0, name) for name in ("srcport", "dstport"))
    is_back = action == "ACCEPT" and from_port < EPHEMERAL <= to_port
    return [
        connection_of(
            client=there if is_back else here,
            target=here if is_back else there,
            port=from_port if is_back else to_port,
            protocol=member(fields, "protocol"),
            at_s=epoch_s(number_of(member(fields, "end"), "end")),
            outcome="refused" if action == "REJECT" else _outcome(fields, is_back),
            size=number_of(member(fields, "bytes"), "bytes"),
            service=source.service,
        )
    ]


def _fields(value: bytes) -> dict[str, Any]:
    """Return a line's fields by name."""
    if value.lstrip()[:1] == b"{":
        document = object_of(json_of(value), "a flow log record")
        if "srcaddr" in document:
            return {"version": None, **document, "log-status": document.get("log-status", document.get("log_status"))}
        line = document.get("message", document.get("log"))
        if not isinstance(line, str):
            raise Refused("expected a flow log line in `message` or `log`, or its fields, found neither")
    else:
        line = text_of(value)
    words = line.split()
    if len(words) != len(FIELDS):
        raise Refused(f"expected the {len(FIELDS)} fields of the default format, found {len(words)}: {shown(line)}")
    return dict(zip(FIELDS, words, strict=True))


def _outcome(fields: dict[str, Any], is_back: bool) -> Outcome:
    """Say whether a flow that passed shows that the target answered."""
    packets, size = (number_of(member(fields, name), name) for name in ("packets", "bytes"))
    if protocol_of(member(fields, "protocol")) != "tcp":
        return "answered" if is_back and packets > 0 else "unknown"
    if is_back:
        return "answered" if packets >= 2 and size > BARE * packets else "unknown"
    return "answered" if packets >= 4 and size > SPOKEN * packets else "unknown"
