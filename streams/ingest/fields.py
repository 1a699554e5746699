"""What the formats share: JSON, numbers, times and texts of foreign records, each checked and refused in words."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
import orjson

from streams.ingest.refused import Refused
from topics.clients import client_of
from topics.connections import Connection
from topics.metrics import Reading
from topics.requests import Request

R = TypeVar("R", Reading, Request, Connection)


def shown(value: object) -> str:
    """Return a value as a reason shows it, short.

    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'"
    """
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:58]}…{text[0]}"


def json_of(value: bytes) -> Any:
    """Return a record's JSON."""
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Refused(f"expected JSON, found: {error}") from None


def text_of(value: bytes) -> str:
    """Return a record's text."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"expected UTF-8, found byte {value[error.start]:#04x} at {error.start}") from None


def object_of(value: Any, name: str) -> dict[str, Any]:
    """Return a part that must be a JSON object."""
    if not isinstance(value, dict):
        raise Refused(f"expected {name} to be an object, found {shown(value)}")
    return value


def number_of(value: Any, name: str) -> float:
    """Return a number, which may be written as a text.

    >>> number_of("0.25", "request_time")
    0.25
    """
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise Refused(f"expected {name} to be a number, found {shown(value)}")


def whole_of(value: Any, name: str) -> int:
    """Return a whole number of at most 64 bits, not negative, which may be written as a text."""
    number = number_of(value, name)
    if not (0 <= number < 2**63 and number == int(number)):
        raise Refused(f"expected {name} to be a whole number from 0 on, found {shown(value)}")
    return int(number)


def epoch_s(number: float) -> float:
    """Return seconds since 1970 from seconds, milli-, micro- or nanoseconds, told apart by size.

    As seconds, the first of the bounds would be the year 5138; as milliseconds, 1973.

    >>> epoch_s(1_700_000_000), epoch_s(1_700_000_000_000), epoch_s(1.7e18)
    (1700000000, 1700000000.0, 1700000000.0)
    """
    size = abs(number)
    return number if size < 1e11 else number / (1e3 if size < 1e14 else 1e6 if size < 1e17 else 1e9)


def time_of(value: Any, name: str) -> float:
    """Return seconds since 1970 from a number of any unit or an ISO 8601 text; one without a zone is in UTC."""
    if isinstance(value, str):
        at_s = _iso_s(value)
        if at_s is not None:
            return at_s
    return epoch_s(number_of(value, name))


@lru_cache(1024)
def _iso_s(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def usable(record: R) -> R:
    """Return a record of ours with its client's one name, if nothing is wrong with it."""
    if isinstance(record, Request | Connection):
        name = client_of(record.client)
        if name != record.client:
            record = msgspec.structs.replace(record, client=name)
    problem = record.problem()
    if problem is not None:
        raise Refused(problem)
    return record
