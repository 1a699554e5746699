"""Records that are ours already: a reading or a request as JSON, one or several (JSON lines, or a list)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.ingest.fields import usable
from streams.ingest.refused import Refused
from topics.metrics import Reading
from topics.requests import Request
from topics.settings import Source


class Kind(msgspec.Struct, gc=False):
    """What tells readings from requests: the one names a series, the other a client."""

    series: Any = None
    client: Any = None


_kind = msgspec.json.Decoder(Kind).decode
_many = msgspec.json.Decoder(list[msgspec.Raw]).decode
_reading = msgspec.json.Decoder(Reading).decode
_request = msgspec.json.Decoder(Request).decode
_whole = msgspec.json.Decoder(msgspec.Raw).decode


def parse(value: bytes, key: bytes | None, source: Source) -> list[Reading | Request]:
    """Return the readings and requests of a record; a request that names no service is one of the source's service.

    >>> parse(b'{"series": "shop/load", "value": 1, "at_s": 2}', None, Source(topic="t", format="canonical"))
    [Reading(origin=None, series='shop/load', value=1.0, at_s=2.0, kind='gauge', buckets=None)]
    """
    found = [one_of(part, source) for part in parts_of(value)]
    if not found:
        raise Refused("expected a reading or a request, found nothing")
    clients = [record.client for record in found if isinstance(record, Request)]
    if len(set(clients)) < len(clients):
        raise Refused("expected at most one request of a client in one record, since a request is known by its record")
    return found


def parts_of(value: bytes) -> Iterator[bytes | msgspec.Raw]:
    """Take a record apart: a list, one object, or one a line."""
    stripped = value.strip()
    try:
        if stripped.startswith(b"["):
            yield from _many(stripped)
            return
        if b"\n" not in stripped or _is_whole(stripped):
            yield from [stripped] if stripped else []
            return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(str(error)) from None
    yield from (line for line in stripped.splitlines() if line.strip())


def one_of(part: bytes | msgspec.Raw, source: Source) -> Reading | Request:
    """Return the one record that a part says."""
    try:
        kind = _kind(part)
        if kind.series is None and kind.client is None:
            raise Refused("expected a reading (series, value, at_s) or a request (client, path, at_s), found neither")
        if kind.series is not None:
            return usable(msgspec.structs.replace(_reading(part), origin=None))
        request = _request(part)
        service = source.service if request.service == "default" else request.service
        return usable(msgspec.structs.replace(request, origin=None, service=service))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(str(error)) from None


def _is_whole(value: bytes) -> bool:
    """Say whether a text of several lines is one object all the same, written over them."""
    try:
        _whole(value)
    except msgspec.DecodeError:
        return False
    return True
