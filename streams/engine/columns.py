"""JSON straight into columns: a compiled scanner for what is plain, msgspec, the judge, for everything else.

The scanner takes a record only when it is sure: known fields of the known types, no escapes, plain ASCII, numbers whose nearest
double it can tell (up to 2**53 with at most 22 decimals: W. Clinger, "How to read floating point numbers accurately", 1990;
longer ones by a division in twice the precision, T. J. Dekker, "A floating-point technique for extending the available
precision", 1971).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.columns import Columns, Flags, Text
from detectors.compiled import kernel
from streams.engine.chunks import Chunk
from topics import Derived, Record, Topic
from topics.control import decode_control
from topics.metrics import LARGEST, METRICS
from topics.metrics import LONGEST_NAME as LONGEST_SERIES
from topics.requests import LONGEST_NAME as LONGEST_CLIENT
from topics.requests import REQUESTS

TEXT, NUMBER, INTEGER, WORD = 0, 1, 2, 3
SERIES, SERVICE, ANY = 0, 1, 2
QUOTE, BACKSLASH, COLON, COMMA, OPEN, CLOSE, SPACE, MINUS, DOT, ZERO, NINE = 34, 92, 58, 44, 123, 125, 32, 45, 46, 48, 57
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


@kernel
def find_word(buf, at, length, blob, starts, first, last):  # type: ignore[no-untyped-def]
    """Return which of the words first..last stands at `at`, or -1."""
    for word in range(first, last):
        start = starts[word]
        if starts[word + 1] - start == length:
            same = True
            for i in range(length):
                if blob[start + i] != buf[at + i]:
                    same = False
                    break
            if same:
                return word
    return -1


@kernel
def scan_field(buf, at, end, i, kind, slot, words, blob, starts, text_at, text_len, number, code):  # type: ignore[no-untyped-def]
    """Take the value of a known field at `at` into its column; return the position behind it, or -1 where it is not plain."""
    if kind == TEXT or kind == WORD:
        if buf[at] != QUOTE:
            return -1
        close = scan_text(buf, at + 1, end)
        if close < 0:
            return -1
        if kind == TEXT:
            text_at[slot, i], text_len[slot, i] = at + 1, close - at - 1
        else:
            word = find_word(buf, at + 1, close - at - 1, blob, starts, words, words + slot // 1000)
            if word < 0:
                return -1
            code[slot % 1000, i] = word - words
        return close + 1
    value, whole, at, sure = scan_number(buf, at, end)
    if not sure or (kind == INTEGER and not whole):
        return -1
    number[slot, i] = value
    return at


@kernel
def scan_record(buf, at, end, i, fields, kinds, slots, words, blob, starts, required, text_at, text_len, number, code):  # type: ignore[no-untyped-def]
    """Take one record into the columns; return whether it was plain."""
    if end - at < 2 or buf[at] != OPEN:
        return False
    at += 1
    seen = np.int64(0)
    while True:
        while at < end and buf[at] == SPACE:
            at += 1
        if at >= end or buf[at] != QUOTE:
            return False
        close = scan_text(buf, at + 1, end)
        if close < 0 or close + 1 >= end or buf[close + 1] != COLON:
            return False
        field = find_word(buf, at + 1, close - at - 1, blob, starts, 0, fields)
        if field < 0 or seen & (np.int64(1) << field):
            return False
        seen |= np.int64(1) << field
        at = close + 2
        while at < end and buf[at] == SPACE:
            at += 1
        if at >= end:
            return False
        at = scan_field(
            buf, at, end, i, kinds[field], slots[field], words[field], blob, starts, text_at, text_len, number, code
        )
        if at < 0:
            return False
        while at < end and buf[at] == SPACE:
            at += 1
        if at >= end:
            return False
        if buf[at] == CLOSE:
            return at + 1 == end and seen & required == required
        if buf[at] != COMMA:
            return False
        at += 1


@kernel
def scan_records(buf, value_at, value_len, fields, kinds, slots, words, blob, starts, required, text_at, text_len, number, code, good):  # type: ignore[no-untyped-def]  # fmt: skip  # noqa: E501
    """Scan every record; good[i] says which were plain."""
    for i in range(len(value_at)):
        good[i] = scan_record(
            buf, value_at[i], value_at[i] + value_len[i], i, fields, kinds, slots, words, blob, starts, required,
            text_at, text_len, number, code,
        )  # fmt: skip


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
    """How a record's fields go into columns: which are plain, in which slot each goes, and the words some of them choose from."""

    record: type[Record]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]
    defaults: dict[str, bytes]
    tables: tuple[Any, ...]

    @classmethod
    def of(cls, record: type[Record]) -> Layout:
        """Derive the layout from the record's declaration; the order of words decides the codes."""
        texts, numbers, codes, words, choices = [], [], {}, [], []
        kinds, slots, required, defaults = [], [], 0, {}
        for field in msgspec.structs.fields(record):
            kind, options = _kind(field.type)
            if kind is None:
                continue
            if field.required:
                required |= 1 << len(words)
            if isinstance(field.default, str) and field.default and kind == TEXT:
                defaults[field.name] = field.default.encode()
            words.append(field.encode_name)
            kinds.append(kind)
            choices.append(options)
            slots.append(len({TEXT: texts, NUMBER: numbers, INTEGER: numbers, WORD: codes}[kind]) + 1000 * len(options))
            if kind == WORD:
                codes[field.name] = options
            else:
                (texts if kind == TEXT else numbers).append(field.name)
        first, everything = [], list(words)
        for options in choices:
            first.append(len(everything))
            everything += options
        blob = np.frombuffer("".join(everything).encode(), np.uint8)
        starts = np.cumsum([0] + [len(word) for word in everything]).astype(np.int64)
        arrays = (np.array(kinds, np.int64), np.array(slots, np.int64), np.array(first, np.int64))
        tables = (len(words), *arrays, blob, starts, required)
        return cls(record, tuple(texts), tuple(numbers), codes, defaults, tables)


