"""Foreign formats: one file each, one pure function each, from a record's bytes to our records."""

from __future__ import annotations

from collections.abc import Callable

from streams.ingest.refused import Refused
from topics.metrics import Reading
from topics.requests import Request
from topics.settings import Source

__all__ = ["FORMATS", "Parse", "Refused"]

Parse = Callable[[bytes, bytes | None, Source], "list[Reading | Request]"]

FORMATS: dict[str, Parse] = {}
