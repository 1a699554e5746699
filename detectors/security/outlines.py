"""Outlines: of a path as it was sent, in one pass: where it ends, what kind of thing it names, and by which number.

Texts are given by their address, as in `detectors.wide`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.names import hash_at
from detectors.wide import byte

QUESTION, SLASH, DOT, DASH, UNDERSCORE, EQUALS, AND, ZERO, NINE = 63, 47, 46, 45, 95, 61, 38, 48, 57
MOST_DIGITS = 9
"""Longer numbers are times or chance, and nobody counts them up."""
LONGEST_EXTENSION = 5
FILES = (
    "css js mjs map png jpg jpeg gif webp avif svg ico bmp woff woff2 ttf otf eot mp3 mp4 m4a m4s m3u8 webm ogg mpd ts"
)
"""Extensions of what belongs to a page, and is asked for by browsers rather than by people."""


def _as_number(text: str) -> int:
    return int.from_bytes(text.encode(), "big")


_FILES: NDArray[np.int64] = np.array([_as_number(one) for one in FILES.split()], np.int64)


@kernel
def is_file(at, length):  # type: ignore[no-untyped-def]
    """Say whether an extension is that of a page's file."""
    if not 0 < length <= LONGEST_EXTENSION:
        return False
    told = np.int64(0)
    for k in range(at, at + length):
        told = told << 8 | (byte(k) | 32)
    found = False
    for one in _FILES:
        found |= one == told
    return found


@kernel
def outline(at, length):  # type: ignore[no-untyped-def]
    """Return of a path: its size without the query; its extension's place and size; its number's place and digits.

    Places are counted from the path's start. The number is the last one that is a word of its own (behind "/", "-" or
    "_") before the query, else the first whole value in the query; 0 digits: there is none.
    """
    size, dot, begun = length, -1, -1
    number, digits = 0, 0
    before = SLASH
    for k in range(length):
        letter = byte(at + k)
        if ZERO <= letter <= NINE:
            if begun < 0 and before in (SLASH, DASH, UNDERSCORE):
                begun = k
        else:
            if begun >= 0 and letter in (SLASH, DOT, DASH, UNDERSCORE, QUESTION):
                number, digits = begun, k - begun
            begun = -1
            if letter == QUESTION:
                size = k
                break
            if letter == DOT:
                dot = k
            elif letter == SLASH:
                dot = -1
        before = letter
    if begun >= 0:
        number, digits = begun, length - begun
    if digits == 0 and size < length:
        number, digits = first_value(at, size + 1, length)
    extension = size - dot - 1 if dot >= 0 else 0
    return size, dot + 1, extension, number, digits if digits <= MOST_DIGITS else 0


@kernel
def first_value(at, start, end):  # type: ignore[no-untyped-def]
    """Return place and digits of the first value of a query that is a number and nothing else."""
    begun = -1
    for k in range(start, end):
        letter = byte(at + k)
        if letter == EQUALS:
            begun = k + 1
        elif letter == AND:
            if 0 <= begun < k:
                return begun, k - begun
            begun = -1
        elif not ZERO <= letter <= NINE:
            begun = -1
    return (begun, end - begun) if 0 <= begun < end else (0, 0)


@kernel
def value_of(at, digits):  # type: ignore[no-untyped-def]
    """Return the number that some digits say."""
    value = np.int64(0)
    for k in range(at, at + digits):
        value = 10 * value + (byte(k) - ZERO)
    return value


@kernel
def hash_text(at, length):  # type: ignore[no-untyped-def]
    """Return 32 bits that stand for a text: saved in rows, so the same in every process."""
    return np.uint32(hash_at(at, length, np.uint64(0)) >> np.uint64(32))


@kernel
def hash_around(at, size, number, digits):  # type: ignore[no-untyped-def]
    """Return 32 bits that stand for a path with any number in the place of its own."""
    behind = number + digits
    first = hash_at(at, number, np.uint64(0))
    second = hash_at(at + behind, max(size - behind, 0), np.uint64(0))
    return np.uint32((first ^ second * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32))


@kernel
def second_of(at_s):  # type: ignore[no-untyped-def]
    """Return the whole second of a time as rows keep it, never 0, which marks a free place."""
    return max(np.uint32(min(at_s, 4294967295.0)), np.uint32(1))