def _kind(annotation: Any) -> tuple[int | None, tuple[str, ...]]:
    if get_origin(annotation) is Literal:
        return WORD, get_args(annotation)
    return {str: TEXT, float: NUMBER, int: INTEGER}.get(annotation), ()


class Decoder:
    """Decodes the chunks of one topic: hot topics into columns, cold ones into records."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.layout = Layout.of(topic.records[0]) if topic.hot else None
        self._judge = topic.decoder().decode if topic.records else None

    def columns(self, chunk: Chunk) -> Columns:
        """Return the chunk's columns; they are made once."""
        if chunk.columns is None:
            if self.layout is not None:
                chunk.columns = self._hot(chunk, self.layout)
            else:
                chunk.columns = self._cold(chunk) if self._judge else _raw(chunk)
            chunk.columns.number.setdefault("at_s", np.full(len(chunk), np.nan))
        return chunk.columns

    def _cold(self, chunk: Chunk) -> Columns:
        n = len(chunk)
        at_s = np.full(n, np.nan)
        columns = Columns(chunk.offset, chunk.time_ms, np.zeros(n, np.bool_), number={"at_s": at_s})
        for i in range(n):
            record = self._one(chunk, columns, i)
            if record is not None:
                at_s[i] = getattr(record, "at_s", np.nan)
        return columns

    def _one(self, chunk: Chunk, columns: Columns, i: int) -> Record | None:
        """Let the judge decode one record; note what it is not."""
        raw = chunk.value(i)
        assert self._judge is not None
        try:
            record: Record = self._judge(_present(raw))
            reason = record.problem() or _unsound(record)
        except (msgspec.DecodeError, ValueError, RecursionError) as why:
            reason = str(why) or type(why).__name__
            control = _control(raw)
            if control is not None:
                columns.control[i] = control
                return None
        if reason is not None:
            columns.wrong[i] = reason
            return None
        columns.records[i] = record
        columns.good[i] = True
        if isinstance(record, Derived) and record.origin is not None:
            columns.derived.append(i)
        return record

    def _hot(self, chunk: Chunk, layout: Layout) -> Columns:
        n = len(chunk)
        text_at, text_len = np.zeros((len(layout.texts), n), np.int32), np.full((len(layout.texts), n), -1, np.int32)
        number, code = np.full((len(layout.numbers), n), np.nan), np.zeros((len(layout.codes), n), np.int8)
        good = np.zeros(n, np.bool_)
        scan_records(chunk.buf, chunk.value_at, chunk.value_len, *layout.tables, text_at, text_len, number, code, good)
        columns = Columns(chunk.offset, chunk.time_ms, good, number=dict(zip(layout.numbers, number, strict=True)))
        columns.code = dict(zip(layout.codes, code, strict=True))
        columns.decode = lambda i: self._decode(chunk, i)
        _doubt(self.topic, chunk, layout, text_at, text_len, columns)
        buf = self._let_judge(chunk, columns, layout, text_at, text_len, number, code)
        columns.text = {
            name: Text(buf, text_at[slot], text_len[slot]) for slot, name in enumerate(layout.texts)
        }
        return columns

    def _decode(self, chunk: Chunk, i: int) -> Record:
        assert self._judge is not None
        record: Record = self._judge(_present(chunk.value(i)))
        return record

    def _let_judge(
        self, chunk: Chunk, columns: Columns, layout: Layout,
        text_at: NDArray[np.int32], text_len: NDArray[np.int32], number: NDArray[np.float64], code: NDArray[np.int8],
    ) -> NDArray[np.uint8]:  # fmt: skip
        """Fill the columns of records that were not plain, and absent texts; return the bytes that all texts stand in."""
        extra, size = [], len(chunk.buf)

        def put(raw: bytes) -> int:
            nonlocal size
            extra.append(raw)
            size += len(raw)
            return size - len(raw)

        for i in np.flatnonzero(~columns.good).tolist():
            record = self._one(chunk, columns, i)
            for slot, name in enumerate(layout.numbers):
                number[slot, i] = np.nan if record is None else getattr(record, name)
            for slot, name in enumerate(layout.texts):
                raw = b"" if record is None else getattr(record, name).encode()
                text_at[slot, i], text_len[slot, i] = put(raw), -1 if record is None else len(raw)
            for slot, (name, options) in enumerate(layout.codes.items()):
                code[slot, i] = 0 if record is None else options.index(getattr(record, name))
        for name, default in layout.defaults.items():
            slot = layout.texts.index(name)
            absent = columns.good & (text_len[slot] < 0)
            if absent.any():
                text_at[slot, absent], text_len[slot, absent] = put(default), len(default)
        if not extra:
            return chunk.buf
        # Read-only as the chunk's own bytes are: for numba a writable array is another type, and it would compile all kernels anew.
        return np.frombuffer(chunk.buf.tobytes() + b"".join(extra), np.uint8)


