"""A fetch's bytes become a chunk as Kafka's own reader understands them; what is damaged is refused."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.engine import chunks as engine_chunks
from streams.engine import codecs
from streams.engine.chunks import Chunk, chunk_of, split

CODECS = {"plain": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
Records = list[tuple[bytes | None, bytes | None]]


def batch(
    records: Records, base: int = 0, codec: int = 0, *, producer: int = -1, attributes: int = 0, skip: int = 1
) -> bytes:
    """Return a record batch at an offset; `skip` leaves gaps between its records, as compaction does."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, producer, 0, 0, 1 << 20)
    for i, (key, value) in enumerate(records):
        builder.append(i * skip, 1_000_000 + 7 * i, key, value, [("header", b"\xff"), ("empty", b"")])
    raw = bytearray(builder.build())
    raw[0:8] = base.to_bytes(8, "big")
    return resealed(raw, attributes)


def resealed(raw: bytearray, attributes: int = 0) -> bytes:
    """Put attributes into a batch, and the checksum that fits it."""
    from aiokafka.record.util import calc_crc32c

    raw[22] |= attributes
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    return bytes(raw)


def read_by_kafka(raw: bytes, start: int) -> list[tuple[int, int, bytes | None, bytes | None]]:
    """Return (offset, time, key, value) as aiokafka's own reader finds them."""
    found: list[Any] = []
    records = MemoryRecords(raw)
    while records.has_next():
        one = records.next_batch()
        if not one.is_control_batch:
            found += [(r.offset, r.timestamp, r.key, r.value) for r in one if r.offset >= start]
    return found


def content(chunk: Chunk) -> list[tuple[int, int, bytes | None, bytes | None]]:
    """Return what a chunk holds."""
    return [(int(chunk.offset[i]), int(chunk.time_ms[i]), chunk.key(i), chunk.value(i)) for i in range(len(chunk))]


Bytes = st.none() | st.binary(max_size=300)
Batches = st.lists(
    st.tuples(
        st.lists(st.tuples(Bytes, Bytes), min_size=1, max_size=20), st.sampled_from(sorted(CODECS)), st.integers(1, 3)
    ),
    min_size=1,
    max_size=4,
)


@given(batches=Batches, start=st.integers(0, 60), append_time=st.booleans())
def test_a_chunk_holds_what_kafka_s_own_reader_finds(batches: Any, start: int, append_time: bool) -> None:
    """Of any codec, mixed, with gaps, from any offset on, and stamped by the log or by producers."""
    raw, base = b"", 0
    for records, codec, skip in batches:
        raw += batch(records, base, CODECS[codec], attributes=8 if append_time else 0, skip=skip)
        base += (len(records) - 1) * skip + 1
    chunk = split("t", 3, raw, start)
    assert content(chunk) == read_by_kafka(raw, start)
    assert (chunk.topic, chunk.partition, chunk.start, chunk.next) == ("t", 3, start, max(start, base))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_long_values_survive_every_codec(codec: int) -> None:
    records: Records = [(None, b"x" * 300_000), (b"k" * 70_000, b""), (b"", None)]
    assert content(split("t", 0, batch(records, 5, codec), 0)) == [
        (5 + i, 1_000_000 + 7 * i, *r) for i, r in enumerate(records)
    ]


@given(cut=st.integers(0, 400))
def test_a_batch_that_is_not_there_to_its_end_is_left_for_the_next_fetch(cut: int) -> None:
    first, second = batch([(b"a", b"1")], 0), batch([(b"b", b"2" * 200)], 1)
    chunk = split("t", 0, (first + second)[: len(first) + cut], 0)
    whole = cut >= len(second)
    assert content(chunk) == read_by_kafka(first + (second if whole else b""), 0)
    assert chunk.next == (2 if whole else 1)


@given(at=st.integers(21, 130), bit=st.integers(0, 7))
def test_a_bit_that_fell_over_is_found_by_the_checksum(at: int, bit: int) -> None:
    raw = bytearray(batch([(b"key", b"value" * 20)]))
    raw[at % (len(raw) - 21) + 21] ^= 1 << bit
    with pytest.raises(CorruptRecordException, match="t-0: the checksum of a batch does not fit its bytes"):
        split("t", 0, bytes(raw), 0)


