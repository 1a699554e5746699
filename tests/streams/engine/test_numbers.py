"""Every number that is taken is the nearest double, however it is written; what is not sure is not taken."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.compiled import kernel
from detectors.wide import AHEAD, address
from streams.engine.numbers import UNSURE, nearest, read_number

Digits = st.text("0123456789", min_size=1, max_size=40)
Whole = st.one_of(st.just("0"), st.from_regex(r"[1-9][0-9]{0,30}", fullmatch=True))
Exponents = st.one_of(st.just(""), st.integers(-400, 400).map("e{}".format), st.integers(0, 20).map("E+0{}".format))


@kernel
def read(buf):  # type: ignore[no-untyped-def]
    """Read the number that a buffer begins with; return (value, whether it is whole, how many bytes it has, or -1)."""
    start = address(buf)
    value, whole, end = read_number(start)
    return value, whole, -1 if end == UNSURE else end - start


@kernel
def scaled(mantissa, power):  # type: ignore[no-untyped-def]
    """Return mantissa * 10**power, and whether that is sure."""
    return nearest(mantissa, power)


def taken(text: str, behind: bytes = b",") -> tuple[float, bool, int]:
    value, whole, size = read(np.frombuffer(text.encode() + behind + bytes(2 * AHEAD), np.uint8))
    return float(value), bool(whole), int(size)


def is_same(one: float, other: float) -> bool:
    return one == other and math.copysign(1, one) == math.copysign(1, other)


@given(sign=st.sampled_from(["", "-"]), whole=Whole, decimals=st.one_of(st.just(""), Digits), exponent=Exponents)
def test_what_is_taken_is_the_nearest_double(sign: str, whole: str, decimals: str, exponent: str) -> None:
    text = f"{sign}{whole}{decimals and '.'}{decimals}{exponent}"
    value, is_whole, size = taken(text)
    assert size in (-1, len(text))
    if size > 0:
        assert is_whole == (text.lstrip("-").isdigit() and len(whole) <= 18)
        assert is_same(value, float(text) if not is_whole or float(text) else 0.0)


@given(value=st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_what_python_writes_is_taken(value: float) -> None:
    """A double in its shortest form, unless many digits stand for the very double, or for the middle of two."""
    read_value, _, size = taken(repr(value))
    if size == -1:
        written, other = Fraction(repr(value)), [Fraction(math.nextafter(value, end)) for end in (-math.inf, math.inf)]
        assert written in [(Fraction(value) + one) / 2 for one in (Fraction(value), *other)]
        assert abs(written.numerator) > 2**53
    else:
        assert size == len(repr(value))
        assert is_same(read_value, value)


@given(value=st.floats(1e-300, 1e300), more=st.integers(0, 30))
def test_more_digits_than_a_double_has_are_taken_mostly(value: float, more: int) -> None:
    """The digits that 19 leave out decide between two doubles once in 500; then the judge is asked."""
    text = f"{value:.{17 + more}e}"
    read_value, _, size = taken(text)
    assert size == -1 or (size == len(text) and read_value == float(text))


@given(mantissa=st.integers(1, 2**64 - 1), power=st.integers(-330, 300))
def test_a_product_that_is_sure_is_nearest(mantissa: int, power: int) -> None:
    value, sure = scaled(np.uint64(mantissa), power)
    if sure:
        exact = mantissa * Fraction(10) ** power
        gaps = [abs(exact - Fraction(x)) for x in (value, math.nextafter(value, 0.0), math.nextafter(value, math.inf))]
        assert gaps[0] <= min(gaps[1:])


@given(odd=st.integers(2**52, 2**53 - 1), up=st.integers(1, 10))
def test_half_way_between_two_doubles_the_even_one_is_taken_or_none(odd: int, up: int) -> None:
    """A whole number with one bit more than a double has."""
    text = str((2 * odd + 1) << up)
    value, _, size = taken(text)
    assert size == -1 or value == float(text)


@pytest.mark.parametrize(
    "text",
    ["", "-", "+1", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+", "-.5", "NaN", "Infinity", "true", "1e400", "-1e400",
     "1e-330", "5e-324", "2.2250738585072011e-308", "1e12345", "0" * 20, "9" * 120, "0." + "0" * 120 + "1", "0e5"],
)  # fmt: skip
def test_what_is_no_number_or_no_normal_one_is_not_taken(text: str) -> None:
    assert taken(text)[2] == -1


@pytest.mark.parametrize(("text", "value"), [("-0", 0.0), ("-0.0", -0.0), ("0.000", 0.0), ("0", 0.0)])
def test_nothing_has_the_sign_that_the_judge_gives_it(text: str, value: float) -> None:
    """To the judge -0 is a whole number, which has no sign."""
    assert is_same(taken(text)[0], value)
    assert taken(text)[2] == len(text)


@given(text=st.from_regex(r"-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,19})?", fullmatch=True), behind=st.binary(max_size=40))
def test_what_stands_behind_a_number_does_not_change_it(text: str, behind: bytes) -> None:
    if not behind[:1].isdigit() and behind[:1] not in (b".", b"e", b"E"):
        assert taken(text, behind) == taken(text)
