"""Layouts: how a record's fields go into columns, as the compiled scanner takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.columns import Bytes, Floats, Ints
from detectors.wide import LANES
from topics import Origin, Record
from topics.connections import LARGEST_PORT, Connection
from topics.metrics import LARGEST, Reading
from topics.metrics import LONGEST_NAME as LONGEST_SERIES
from topics.requests import LONGEST_NAME as LONGEST_CLIENT
from topics.requests import Request

NUMBER, INTEGER, TEXT, WORD, ORIGIN, JUDGED = range(6)
ANY, SERIES, SERVICE = 0, 1, 2
KIND, SLOT, FIRST, OPTIONS, FORM, SHORTEST, LONGEST = range(7)
MOST_SOURCES = 64

# What the records' own `problem` refuses: the scanner leaves it to the judge, for the reason.
RANGES: dict[type[Record], dict[str, tuple[float, float]]] = {
    Reading: {"at_s": (0.0, np.inf), "value": (-LARGEST, LARGEST)},
    Request: {"at_s": (0.0, np.inf), "status": (0.0, 999.0), "duration_s": (0.0, 1e9)},
    Connection: {"at_s": (0.0, np.inf), "port": (0.0, float(LARGEST_PORT))},
}
NAMES: dict[type[Record], dict[str, tuple[int, int, int]]] = {
    Reading: {"series": (SERIES, 3, LONGEST_SERIES)},
    Request: {"client": (ANY, 1, LONGEST_CLIENT), "service": (SERVICE, 1, LONGEST_CLIENT)},
    Connection: {
        "client": (ANY, 1, LONGEST_CLIENT),
        "target": (ANY, 1, LONGEST_CLIENT),
        "service": (SERVICE, 1, LONGEST_CLIENT),
    },
}


class Table(NamedTuple):
    """What the scanner knows of a record's fields, as the kernels take it.

    cells          uint8 [fields + words, 32]: each field's name, then all words to choose from, with their closing
                   quote; their length in the last byte
    plan           int64 [fields, 7]: what each holds, which row of its kind's columns it goes to, the first cell of the
                   words that it chooses from, and how many; of a text which form, and its least and most bytes
    ranges         float64 [fields, 2]: the least and the greatest that a number may be
    required       a bit for each field that must be there
    """

    cells: Bytes
    plan: Ints
    ranges: Floats
    required: int


class Slots(NamedTuple):
    """The columns to fill: [slot, record].

    text_at, text_len  where texts stand, and how long they are; the last is what an origin's subject says
    number, code   numbers, and words by their place
    origin         int64 [3, n]: place of an origin's source, -1 for none; offset; phase
    spans          int64 [most, 2]: where each source stands as it is written, and its size
    """

    text_at: NDArray[np.int32]
    text_len: NDArray[np.int32]
    number: Floats
    code: NDArray[np.int8]
    origin: Ints
    spans: Ints


@dataclass(frozen=True)
class Layout:
    """How a record's fields go into columns: its texts, numbers and words (codes), and what absent texts mean."""

    record: type[Record]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]
    defaults: dict[str, bytes]
    table: Table

    @classmethod
    @cache
    def of(cls, record: type[Record]) -> Layout:
        """Derive the layout from the record's declaration; the order of words decides the codes."""
        fields = [(field, *_kind(field.type)) for field in msgspec.structs.fields(record)]
        texts = tuple(field.name for field, kind, _ in fields if kind == TEXT)
        numbers = tuple(field.name for field, kind, _ in fields if kind in (NUMBER, INTEGER))
        codes = {field.name: options for field, kind, options in fields if kind == WORD}
        said = {field.name: field.default for field, kind, _ in fields if kind == TEXT and field.default}
        defaults = {name: text.encode() for name, text in said.items() if isinstance(text, str)}
        return cls(record, texts, numbers, codes, defaults, _table(record, fields))

    def slots(self, n: int) -> Slots:
        """Return empty columns for n records."""
        texts = len(self.texts) + 1
        return Slots(
            np.zeros((texts, n), np.int32),
            np.full((texts, n), -1, np.int32),
            np.full((len(self.numbers), n), np.nan),
            np.zeros((len(self.codes), n), np.int8),
            np.empty((3, n), np.int64),
            np.zeros((MOST_SOURCES, 2), np.int64),
        )


def _table(record: type[Record], fields: list[tuple[Any, int, tuple[str, ...]]]) -> Table:
    words = [field.encode_name for field, _, _ in fields]
    plan, ranges = np.zeros((len(fields), 7), np.int64), np.full((len(fields), 2), (-np.inf, np.inf))
    required, slots = 0, dict.fromkeys(range(6), 0)
    slots[ORIGIN] = sum(kind == TEXT for _, kind, _ in fields)
    for place, (field, kind, options) in enumerate(fields):
        columns = NUMBER if kind == INTEGER else kind
        form = NAMES.get(record, {}).get(field.name, (ANY, 0, 1 << 30))
        plan[place] = kind, slots[columns], len(words), len(options), *form
        ranges[place] = RANGES.get(record, {}).get(field.name, (-np.inf, np.inf))
        slots[columns] += 1
        required |= field.required << place
        words += options
    return Table(cells([word + '"' for word in words]), plan, ranges, required)


def cells(words: Sequence[str]) -> Bytes:
    """Return words as the scanner compares them: uint8 [n, 32], their length in the last byte."""
    found = np.zeros((len(words), LANES), np.uint8)
    for cell, raw in zip(found, map(str.encode, words), strict=True):
        assert len(raw) < LANES, f"{raw!r} is longer than the scanner's cells"
        cell[: len(raw)] = np.frombuffer(raw, np.uint8)
        cell[-1] = len(raw)
    return found


def _kind(annotation: Any) -> tuple[int, tuple[str, ...]]:
    if get_origin(annotation) is Literal:
        return WORD, get_args(annotation)
    return {str: TEXT, float: NUMBER, int: INTEGER, Origin | None: ORIGIN}.get(annotation, JUDGED), ()
