"""Foreign formats: one file each, one pure function each, from a record's bytes to our records."""

from __future__ import annotations

from collections.abc import Callable

from streams.ingest import access_log, canonical, nginx_json, telegraf
from streams.ingest.refused import Refused
from topics.metrics import Reading
from topics.requests import Request
from topics.settings import Source

__all__ = ["FORMATS", "Parse", "Refused"]

Parse = Callable[[bytes, bytes | None, Source], list[Reading | Request]]
"""Value, key and source of a record to what it says; raises Refused for what cannot be translated, and nothing else."""

FORMATS: dict[str, Parse] = {
    "access_log": access_log.parse,
    "canonical": canonical.parse,
    "nginx_json": nginx_json.parse,
    "telegraf": telegraf.parse,
}
