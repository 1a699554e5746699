"""What msgspec alone makes of a record: the judge that the compiled scanner must agree with on any bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from detectors.columns import Columns
from streams.engine.chunks import chunk_of
from streams.engine.columns import Decoder
from streams.engine.layout import Layout
from topics import Origin, Record, Topic
from topics.control import Control, decode_control


@lru_cache
def judge_of(topic: Topic) -> msgspec.json.Decoder[Any]:
    """Return the judge of a topic."""
    return topic.decoder()


def verdict(topic: Topic, raw: bytes | None) -> Record | Control | str:
    """Return the record that some bytes are, the control record, or why they are neither."""
    if not raw:
        return "no value: a tombstone means nothing on this topic" if raw is None else "an empty value"
    try:
        record: Record = judge_of(topic).decode(raw)
        problem = record.problem()
        if problem is None:
            msgspec.msgpack.encode(record)
        return problem or record
    except OverflowError as why:
        return f"it cannot be carried on: {why}"
    except (msgspec.DecodeError, ValueError, RecursionError) as why:
        try:
            control: Control = decode_control(raw)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return str(why) or type(why).__name__
        return control


def columns_of(topic: Topic, values: Sequence[bytes | None]) -> Columns:
    """Return the columns of a log of these values."""
    return Decoder(topic).columns(chunk_of(topic.name, 0, 100, [(None, raw, 1000) for raw in values]))


def agree(topic: Topic, values: Sequence[bytes | None]) -> None:
    """Hold that the columns say of every value just what the judge says of it."""
    columns, layout = columns_of(topic, values), Layout.of(topic.records[0])
    for i, raw in enumerate(values):
        said = verdict(topic, raw)
        assert bool(columns.good[i]) == isinstance(said, Record), (raw, said, columns.wrong.get(i))
        assert columns.control.get(i) == (None if isinstance(said, Record | str) else said), raw
        assert columns.wrong.get(i) == (said if isinstance(said, str) else None), raw
        if isinstance(said, Record):
            assert columns.record(i) == said
            assert origin_at(columns, i) == shown(getattr(said, "origin", None))
            same_fields(columns, layout, i, said)


def shown(origin: Origin | None) -> Origin | None:
    """Return an origin as columns show it: an offset or phase of over 63 bits as -1, which no mark is below."""
    if origin is None or all(-(1 << 63) <= n < 1 << 63 for n in (origin.offset, origin.subject[0])):
        return origin
    return msgspec.structs.replace(origin, offset=-1, subject=(-1, origin.subject[1]))


def origin_at(columns: Columns, i: int) -> Origin | None:
    """Return the origin of a record, as its columns have it."""
    origins = columns.origins
    if origins is None or origins.source[i] < 0:
        return None
    capability, topic, partition = origins.sources[origins.source[i]]
    subject = (int(origins.phase[i]), origins.what[i].decode())
    return Origin(capability, topic, partition, int(origins.offset[i]), subject)


def same_fields(columns: Columns, layout: Layout, i: int, record: Record) -> None:
    """Hold that a record's columns carry its fields, to the last bit; what is not said may be absent."""
    defaults: dict[str, Any] = {field.name: field.default for field in msgspec.structs.fields(type(record))}
    for name in layout.texts:
        if columns.text[name].length[i] < 0:
            assert getattr(record, name) == defaults[name] == ""
        else:
            assert columns.text[name][i] == getattr(record, name).encode()
    for name in layout.numbers:
        found, wanted = float(columns.number[name][i]), float(getattr(record, name))
        if math.isnan(found):
            assert wanted == defaults[name]
        else:
            assert (found, math.copysign(1, found)) == (wanted, math.copysign(1, wanted)), (name, record)
    for name, words in layout.codes.items():
        assert words[columns.code[name][i]] == getattr(record, name)
