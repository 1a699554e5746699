"""Crowds: sketches of parts, put together, say what a sketch of all of it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.compiled import kernel
from detectors.crowds import bucket_of, distinct, entropy, keep_route, note_distinct, raised, route_hash
from detectors.names import hash_name
from detectors.wide import address
from topics.compositions import BUCKETS, REGISTERS

Paths = st.text(st.characters(codec="utf-8"), max_size=40)


def registers_of(names: list[bytes]) -> dict[int, int]:
    registers = np.zeros(REGISTERS, np.uint8)
    for name in names:
        note_distinct(registers, np.uint64(hash_name(np.frombuffer(name, np.uint8), 0, len(name), np.uint64(0))))
    return {int(k): int(registers[k]) for k in np.flatnonzero(registers)}


@kernel
def hash_and_keep(raw, out):  # type: ignore[no-untyped-def]
    return route_hash(address(raw), len(raw)), keep_route(address(raw), len(raw), out)


def route_of(path: str) -> tuple[int, str]:
    out = np.zeros(200, np.uint8)
    hashed, size = hash_and_keep(np.frombuffer(path.encode(), np.uint8), out)
    return int(np.uint64(hashed)), out[:size].tobytes().decode()


@given(st.lists(st.binary(min_size=1, max_size=12)), st.lists(st.binary(min_size=1, max_size=12)))
def test_registers_of_two_parts_are_those_of_the_whole(one: list[bytes], other: list[bytes]) -> None:
    merged = registers_of(one)
    raised(merged, registers_of(other))
    assert merged == registers_of(one + other)


@pytest.mark.parametrize("many", [1, 10, 100, 1000, 10_000, 100_000])
def test_distinct_ones_are_counted_within_a_fifth_or_so(many: int) -> None:
    assert distinct(registers_of([b"10.%d.%d" % (k % 256, k) for k in range(many)])) == pytest.approx(many, rel=0.25)


def test_buckets_are_filled_evenly() -> None:
    names = [b"192.0.%d.%d" % (k >> 8, k & 255) for k in range(65_536)]
    counts = np.zeros(BUCKETS)
    for name in names:
        counts[int(bucket_of(np.uint64(hash_name(np.frombuffer(name, np.uint8), 0, len(name), np.uint64(0)))))] += 1
    assert counts.min() > 0.7 * 512
    assert counts.max() < 1.3 * 512


@given(Paths)
def test_a_route_as_it_is_kept_has_the_hash_of_its_path(path: str) -> None:
    """So that what is usual of a route can be asked for by its name."""
    hashed, kept = route_of(path)
    assert route_of(kept) == (hashed, kept)
    assert "?" not in kept


def test_routes_differ_by_words_and_not_by_numbers_or_queries() -> None:
    alike = {route_of(path)[0] for path in ("/item/1", "/item/99?x", "/item/007?y=2")}
    others = {route_of(path)[0] for path in ("/item/", "/item/1/", "/items/1", "/", "")}
    assert len(alike) == 1
    assert len(others) == 5
    assert not alike & others


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.integers(2, 9))
def test_entropy_grows_with_evenness_not_with_numbers(counts: list[int], times: int) -> None:
    big = [1000 * count for count in counts]
    assert entropy([times * count for count in big]) == pytest.approx(entropy(big), abs=0.01)
    assert entropy(big) <= np.log2(len(big)) + 0.01
    assert entropy([*big, *big]) == pytest.approx(entropy(big) + 1, abs=0.01)
