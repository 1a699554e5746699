"""Numbers: decimal digits to the nearest double, by compiled code.

Short ones by one division, which is exact up to 2**53 and 22 decimals (W. Clinger, "How to read floating point numbers
accurately", 1990); all others by a product with a power of ten in 128 bits, which says itself when it is not sure
(D. Lemire, "Number parsing at a gigabyte per second", 2021). What then is not sure is left to the judge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.wide import as_float, byte, digits, first, upper_product, word, zeros_above

MINUS, PLUS, DOT, ZERO, SMALL_E = 45, 43, 46, 48, 101
UNSURE = np.int64(1) << 62
"""Behind every address: what stands there is for the judge."""
EXACT, TEN, MOST_DIGITS, LONGEST = np.uint64(1 << 53), np.uint64(10), 18, 100
SMALLEST_POWER, LARGEST_POWER = -342, 308
ZEROS = np.uint64(0x3030303030303030)
ODD_BYTES, ODD_PAIRS = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
LOW_HALF, LOW_NINE = np.uint64(0xFFFFFFFF), np.uint64(0x1FF)

TENS = np.array([10**i for i in range(19)], np.int64)
POWERS = np.array([10.0**i for i in range(23)])


def _powers() -> NDArray[np.uint64]:
    """Return 10**q for every q that a double can need, cut to its highest 128 bits: [upper or lower 64, q]."""
    table = np.empty((2, LARGEST_POWER - SMALLEST_POWER + 1), np.uint64)
    for q in range(SMALLEST_POWER, LARGEST_POWER + 1):
        power = 10**q if q >= 0 else (1 << (128 + (10**-q).bit_length())) // 10**-q
        size = power.bit_length()
        power = power >> size - 128 if size > 128 else power << 128 - size
        table[:, q - SMALLEST_POWER] = power >> 64, power & (1 << 64) - 1
    return table


UPPER, LOWER = _powers()


@kernel
def product(mantissa, power):  # type: ignore[no-untyped-def]
    """Return the upper 128 bits of mantissa * 10**power, as two words, and whether enough of them are sure."""
    high, low = UPPER[power - SMALLEST_POWER], LOWER[power - SMALLEST_POWER]
    upper, lower = upper_product(mantissa, high), mantissa * high
    if upper & LOW_NINE == LOW_NINE and lower + mantissa < mantissa:
        carried, rest = upper_product(mantissa, low), mantissa * low
        added = lower + carried
        upper += np.uint64(added < lower)
        lower = added
        if upper & LOW_NINE == LOW_NINE and lower + np.uint64(1) == 0 and rest + mantissa < mantissa:
            return upper, lower, False
    return upper, lower, True


@kernel
def nearest(mantissa, power):  # type: ignore[no-untyped-def]
    """Return the double nearest to mantissa * 10**power, and whether that is sure; what is not normal never is."""
    if not SMALLEST_POWER <= power <= LARGEST_POWER:
        return 0.0, False
    shift = zeros_above(mantissa)
    upper, lower, sure = product(mantissa << np.uint64(shift), power)
    top = np.int64(upper >> np.uint64(63))
    kept = upper >> np.uint64(top + 9)  # 54 bits: a double's 53 and the one that rounds
    # The nearest doubles may be equally near: then the even one is to be taken, but the product is not that exact.
    if not sure or (lower == 0 and upper & LOW_NINE == 0 and kept & np.uint64(3) == 1):
        return 0.0, False
    kept = (kept + (kept & np.uint64(1))) >> np.uint64(1)
    exponent = ((217706 * power) >> 16) + 1087 - shift - (1 - top)  # 217706 / 2**16: the binary digits in a decimal one
    if kept >> np.uint64(53):
        kept, exponent = kept >> np.uint64(1), exponent + 1
    if not 0 < exponent < 2047:
        return 0.0, False
    return as_float((np.uint64(exponent) << np.uint64(52)) | (kept & np.uint64((1 << 52) - 1))), True


@kernel
def value_of(mantissa, power):  # type: ignore[no-untyped-def]
    """Return the double nearest to mantissa * 10**power, and whether that is sure; zeros at its end say nothing."""
    while mantissa > EXACT and power < 0 and mantissa % TEN == 0:
        mantissa, power = mantissa // TEN, power + 1
    if mantissa <= EXACT and -23 < power < 23:
        value = np.float64(mantissa)
        return (value / POWERS[-power] if power < 0 else value * POWERS[power]), True
    return nearest(mantissa, power)


@kernel
def up_to_eight(where, count):  # type: ignore[no-untyped-def]
    """Return the number that 1 to 8 digits stand for: neighbours are joined to pairs, to fours, to all eight."""
    value = (word(where) - ZEROS) << np.uint64(64 - 8 * count)
    value = (value * np.uint64(10) + (value >> np.uint64(8))) & ODD_BYTES
    value = (value * np.uint64(100) + (value >> np.uint64(16))) & ODD_PAIRS
    return np.int64((value * np.uint64(10_000) + (value >> np.uint64(32))) & LOW_HALF)


@kernel
def whole_number(where, count):  # type: ignore[no-untyped-def]
    """Return the number that 1 to 18 digits stand for."""
    if count <= 8:
        return up_to_eight(where, count)
    if count <= 16:
        return up_to_eight(where, count - 8) * 100_000_000 + up_to_eight(where + count - 8, 8)
    upper = up_to_eight(where, count - 16) * 100_000_000 + up_to_eight(where + count - 16, 8)
    return upper * 100_000_000 + up_to_eight(where + count - 8, 8)


@kernel
def read_number(at):  # type: ignore[no-untyped-def]
    """Read the number at an address: return (value, whether it is whole, address behind it or UNSURE).

    It is whole where it has neither a dot nor an exponent, and at most 18 digits: more are, as a whole, for the judge.
    It may end behind the record that it begins in: that is for the caller to see.
    """
    negative = byte(at) == MINUS
    start = at + negative
    marks = ~digits(start)
    count, decimals = first(marks), 0
    end = start + count
    if byte(end) == DOT:
        decimals = first(marks >> np.uint64(count + 1)) if count < 31 else 0
        end += 1 + decimals
        if decimals == 0:
            return 0.0, False, UNSURE
    if count == 0 or (count > 1 and byte(start) == ZERO):
        return 0.0, False, UNSURE
    if count + decimals > MOST_DIGITS or byte(end) | 32 == SMALL_E:
        return read_long_number(start, negative)
    mantissa = whole_number(start, count)
    if decimals:
        mantissa = mantissa * TENS[decimals] + whole_number(start + count + 1, decimals)
    value, sure = value_of(np.uint64(mantissa), -decimals)
    if negative:
        value = -value if decimals or mantissa else 0.0  # -0 is a whole number, and has no sign
    return value, decimals == 0, end if sure else UNSURE


@kernel
def read_digits(at, end, mantissa, count):  # type: ignore[no-untyped-def]
    """Go on reading digits: return (mantissa of the first 19 that count, how many count, where they end)."""
    while at < end and 0 <= byte(at) - ZERO <= 9:
        if count < 19:
            mantissa = mantissa * np.uint64(10) + np.uint64(byte(at) - ZERO)
        count += count > 0 or byte(at) != ZERO
        at += 1
    return mantissa, count, at


@kernel
def read_exponent(at):  # type: ignore[no-untyped-def]
    """Read what follows an e: return (exponent, address behind it, or UNSURE: it is none, or has too many digits)."""
    sign = byte(at)
    at += sign in (MINUS, PLUS)
    start, exponent = at, 0
    while 0 <= byte(at) - ZERO <= 9 and at - start < 5:
        exponent = exponent * 10 + byte(at) - ZERO
        at += 1
    return -exponent if sign == MINUS else exponent, at if 0 < at - start < 5 else UNSURE


@kernel
def read_long_number(start, negative):  # type: ignore[no-untyped-def]
    """Read a number of many digits, or with an exponent, from its first digit on; see `read_number`.

    Of its digits 19 are taken; what is left out is less than one in the last of them, so where both that and one more
    lead to the same double, it is the nearest. Numbers of over a hundred characters are left to the judge.
    """
    end = start + LONGEST
    mantissa, count, at = read_digits(start, end, np.uint64(0), 0)
    decimals = 0
    if byte(at) == DOT:
        dot = at + 1
        mantissa, count, at = read_digits(dot, end, mantissa, count)
        decimals = at - dot
        if decimals == 0:
            return 0.0, False, UNSURE
    dropped = max(count - 19, 0)
    exponent = 0
    if byte(at) | 32 == SMALL_E:
        exponent, at = read_exponent(at + 1)
    if at >= end or mantissa == 0:
        return 0.0, False, UNSURE
    power = exponent - decimals + dropped
    if dropped == 0:
        value, sure = value_of(mantissa, power)
    else:
        value, sure = nearest(mantissa, power)
        above, sure_above = nearest(mantissa + np.uint64(1), power)
        sure = sure and sure_above and above == value
    return -value if negative else value, False, at if sure else UNSURE