@given(at=st.integers(61, 130), value=st.integers(0, 255))
def test_a_damaged_record_whose_checksum_fits_is_refused_or_read_within_its_batch(at: int, value: int) -> None:
    """Whoever makes the checksum fit may say what he likes, but nothing outside of his batch is ever read."""
    raw = bytearray(batch([(b"key", b"value" * 20), (b"other", b"x")]))
    raw[min(at, len(raw) - 1)] = value
    chunk = chunk_of("t", 0, 0, [])
    with suppress(CorruptRecordException):
        chunk = split("t", 0, resealed(raw), 0)
    for where, length in ((chunk.key_at, chunk.key_len), (chunk.value_at, chunk.value_len)):
        assert (where >= 0).all()
        assert (where + np.maximum(length, 0) <= len(raw) - 61).all()


def test_a_format_before_the_second_is_refused_by_name() -> None:
    raw = bytearray(batch([(b"a", b"1")]))
    raw[16] = 1
    with pytest.raises(CorruptRecordException, match="a message format before v2"):
        split("t", 0, bytes(raw), 0)


def test_control_batches_are_gaps_and_what_was_given_up_is_left_out_where_asked_for() -> None:
    """Producer 7 gave up at offset 4; its later transaction, and that of producer 8, stand."""
    mine, control = 0x10, 0x30
    raw = batch([(None, b"given up")] * 2, 0, producer=7, attributes=mine)
    raw += batch([(None, b"other")] * 2, 2, producer=8, attributes=mine)
    raw += batch([(b"\0\0\0\0", b"\0" * 6)], 4, producer=7, attributes=control)
    raw += batch([(None, b"stands")], 5, producer=7, attributes=mine)
    everything = [b"given up", b"given up", b"other", b"other", b"stands"]
    assert [value for *_, value in content(split("t", 0, raw, 0))] == everything
    committed = split("t", 0, raw, 0, aborted=[(7, 0)], committed_only=True)
    assert [(offset, value) for offset, *_, value in content(committed)] == [
        (2, b"other"),
        (3, b"other"),
        (5, b"stands"),
    ]
    assert committed.next == 6


def test_a_log_in_memory_is_a_chunk_like_any_other() -> None:
    chunk = chunk_of("t", 2, 40, [(b"a", b"1", 5), (None, None, 6), (b"", b"", 7)])
    assert content(chunk) == [(40, 5, b"a", b"1"), (41, 6, None, None), (42, 7, b"", b"")]
    assert (chunk.start, chunk.next) == (40, 43)


def batch_of(values: list[bytes], base: int, codec: int) -> bytes:
    """Return a record batch as a producer writes and a broker keeps it."""
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 30)
    for i, value in enumerate(values):
        builder.append(i, 1000, None, value, [])
    return struct.pack(">q", base) + bytes(builder.build())[8:]


@pytest.mark.parametrize("codec", [1, 3, 4])
def test_a_batch_that_would_fill_the_memory_is_left_out(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write to a topic can make a gigabyte of some kilobytes; what is around it is read all the same."""
    monkeypatch.setattr(codecs, "LARGEST_BATCH", 1 << 20)
    monkeypatch.setattr(codecs, "_room", np.empty(1 << 20, np.uint8))
    raw = batch_of([b"a"], 0, codec) + batch_of([bytes(2 << 20)], 1, codec) + batch_of([b"b", b"c"], 2, codec)
    chunk = split("metrics", 0, raw, 0)
    assert [chunk.value(i) for i in range(len(chunk))] == [b"a", b"b", b"c"]
    assert (chunk.start, chunk.next) == (0, 4)
    assert chunk.left_out == ((1, 1),)


def test_a_chunk_ends_before_its_positions_need_more_than_31_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is fetched again, and comes with the next chunk."""
    monkeypatch.setattr(engine_chunks, "LARGEST_CHUNK", 100)
    raw = b"".join(batch_of([b"x" * 90], base, 4) for base in range(4))
    first = split("metrics", 0, raw, 0)
    rest = split("metrics", 0, raw, first.next)
    assert (len(first), first.next, len(rest), rest.next) == (2, 2, 2, 4)
