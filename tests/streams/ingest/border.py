"""The border as every format has to keep it: records of ours that are usable, or a reason for a person."""

from streams.ingest import FORMATS, Refused
from topics.metrics import Reading
from topics.requests import Request
from topics.settings import Source


def parse(format_: str, value: bytes | str, service: str = "default") -> list[Reading | Request]:
    raw = value.encode() if isinstance(value, str) else value
    return FORMATS[format_](raw, None, Source(topic="t", format=format_, service=service))


def outcome(format_: str, value: bytes) -> list[Reading | Request] | str:
    """Return usable records or the reason; nothing else may come."""
    try:
        found = parse(format_, value)
    except Refused as refused:
        return str(refused) or "no reason: that must not be"
    assert found
    assert [record.problem() for record in found] == [None] * len(found)
    assert [record.origin for record in found] == [None] * len(found)
    return found


def request(format_: str, value: bytes | str, service: str = "default") -> Request:
    (found,) = parse(format_, value, service)
    assert isinstance(found, Request)
    return found
