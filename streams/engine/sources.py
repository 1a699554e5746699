"""Sources: where a derived record says that it comes from, read as our own encoder writes it, by compiled code.

    {"capability":"ingest","topic":"telegraf","partition":3,"offset":81732,"subject":[1,"shop/load 1700000000.5"]}

In a chunk few sources come again and again. So what stands before the offset is compared with those that were met
before, and only a new one is read piece by piece. Whatever is written otherwise is for the judge.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.columns import Bytes, Ints, Origins, Source, Text
from detectors.compiled import kernel
from detectors.wide import LANES, address, alike, byte, digits, first, put_word, word
from streams.engine.extra import Extra
from streams.engine.layout import MOST_SOURCES, cells
from streams.engine.numbers import MOST_DIGITS, UNSURE, ZERO, whole_number
from streams.engine.origins import BEYOND, LONGEST_WHAT
from streams.engine.strings import read_text
from topics import Derived, Origin, Record

CAPABILITY, TOPIC, PARTITION, OFFSET, SUBJECT, WHAT, CLOSING = range(7)
PIECES = cells(
    ('{"capability":"', '","topic":"', '","partition":', ',"offset":', ',"subject":[', ',"', '"]}')
)  # fmt: skip
SPAN_BYTES = 16
_decode = msgspec.json.Decoder(Origin).decode


@kernel
def expect(at, end, piece):  # type: ignore[no-untyped-def]
    """Return the address behind a piece of our encoder's, or UNSURE where it does not stand there."""
    if at >= end:
        return UNSURE
    cell = address(PIECES) + piece * LANES
    size = byte(cell + LANES - 1)
    return at + size if first(~alike(at, cell)) >= size else UNSURE


@kernel
def read_count(at, end):  # type: ignore[no-untyped-def]
    """Return the whole number at an address, not below 0, and the address behind it, or UNSURE."""
    if at >= end:
        return 0, UNSURE
    size = first(~digits(at))
    if not 0 < size <= MOST_DIGITS or (size > 1 and byte(at) == ZERO):
        return 0, UNSURE
    return whole_number(at, size), at + size


@kernel
def is_same(one, other, size):  # type: ignore[no-untyped-def]
    """Say whether the same bytes stand at two addresses."""
    while size > LANES:
        if first(~alike(one, other)) < LANES:
            return False
        one, other, size = one + LANES, other + LANES, size - LANES
    return first(~alike(one, other)) >= size


@kernel
def read_source(at, end, base, spans):  # type: ignore[no-untyped-def]
    """Return which source stands at an address, and the address behind it; or UNSURE: it is none, or one too many."""
    place = 0
    while place < MOST_SOURCES:
        span = spans + place * SPAN_BYTES
        start, size = base + np.int64(word(span)), np.int64(word(span + 8))
        if size == 0:
            break
        if at + size <= end and is_same(at, start, size):
            return place, at + size
        place += 1
    behind = expect(at, end, CAPABILITY)
    behind = expect(read_text(behind, end)[0], end, TOPIC)
    behind = expect(read_text(behind, end)[0], end, PARTITION)
    behind = expect(read_count(behind, end)[1], end, OFFSET)
    if behind == UNSURE or place == MOST_SOURCES:
        return place, UNSURE
    put_word(spans + place * SPAN_BYTES, at - base)
    put_word(spans + place * SPAN_BYTES + 8, behind - at)
    return place, behind


@kernel
def read_origin(at, end, base, spans):  # type: ignore[no-untyped-def]
    """Return an origin's source, offset, phase, where the rest of its subject stands and ends, and the address behind.

    That is UNSURE where it is not written as our own encoder writes it.
    """
    source, at = read_source(at, end, base, spans)
    offset, at = read_count(at, end)
    phase, at = read_count(expect(at, end, SUBJECT), end)
    what = expect(at, end, WHAT)
    close = read_text(what, end)[0]
    if close - what > LONGEST_WHAT:
        close = UNSURE
    return source, offset, phase, what, close, expect(close, end, CLOSING)


def sources_of(buf: Bytes, spans: Ints) -> list[Source]:
    """Return the sources that were met."""
    found = []
    for at, size in spans[spans[:, 1] > 0].tolist():
        origin = _decode(buf[at : at + size].tobytes() + b'0,"subject":[0,""]}')
        found.append((origin.capability, origin.topic, origin.partition))
    return found


class Found:
    """The origins of a chunk's records as they are found: by the scanner, or in what the judge decoded."""

    def __init__(self, origin: Ints, what_at: NDArray[np.int32], what_len: NDArray[np.int32], met: list[Source]):
        self._source, self._offset, self._phase = origin
        self._at, self._len = what_at, what_len
        self._places = {source: place for place, source in enumerate(met)}

    @classmethod
    def none(cls, n: int) -> Found:
        """Return that none of n records is known to have an origin."""
        return cls(np.full((3, n), -1), np.zeros(n, np.int32), np.full(n, -1, np.int32), [])

    def note(self, i: int, record: Record | None, extra: Extra) -> None:
        """Note where a record comes from that the judge decoded; an offset or phase of over 63 bits is noted as -1."""
        origin = record.origin if isinstance(record, Derived) else None
        if origin is None:
            self._source[i] = -1
            return
        source = (origin.capability, origin.topic, origin.partition)
        self._source[i] = self._places.setdefault(source, len(self._places))
        what, fits = origin.subject[1].encode(), all(-BEYOND <= n < BEYOND for n in (origin.offset, origin.subject[0]))
        self._offset[i], self._phase[i] = (origin.offset, origin.subject[0]) if fits else (-1, -1)
        self._at[i], self._len[i] = extra.put(what), len(what)

    def columns(self, buf: Bytes) -> Origins | None:
        """Return the origins, whose subjects stand in `buf`; None where there are none."""
        if not (self._source >= 0).any():
            return None
        return Origins(self._source, self._offset, self._phase, Text(buf, self._at, self._len), list(self._places))
