"""Recordings: requests of public collections, a JSON object a line, with what each is known to be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from streams.evaluate.traces import DataError
from topics.requests import Request

BEGIN_S, STEP_S = 1_700_000_000.0, 0.001
ORDINARY = 2
"""Cases of rules for the more suspicious than this ("paranoia level") are no measure of an ordinary detector."""

Line = TypeVar("Line", bound=msgspec.Struct)
_MASK = re.compile("[\ud800-\udfff]")


class Row(msgspec.Struct):
    """A line of a collection; path, query and body are as they were sent."""

    label: str
    path: str
    source: str
    id: str = ""
    method: str = "GET"
    query: str = ""
    headers: dict[str, str] = {}
    body: str = ""
    family: str = ""
    file: str = ""
    pl: int = 0


class Recorded(NamedTuple):
    """A request, whether it is an attack, and where it comes from."""

    request: Request
    hostile: bool
    family: str
    source: str
    file: str


class Visit(msgspec.Struct):
    """A line of an access log."""

    ts: float
    client: str
    path: str
    method: str = "GET"
    query: str = ""
    status: int = 0
    referer: str = ""
    ua: str = ""


def read(path: Path) -> list[Recorded]:
    """Return the requests of a file whose label is certain, in order, each from a client of its own."""
    rows = lines(path, Row)
    known = [row for row in rows if row.label in ("attack", "benign") and row.pl <= ORDINARY]
    return [
        Recorded(request_of(row, place), row.label == "attack", row.family, row.source, row.file)
        for place, row in enumerate(known)
    ]


def request_of(row: Row, place: int) -> Request:
    """Return the request of a line; `place` gives its client and time."""
    headers = {name.lower(): _sound(value) for name, value in row.headers.items()}
    return Request(
        client=f"10.{place >> 16 & 255}.{place >> 8 & 255}.{place & 255}",
        at_s=BEGIN_S + place * STEP_S,
        method=row.method,
        host=headers.pop("host", ""),
        path=_sound(_joined(row.path, row.query)),
        agent=headers.pop("user-agent", ""),
        referer=headers.pop("referer", ""),
        body=_sound(row.body),
        headers=headers or None,
        status=200,
    )


def visits(path: Path) -> list[Request]:
    """Return the requests of an access log, in the order of their times."""
    rows = sorted(lines(path, Visit), key=lambda visit: visit.ts)
    return [
        Request(
            client=row.client,
            at_s=row.ts,
            method=row.method,
            path=_joined(row.path, row.query),
            status=row.status,
            agent=row.ua if row.ua != "-" else "",
            referer=row.referer if row.referer != "-" else "",
        )
        for row in rows
    ]


def _joined(path: str, query: str) -> str:
    return f"{path}?{query.removeprefix('?')}" if query else path


def _sound(text: str) -> str:
    """Return a text without halves of characters, which JSON can hold and UTF-8 cannot."""
    return _MASK.sub("\ufffd", text)


def lines(path: Path, kind: type[Line]) -> list[Line]:
    """Return the rows of a file, a JSON object a line."""
    decode, found = msgspec.json.Decoder(kind).decode, list[Line]()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                found.append(decode(line))
            except msgspec.DecodeError as error:
                raise DataError(f"{path.name}, line {number}: {error}") from error
    return found