def _raw(chunk: Chunk) -> Columns:
    """Return the columns of a topic that carries bytes: nothing of a value is looked at."""
    return Columns(chunk.offset, chunk.time_ms, np.ones(len(chunk), np.bool_))


def _present(raw: bytes | None) -> bytes:
    if raw is None:
        raise ValueError("no value: a tombstone means nothing on this topic")
    if not raw:
        raise ValueError("an empty value")
    return raw


def _unsound(record: msgspec.Struct) -> str | None:
    """Refuse what can be read but not be carried on or saved: half a surrogate pair, a whole number beyond 64 bits."""
    try:
        msgspec.msgpack.encode(record)
    except (UnicodeEncodeError, OverflowError) as why:
        return f"it cannot be carried on: {why}"
    return None


def _control(raw: bytes | None) -> Any:
    if not raw or b'"control"' not in raw:
        return None
    try:
        control = decode_control(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return None if _unsound(control) else control


def _doubt(
    topic: Topic, chunk: Chunk, layout: Layout, text_at: NDArray[np.int32], text_len: NDArray[np.int32], columns: Columns
) -> None:
    """Leave to the judge every record whose plain values he may refuse."""
    good: Flags = columns.good
    if topic.name == METRICS.name:
        good &= (columns.number["at_s"] >= 0) & (np.abs(columns.number["value"]) <= LARGEST)
        plain_names(chunk.buf, text_at[0], text_len[0], SERIES, LONGEST_SERIES, good)
    elif topic.name == REQUESTS.name:
        good &= columns.number["at_s"] >= 0
        for name, form in (("client", ANY), ("service", SERVICE)):
            slot = layout.texts.index(name)
            plain_names(chunk.buf, text_at[slot], text_len[slot], form, LONGEST_CLIENT, good)
        good &= ~(_outside(columns, "status", 999) | _outside(columns, "duration_s", 1e9))


def _outside(columns: Columns, name: str, most: float) -> Flags:
    """Say where a number is there and out of its range."""
    values = columns.number[name]
    return (values < 0) | (values > most)
