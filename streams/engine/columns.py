"""Chunks into columns, once for all capabilities: plain records by the scanner, all others by msgspec, the judge."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from detectors.columns import Columns, Flags, Text
from streams.engine.chunks import Chunk
from streams.engine.extra import Extra
from streams.engine.layout import Layout, Slots
from streams.engine.scanner import scan_records
from streams.engine.sources import Found, sources_of
from topics import Record, Topic
from topics.control import decode_control


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
        found, extra = Found.none(n), Extra(0)
        for i in range(n):
            record = self._one(chunk, columns, i)
            if record is not None:
                at_s[i] = getattr(record, "at_s", np.nan)
                found.note(i, record, extra)
        columns.origins = found.columns(extra.after(np.empty(0, np.uint8)))
        return columns

    def _one(self, chunk: Chunk, columns: Columns, i: int) -> Record | None:
        """Let the judge decode one record; note what it is not."""
        raw = chunk.value(i)
        assert self._judge is not None
        try:
            record: Record = self._judge(_present(raw))
        except (msgspec.DecodeError, ValueError, RecursionError) as why:
            control = _control(raw)
            if control is not None:
                columns.control[i] = control
            else:
                columns.wrong[i] = str(why) or type(why).__name__
            return None
        reason = record.problem() or _unsound(record)
        if reason is not None:
            columns.wrong[i] = reason
            return None
        columns.records[i] = record
        columns.good[i] = True
        return record

    def _hot(self, chunk: Chunk, layout: Layout) -> Columns:
        slots, good = layout.slots(len(chunk)), np.zeros(len(chunk), np.bool_)
        scan_records(chunk.buf, chunk.value_at, chunk.value_len, *layout.table, *slots, good)
        columns = Columns(chunk.offset, chunk.time_ms, good, decode=lambda i: self._decode(chunk, i))
        columns.number = dict(zip(layout.numbers, slots.number, strict=True))
        columns.code = dict(zip(layout.codes, slots.code, strict=True))
        extra = Extra(len(chunk.buf))
        found = Found(slots.origin, slots.text_at[-1], slots.text_len[-1], sources_of(chunk.buf, slots.spans))
        for i in np.flatnonzero(~good).tolist():
            record = self._one(chunk, columns, i)
            _fill(layout, slots, i, record, extra)
            found.note(i, record, extra)
        _fill_absent(layout, slots, good, extra)
        buf = extra.after(chunk.buf)
        texts = zip(layout.texts, slots.text_at[:-1], slots.text_len[:-1], strict=True)
        columns.text = {name: Text(buf, at, length) for name, at, length in texts}
        columns.origins = found.columns(buf)
        return columns

    def _decode(self, chunk: Chunk, i: int) -> Record:
        assert self._judge is not None
        record: Record = self._judge(_present(chunk.value(i)))
        return record


def _fill(layout: Layout, slots: Slots, i: int, record: Record | None, extra: Extra) -> None:
    """Put what the judge decoded, if anything, into record i's columns; the scanner may have left something there."""
    for slot, name in enumerate(layout.numbers):
        slots.number[slot, i] = np.nan if record is None else getattr(record, name)
    for slot, (name, options) in enumerate(layout.codes.items()):
        slots.code[slot, i] = 0 if record is None else options.index(getattr(record, name))
    for slot, name in enumerate(layout.texts):
        slots.text_len[slot, i] = -1
        if record is not None:
            raw = getattr(record, name).encode()
            slots.text_at[slot, i], slots.text_len[slot, i] = extra.put(raw), len(raw)


def _fill_absent(layout: Layout, slots: Slots, good: Flags, extra: Extra) -> None:
    """Let absent texts be what their declaration says."""
    for name, default in layout.defaults.items():
        slot = layout.texts.index(name)
        absent = good & (slots.text_len[slot] < 0)
        if absent.any():
            slots.text_at[slot, absent], slots.text_len[slot, absent] = extra.put(default), len(default)


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
