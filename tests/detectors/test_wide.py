"""What is done to many bytes at once is what is done to each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors import wide
from detectors.compiled import kernel
from detectors.wide import LANES

Lanes = st.one_of(
    st.binary(min_size=LANES, max_size=LANES),
    st.lists(st.sampled_from(b'09/:"\\ \x1f\x7f\x80a'), min_size=LANES, max_size=LANES).map(bytes),
)
Bits = st.integers(0, 2**64 - 1)


@kernel
def looks(one, other):  # type: ignore[no-untyped-def]
    """Return all that is to be seen in the bytes of two arrays."""
    a, b = wide.address(one), wide.address(other)
    return wide.byte(a + 3), wide.word(a + 3), wide.digits(a), wide.stops(a), wide.alike(a, b)


@kernel
def counts(bits):  # type: ignore[no-untyped-def]
    """Return the zeros below and above the bits of a value, and the double that they are."""
    return wide.first(bits), wide.zeros_above(bits), wide.as_float(bits)


@kernel
def multiply(one, other):  # type: ignore[no-untyped-def]
    """Return the upper half of a product."""
    return wide.upper_product(one, other)


def marks(flags: list[bool]) -> int:
    return sum(flag << place for place, flag in enumerate(flags))


@given(one=Lanes, other=Lanes)
def test_every_lane_says_what_its_byte_is(one: bytes, other: bytes) -> None:
    found = looks(np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8))
    assert found[:2] == (one[3], int.from_bytes(one[3:11], "little"))
    assert found[2] == marks([48 <= byte <= 57 for byte in one])
    assert found[3] & 0xFFFFFFFF == marks([byte < 32 or byte in b'"\\' for byte in one])
    assert found[3] >> 32 == marks([byte > 127 for byte in one])
    assert found[4] == marks([a == b for a, b in zip(one, other, strict=True)])


@given(bits=Bits)
def test_zeros_are_counted_from_both_ends(bits: int) -> None:
    below, above, value = counts(np.uint64(bits))
    text = f"{bits:064b}"
    assert (below, above) == (len(text) - len(text.rstrip("0")), len(text) - len(text.lstrip("0")))
    assert np.float64(value).tobytes() == np.uint64(bits).tobytes()


@given(one=Bits, other=Bits)
def test_the_upper_half_of_a_product(one: int, other: int) -> None:
    assert multiply(np.uint64(one), np.uint64(other)) == one * other >> 64
