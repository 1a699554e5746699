"""Foreign formats: one file each, one pure function each, from a record's bytes to our records."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streams.ingest import (
    access_log,
    canonical,
    ecs_network,
    netfilter,
    nginx_json,
    telegraf,
    vpc_flow_log,
    zeek_conn,
)
from streams.ingest.refused import Refused
from topics import Topic
from topics.connections import CONNECTIONS, Connection
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request
from topics.settings import Source

__all__ = ["FORMATS", "SILENT", "Parse", "Refused", "Translated", "home_of"]

Translated = Reading | Request | Connection
Parse = Callable[[bytes, bytes | None, Source], Sequence[Translated]]
"""Value, key and source of a record to what it says; raises Refused for what cannot be translated, and nothing else."""

FORMATS: dict[str, Parse] = {
    "access_log": access_log.parse,
    "canonical": canonical.parse,
    "ecs_network": ecs_network.parse,
    "netfilter": netfilter.parse,
    "nginx_json": nginx_json.parse,
    "telegraf": telegraf.parse,
    "vpc_flow_log": vpc_flow_log.parse,
    "zeek_conn": zeek_conn.parse,
}
SILENT = frozenset({"netfilter", "vpc_flow_log"})
"""Formats with records that say nothing we have a word for, and are none the worse for it."""


def home_of(record: Translated) -> Topic:
    """Return the topic of ours that a record belongs on."""
    if isinstance(record, Reading):
        return METRICS
    return REQUESTS if isinstance(record, Request) else CONNECTIONS
