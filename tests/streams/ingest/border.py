"""The border as every format has to keep it: records of ours that are usable, or a reason for a person."""

from collections.abc import Sequence

from streams.ingest import FORMATS, SILENT, Refused, Translated
from topics.connections import Connection
from topics.requests import Request
from topics.settings import Source


def parse(format_: str, value: bytes | str, service: str = "default") -> Sequence[Translated]:
    raw = value.encode() if isinstance(value, str) else value
    return FORMATS[format_](raw, None, Source(topic="t", format=format_, service=service))


def outcome(format_: str, value: bytes) -> Sequence[Translated] | str:
    """Return usable records or the reason; nothing else may come."""
    try:
        found = parse(format_, value)
    except Refused as refused:
        return str(refused) or "no reason: that must not be"
    assert found or format_ in SILENT
    assert [record.problem() for record in found] == [None] * len(found)
    assert [record.origin for record in found] == [None] * len(found)
    return found


def request(format_: str, value: bytes | str, service: str = "default") -> Request:
    (found,) = parse(format_, value, service)
    assert isinstance(found, Request)
    return found


def connection(format_: str, value: bytes | str, service: str = "default") -> Connection:
    (found,) = parse(format_, value, service)
    assert isinstance(found, Connection)
    return found
