"""The scanner: JSON straight into columns, by compiled code, where it is plain.

It takes a record only when it is sure: known fields of the known types, no escapes, plain ASCII, numbers whose nearest
double it can tell (up to 2**53 with at most 22 decimals: W. Clinger, "How to read floating point numbers accurately",
1990; longer ones by a division in twice the precision, T. J. Dekker, "A floating-point technique for extending the
available precision", 1971). msgspec judges all else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.columns import Bytes, Floats, Ints
from detectors.compiled import kernel
from topics import Record

TEXT, NUMBER, INTEGER, WORD = 0, 1, 2, 3
SERIES, SERVICE, ANY = 0, 1, 2
QUOTE, BACKSLASH, COLON, COMMA, OPEN, CLOSE = 34, 92, 58, 44, 123, 125
SPACE, MINUS, DOT, ZERO, NINE = 32, 45, 46, 48, 57
POWERS = np.array([10.0**i for i in range(23)])
SPLITTER = 134_217_729.0


@kernel
def divide_exactly(whole, power):  # type: ignore[no-untyped-def]
    """Return the double nearest to whole / power, and whether that is sure: it is not within a hair of a tie."""
    high = np.float64(whole)
    low = np.float64(whole - np.int64(high))
    quotient = high / power
    a = SPLITTER * quotient
    quotient_high = a - (a - quotient)
    quotient_low = quotient - quotient_high
    b = SPLITTER * power
    power_high = b - (b - power)
    power_low = power - power_high
    product = quotient * power
    lost = quotient_high * power_high - product
    lost = quotient_low * power_low + (lost + quotient_high * power_low + quotient_low * power_high)
    correction = ((high - product) - lost + low) / power
    nearest = quotient + correction
    rest = correction - (nearest - quotient)
    return nearest, nearest + rest * 1.000001 == nearest


@kernel
def scan_number(buf, at, end):  # type: ignore[no-untyped-def]
    """Return (value, whether it was written whole, position behind it, whether all of that is sure)."""
    negative = at < end and buf[at] == MINUS
    if negative:
        at += 1
    first, mantissa, decimals = at, np.int64(0), 0
    while at < end and ZERO <= buf[at] <= NINE and at - first < 19:
        mantissa = mantissa * 10 + (buf[at] - ZERO)
        at += 1
    digits = at - first
    sure = 0 < digits < 19 and (digits == 1 or buf[first] != ZERO)
    if at < end and buf[at] == DOT:
        at += 1
        dot = at
        while at < end and ZERO <= buf[at] <= NINE and digits + at - dot < 19:
            mantissa = mantissa * 10 + (buf[at] - ZERO)
            at += 1
        decimals = at - dot
        sure = sure and decimals > 0
    if not sure or digits + decimals > 18 or (negative and mantissa == 0):
        return 0.0, False, at, False
    if at >= end or not (buf[at] == COMMA or buf[at] == CLOSE or buf[at] == SPACE):
        return 0.0, False, at, False
    value, sure = mantissa / POWERS[decimals], True
    if mantissa > np.int64(1) << 53:
        value, sure = divide_exactly(mantissa, POWERS[decimals])
    return (-value if negative else value), decimals == 0, at, sure


@kernel
def scan_text(buf, at, end):  # type: ignore[no-untyped-def]
    """Return where a text that starts at `at` ends, or -1 where it is not plain."""
    while at < end and buf[at] != QUOTE:
        if buf[at] < 32 or buf[at] > 126 or buf[at] == BACKSLASH:
            return -1
        at += 1
    return at if at < end else -1


class Table(NamedTuple):
    """What the scanner knows of a record's fields, as the kernels take it.

    fields         how many there are; required: a bit for each that must be there
    kinds, slots   int64 [fields]: what each holds, and which row of its kind's columns it goes to
    first, options int64 [fields]: where the words that it chooses from stand among all words, and how many they are
    blob, starts   the names of the fields, then all words to choose from: uint8, and where each begins
    """

    fields: int
    required: int
    kinds: Ints
    slots: Ints
    first: Ints
    options: Ints
    blob: Bytes
    starts: Ints


class Slots(NamedTuple):
    """The columns to fill: [slot, record], texts as position and length, numbers as float64, words as their place."""

    text_at: NDArray[np.int32]
    text_len: NDArray[np.int32]
    number: Floats
    code: NDArray[np.int8]


@kernel
def find_word(buf, at, length, table, first, last):  # type: ignore[no-untyped-def]
    """Return which of the words first..last stands at `at`, or -1."""
    for word in range(first, last):
        start = table.starts[word]
        if table.starts[word + 1] - start == length:
            same = True
            for i in range(length):
                if table.blob[start + i] != buf[at + i]:
                    same = False
                    break
            if same:
                return word
    return -1


@kernel
def scan_field(buf, at, end, i, field, table, slots):  # type: ignore[no-untyped-def]
    """Take the value of a field at `at` into its column; return the position behind it, or -1 where it is not plain."""
    kind, slot = table.kinds[field], table.slots[field]
    if kind in (NUMBER, INTEGER):
        value, whole, at, sure = scan_number(buf, at, end)
        if not sure or (kind == INTEGER and not whole):
            return -1
        slots.number[slot, i] = value
        return at
    if buf[at] != QUOTE:
        return -1
    close = scan_text(buf, at + 1, end)
    if close < 0:
        return -1
    if kind == TEXT:
        slots.text_at[slot, i], slots.text_len[slot, i] = at + 1, close - at - 1
        return close + 1
    first = table.first[field]
    word = find_word(buf, at + 1, close - at - 1, table, first, first + table.options[field])
    if word < 0:
        return -1
    slots.code[slot, i] = word - first
    return close + 1


@kernel
def skip_spaces(buf, at, end):  # type: ignore[no-untyped-def]
    """Return the first position from `at` on that holds no space."""
    while at < end and buf[at] == SPACE:
        at += 1
    return at


@kernel
def scan_record(buf, at, end, i, table, slots):  # type: ignore[no-untyped-def]
    """Take one record into the columns; return whether it was plain."""
    if end - at < 2 or buf[at] != OPEN:
        return False
    at += 1
    seen = np.int64(0)
    while True:
        at = skip_spaces(buf, at, end)
        if at >= end or buf[at] != QUOTE:
            return False
        close = scan_text(buf, at + 1, end)
        if close < 0 or close + 1 >= end or buf[close + 1] != COLON:
            return False
        field = find_word(buf, at + 1, close - at - 1, table, 0, table.fields)
        if field < 0 or seen & (np.int64(1) << field):
            return False
        seen |= np.int64(1) << field
        at = skip_spaces(buf, close + 2, end)
        if at >= end:
            return False
        at = scan_field(buf, at, end, i, field, table, slots)
        if at < 0:
            return False
        at = skip_spaces(buf, at, end)
        if at >= end:
            return False
        if buf[at] == CLOSE:
            return at + 1 == end and seen & table.required == table.required
        if buf[at] != COMMA:
            return False
        at += 1


@kernel
def scan_records(buf, value_at, value_len, table, slots, good):  # type: ignore[no-untyped-def]
    """Scan every record; good[i] says which were plain."""
    for i in range(len(value_at)):
        good[i] = scan_record(buf, value_at[i], value_at[i] + value_len[i], i, table, slots)


@kernel
def plain_names(buf, at, length, form, longest, good):  # type: ignore[no-untyped-def]
    """Leave to the judge what may not be a name of a form: too short, too long, or with its slash where none may be."""
    for i in range(len(at)):
        if not good[i] or length[i] < 0:
            continue
        if length[i] > longest or length[i] < (3 if form == SERIES else 1):
            good[i] = False
            continue
        slash = -1
        for k in range(length[i]):
            if buf[at[i] + k] == 47:
                slash = k
                break
        if form == SERIES and not 0 < slash < length[i] - 1:
            good[i] = False
        if form == SERVICE and slash >= 0:
            good[i] = False


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
    def of(cls, record: type[Record]) -> Layout:
        """Derive the layout from the record's declaration; the order of words decides the codes."""
        fields = [(field, *_kind(field.type)) for field in msgspec.structs.fields(record)]
        plain = [(field, kind, options) for field, kind, options in fields if kind is not None]
        texts = tuple(field.name for field, kind, _ in plain if kind == TEXT)
        numbers = tuple(field.name for field, kind, _ in plain if kind in (NUMBER, INTEGER))
        codes = {field.name: options for field, kind, options in plain if kind == WORD}
        homes = {TEXT: texts, NUMBER: numbers, INTEGER: numbers, WORD: tuple(codes)}
        words = [field.encode_name for field, _, _ in plain] + [word for options in codes.values() for word in options]
        counts = np.array([len(options) for _, _, options in plain], np.int64)
        table = Table(
            fields=len(plain),
            required=sum(1 << place for place, (field, _, _) in enumerate(plain) if field.required),
            kinds=np.array([kind for _, kind, _ in plain], np.int64),
            slots=np.array([homes[kind].index(field.name) for field, kind, _ in plain], np.int64),
            first=len(plain) + np.cumsum(counts) - counts,
            options=counts,
            blob=np.frombuffer("".join(words).encode(), np.uint8),
            starts=np.cumsum([0] + [len(word) for word in words]).astype(np.int64),
        )
        said = {field.name: field.default for field, kind, _ in plain if kind == TEXT and field.default}
        defaults = {name: text.encode() for name, text in said.items() if isinstance(text, str)}
        return cls(record, texts, numbers, codes, defaults, table)

    def slots(self, n: int) -> Slots:
        """Return empty columns for n records."""
        texts = len(self.texts)
        return Slots(
            np.zeros((texts, n), np.int32),
            np.full((texts, n), -1, np.int32),
            np.full((len(self.numbers), n), np.nan),
            np.zeros((len(self.codes), n), np.int8),
        )


def _kind(annotation: Any) -> tuple[int | None, tuple[str, ...]]:
    if get_origin(annotation) is Literal:
        return WORD, get_args(annotation)
    return {str: TEXT, float: NUMBER, int: INTEGER}.get(annotation), ()
