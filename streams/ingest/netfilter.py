"""Lines that the LOG target of iptables and nftables, and so ufw and firewalld, writes to the kernel's log."""

from __future__ import annotations

import re
from typing import Any

from streams.ingest.connections import EPHEMERAL, connection_of, protocol_of
from streams.ingest.fields import json_of, object_of, shown, text_of, time_of, whole_of
from streams.ingest.refused import Refused
from topics.connections import Connection, Outcome
from topics.settings import Source

TIMES = ("__REALTIME_TIMESTAMP", "@timestamp", "timestamp", "time", "date")
ECHO_REQUESTS = ("8", "128")
_PACKET = re.compile(r"\bIN=\S{0,64} OUT=\S{0,64}")
_FIELD = re.compile(r"\b(SRC|DST|PROTO|SPT|DPT|LEN|TYPE)=(\S*)")
_DENIED = re.compile(r"block|drop|den(?:y|ied)|reject|refus|blacklist|ban\b|banned", re.IGNORECASE)


def parse(value: bytes, key: bytes | None, source: Source) -> list[Connection]:
    """Return the one connection of a line; none where its packet opens none, but belongs to one, or answers one.

    The time stands before the line (ISO 8601, as rsyslog and journalctl -o short-iso write it), or beside it in a log
    shipper's object. The rule's own prefix says what came of it: refused, where it has a word for that.

    >>> packet = b"IN=eth0 OUT= SRC=192.0.2.7 DST=198.51.100.1 LEN=40 PROTO=TCP SPT=40000 DPT=22 SYN URGP=0"
    >>> line = b"2026-01-01T00:00:00+00:00 gw kernel: [UFW BLOCK] " + packet
    >>> found = parse(line, None, Source(topic="t", format="netfilter"))[0]
    >>> found.client, found.port, found.outcome, found.at_s
    ('192.0.2.7', 22, 'refused', 1767225600.0)
    """
    time, line = _parts(value)
    packet = _PACKET.search(line)
    if packet is None:
        raise Refused(f"expected a line with IN=, OUT=, SRC=, DST= and PROTO=, found {shown(line.strip())}")
    # An ICMP error quotes the packet it is about, whose fields come last.
    fields = dict(reversed(_FIELD.findall(line, packet.end())))
    protocol = protocol_of(fields.get("PROTO"))
    if not _opens(protocol, fields, line[packet.end() :]):
        return []
    outcome: Outcome = "refused" if _DENIED.search(line[: packet.start()]) else "unknown"
    return [
        connection_of(
            client=fields.get("SRC"), target=fields.get("DST"), port=fields.get("DPT", 0), protocol=protocol,
            at_s=_at_s(time, line), outcome=outcome, size=whole_of(fields.get("LEN", 0), "LEN"), service=source.service,
        )
    ]  # fmt: skip


def _parts(value: bytes) -> tuple[Any, str]:
    """Return the time that stands beside a line, if any, and the line."""
    if value.lstrip()[:1] != b"{":
        return None, text_of(value)
    document = object_of(json_of(value), "a log record")
    line = next((document[name] for name in ("MESSAGE", "message", "log") if name in document), None)
    if not isinstance(line, str):
        raise Refused("expected a log line, or an object with one in `message`, `log` or `MESSAGE`, found none")
    return next((document[name] for name in TIMES if document.get(name) is not None), None), line


def _at_s(time: Any, line: str) -> float:
    """Return the time of a line: the one beside it, else the first word."""
    first = time if time is not None else line.split(maxsplit=1)[0]
    try:
        return time_of(first, "the time")
    except Refused:
        raise Refused(
            "expected an ISO 8601 time first, with its year (rsyslog writes it with RSYSLOG_FileFormat), found "
            f"{shown(first)}"
        ) from None


def _opens(protocol: str, fields: dict[str, str], rest: str) -> bool:
    """Say whether a packet can be the first of a connection; what firewalls refuse often is the last of one."""
    if protocol == "tcp":
        return re.search(r"\b(?:ACK|RST)\b", rest) is None
    if protocol == "udp":
        ports = fields.get("SPT", ""), fields.get("DPT", "")
        return not (all(map(str.isdigit, ports)) and int(ports[0]) < 1024 and int(ports[1]) >= EPHEMERAL)
    return protocol != "icmp" or fields.get("TYPE", "8") in ECHO_REQUESTS
