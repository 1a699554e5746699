"""Strings: where a JSON text ends, and whether it is UTF-8, by compiled code."""

from __future__ import annotations

import numpy as np

from detectors.compiled import kernel
from detectors.wide import LANES, byte, first, stops
from streams.engine.numbers import UNSURE

QUOTE = 34
LOWER_HALF = np.uint64((1 << LANES) - 1)


@kernel
def follows(at, low, high, count):  # type: ignore[no-untyped-def]
    """Say whether `count` bytes follow that continue a character, the first of them from low to high."""
    if not low <= byte(at) <= high:
        return False
    k = 1
    while k < count and 0x80 <= byte(at + k) <= 0xBF:
        k += 1
    return k == count


@kernel
def is_utf8(at, end):  # type: ignore[no-untyped-def]
    """Say whether the bytes up to a quote at `end` are UTF-8 as Unicode 16.0, table 3-7 has it, and msgspec.

    No character in more bytes than it needs, no half of a surrogate pair, none beyond U+10FFFF.
    """
    while at < end:
        lead, low, high = byte(at), 0x80, 0xBF
        if lead < 0x80:
            at += 1
            continue
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        if lead == 0xE0:
            low = 0xA0
        elif lead == 0xED:
            high = 0x9F
        elif lead == 0xF0:
            low = 0x90
        elif lead == 0xF4:
            high = 0x8F
        if not 0xC2 <= lead <= 0xF4 or not follows(at + 1, low, high, more):
            return False
        at += 1 + more
    return True


@kernel
def read_text(at, end):  # type: ignore[no-untyped-def]
    """Return where the text that begins at an address has its closing quote, or UNSURE; and whether it is ASCII."""
    start, is_ascii = at, True
    while at < end:
        marks = stops(at)
        stop = first(marks & LOWER_HALF)
        beyond = first(marks >> np.uint64(LANES))
        is_ascii = is_ascii and beyond >= min(stop, LANES)
        if stop < LANES:
            at += stop
            if at >= end or byte(at) != QUOTE or not (is_ascii or is_utf8(start, at)):
                return UNSURE, False
            return at, is_ascii
        at += LANES
    return UNSURE, False
