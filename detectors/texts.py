"""Texts: columns in which some records have another text than the one that was sent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Text


def replaced(text: Text, which: NDArray[np.int64], by: Sequence[bytes]) -> Text:
    """Return a column in which the records `which` have the texts `by`; one text alone stands for all of them.

    The new texts are put behind a copy of the old ones, so that whoever holds the old column keeps it. The copy is
    read-only as fetched bytes are: for arrays that can be written to, every kernel would be compiled once more.

    >>> old = Text(np.frombuffer(b"shop", np.uint8), np.zeros(2, np.int32), np.array([4, -1], np.int32))
    >>> new = replaced(old, np.array([1]), [b"default"])
    >>> new[0], new[1]
    (b'shop', b'default')
    """
    sizes = np.array([len(one) for one in by], np.int32)
    starts = len(text.buf) + np.cumsum(sizes, dtype=np.int32) - sizes
    at, length = text.at.copy(), text.length.copy()
    at[which], length[which] = starts, sizes
    return Text(np.frombuffer(text.buf.tobytes() + b"".join(by), np.uint8), at, length)


def filled(text: Text, default: bytes) -> Text:
    """Return a column in which records that lack the text have a default; the same column where none does."""
    lacking = np.flatnonzero(text.length <= 0)
    return replaced(text, lacking, [default]) if len(lacking) else text
