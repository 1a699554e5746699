"""A text ends at its quote, and is taken where Python would decode it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.compiled import kernel
from detectors.wide import AHEAD, address
from streams.engine.numbers import UNSURE
from streams.engine.strings import is_utf8, read_text


@kernel
def read(buf, size):  # type: ignore[no-untyped-def]
    """Return how long the text is that a buffer of `size` bytes begins with, or -1; and whether it is ASCII."""
    start = address(buf)
    close, is_ascii = read_text(start, start + size)
    return -1 if close == UNSURE else close - start, is_ascii


@kernel
def check(buf, size):  # type: ignore[no-untyped-def]
    """Say whether the first `size` bytes are UTF-8."""
    start = address(buf)
    return is_utf8(start, start + size)


def taken(raw: bytes, behind: bytes = b"") -> tuple[int, bool]:
    size, is_ascii = read(np.frombuffer(raw + behind + bytes(AHEAD), np.uint8), len(raw))
    return int(size), bool(is_ascii)


def is_decoded(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


Pieces = st.sampled_from(
    [b"a", b"plain words ", b"\x7f", "é".encode(), "店".encode(), "😀".encode(), b"\xc3", b"\xe5\xba", b"\xf0\x9f\x98",
     b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xed\x9f\xbf", b"\xed\xa0\x80",
     b"\xee\x80\x80", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x8f\xbf\xbf",
     b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff"]
)  # fmt: skip
Mixed = st.lists(Pieces, max_size=30).map(b"".join)
Raw = st.one_of(Mixed, st.binary(max_size=80), st.text(max_size=40).map(str.encode))


@given(raw=Raw)
def test_a_text_is_taken_up_to_its_quote_where_it_is_plain_utf8(raw: bytes) -> None:
    plain = raw.split(b'"')[0]
    sure = not any(byte < 32 or byte == 92 for byte in plain) and is_decoded(plain)
    assert taken(raw + b'"') == ((len(plain), plain.isascii()) if sure else (-1, False))


@given(raw=st.lists(Pieces, max_size=12).map(b"".join))
def test_utf8_is_what_python_decodes(raw: bytes) -> None:
    quoted = np.frombuffer(raw + b'"' + bytes(AHEAD), np.uint8)
    assert check(quoted, len(raw)) == is_decoded(raw)


def test_all_pairs_and_every_lead_with_every_second_byte() -> None:
    for lead in range(0x80, 0x100):
        for second in range(0x40, 0x100):
            raw = bytes([lead, second, 0x80, 0x80])
            for size in (2, 3, 4):
                quoted = np.frombuffer(raw[:size] + b'"' + bytes(AHEAD), np.uint8)
                assert check(quoted, size) == is_decoded(raw[:size]), raw[:size]


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 63, 64, 65])
@pytest.mark.parametrize("behind", [b"", b'"', b'""""'])
def test_a_text_that_has_no_quote_is_none_whatever_stands_behind_it(size: int, behind: bytes) -> None:
    assert taken(b"x" * size, behind) == (-1, False)
    assert taken(b"x" * size + b'"', behind) == (size, True)
