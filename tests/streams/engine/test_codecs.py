"""A packed batch becomes what its producer packed; damage is refused, and nothing beyond its room is written."""

from __future__ import annotations

import cramjam
import numpy as np
import pytest
from aiokafka.codec import lz4_encode
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from streams.engine import codecs
from streams.engine.batches import HEADER_BYTES, Batch
from streams.engine.codecs import BLOCK, LZ4, OTHER, PLAIN, pieces_of, write

Repeated = st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 6000)).map(lambda pair: pair[0] * pair[1])
Content = st.lists(st.one_of(Repeated, st.binary(max_size=3000)), max_size=4).map(b"".join)
NOISE = np.random.default_rng(7).bytes(150_000)


def fetched(packed: bytes, codec: int = LZ4) -> tuple[bytes, NDArray[np.void]]:
    """Return a fetch of one batch that holds `packed`, and its header."""
    batches = np.zeros(1, Batch)
    batches["end"], batches["attributes"] = HEADER_BYTES + len(packed), codec
    return bytes(HEADER_BYTES) + packed, batches


def unpacked(packed: bytes) -> bytes | None:
    """Return what an lz4 frame's blocks hold; None where they are not looked at, or cannot be read."""
    raw, batches = fetched(packed)
    found, room = b"", bytearray(b"\xa5" * (1 << 20))
    for _, at, size, most, kind in pieces_of(raw, batches, np.arange(1)):
        if kind == OTHER:
            return None
        written = write(memoryview(raw)[at : at + size], kind, memoryview(room)[:most])
        assert room[most : most + 64] == b"\xa5" * 64
        if written < 0:
            return None
        found += room[:written]
        room[:most] = b"\xa5" * most
    return found


@given(content=Content)
def test_a_frame_s_blocks_are_read_as_the_frame_is(content: bytes) -> None:
    packed = bytes(lz4_encode(content))
    assert unpacked(packed) == content == bytes(cramjam.lz4.decompress(packed))


@pytest.mark.parametrize("content", [b"", NOISE, NOISE * 3, b"x" * 500_000, NOISE + b"x" * 300_000])
def test_blocks_that_could_not_be_packed_stand_as_they_are(content: bytes) -> None:
    assert unpacked(bytes(lz4_encode(content))) == content


@given(content=Content, cuts=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_frame_is_read_as_the_frame_would_be_or_not_at_all(
    content: bytes, cuts: list[tuple[int, int]]
) -> None:
    """Its checksums may be wrong: Kafka's own is looked at before."""
    packed = bytearray(lz4_encode(content))
    for at, value in cuts:
        packed[at % len(packed)] = value
    found = unpacked(bytes(packed))
    try:
        whole = bytes(cramjam.lz4.decompress(bytes(packed)))
    except cramjam.DecompressionError:
        return
    assert found is None or found == whole


@given(packed=st.binary(max_size=200), cut=st.integers(0, 40))
def test_whatever_stands_in_a_batch_nothing_outside_of_it_is_read(packed: bytes, cut: int) -> None:
    for raw in (packed, b"\x04\x22\x4d\x18\x60\x40\x82" + packed, bytes(lz4_encode(packed))[:-cut]):
        fetch, batches = fetched(raw)
        for _, at, size, most, kind in pieces_of(fetch, batches, np.arange(1)):
            assert HEADER_BYTES <= at <= at + size <= len(fetch)
            assert kind in (PLAIN, BLOCK, OTHER)
            assert most <= codecs.LARGEST_BATCH


def test_a_frame_of_another_kind_is_left_to_who_knows_all_kinds() -> None:
    """Blocks that go on from those before, a dictionary, a version to come."""
    assert unpacked(bytes(cramjam.lz4.compress(b"a" * 1000))) is None
    packed = bytearray(lz4_encode(b"a" * 1000))
    assert packed[4] == 0x70
    for flags in (0x50, 0x71, 0xB0, 0x78):
        packed[4] = flags
        assert unpacked(bytes(packed)) is None


def test_a_frame_that_may_become_more_than_a_batch_may_hold_is_left_to_who_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed = bytes(lz4_encode(b"x" * 300_000))
    assert unpacked(packed) is not None
    monkeypatch.setattr(codecs, "LARGEST_BATCH", 200_000)
    assert unpacked(packed) is None
