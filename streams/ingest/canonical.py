"""Records that are ours already: readings, requests and connections as JSON, one or several (JSON lines, or a list)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from streams.ingest.fields import usable
from streams.ingest.forwarded import HEADER, client_behind
from streams.ingest.refused import Refused
from topics.connections import Connection
from topics.metrics import Reading
from topics.requests import Request
from topics.settings import Source


class Kind(msgspec.Struct, gc=False):
    """What tells records apart: a reading names a series, a connection a target, a request a client alone."""

    series: Any = None
    client: Any = None
    target: Any = None
    path: Any = None


Asked = TypeVar("Asked", Request, Connection)

_kind = msgspec.json.Decoder(Kind).decode
_many = msgspec.json.Decoder(list[msgspec.Raw]).decode
_reading = msgspec.json.Decoder(Reading).decode
_request = msgspec.json.Decoder(Request).decode
_connection = msgspec.json.Decoder(Connection).decode
_whole = msgspec.json.Decoder(msgspec.Raw).decode


def parse(value: bytes, key: bytes | None, source: Source) -> list[Reading | Request | Connection]:
    """Return the readings, requests and connections of a record; what names no service is of the source's.

    >>> parse(b'{"series": "shop/load", "value": 1, "at_s": 2}', None, Source(topic="t", format="canonical"))
    [Reading(origin=None, series='shop/load', value=1.0, at_s=2.0, kind='gauge', buckets=None)]
    """
    found = [one_of(part, source) for part in parts_of(value)]
    if not found:
        raise Refused("expected a reading, a request or a connection, found nothing")
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


def one_of(part: bytes | msgspec.Raw, source: Source) -> Reading | Request | Connection:
    """Return the one record that a part says."""
    try:
        kind = _kind(part)
        if kind.series is None and kind.client is None:
            raise Refused(
                "expected a reading (series, value, at_s), a request (client, path, at_s) or a connection (client, "
                "target, at_s), found none of them"
            )
        if kind.series is not None:
            return usable(msgspec.structs.replace(_reading(part), origin=None))
        if kind.target is not None and kind.path is None:
            return usable(_of_source(_connection(part), source))
        return usable(_of_source(_asked(_request(part), source), source))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(str(error)) from None


def _asked(request: Request, source: Source) -> Request:
    """Return a request as of whoever stands before the source's proxies."""
    if not source.proxies or not request.headers:
        return request
    header = next((text for name, text in request.headers.items() if name.lower() == HEADER), "")
    return msgspec.structs.replace(request, client=client_behind(request.client, header, source.proxies))


def _of_source(record: Asked, source: Source) -> Asked:
    service = source.service if record.service == "default" else record.service
    return msgspec.structs.replace(record, origin=None, service=service)


def _is_whole(value: bytes) -> bool:
    """Say whether a text of several lines is one object all the same, written over them."""
    try:
        _whole(value)
    except msgspec.DecodeError:
        return False
    return True
