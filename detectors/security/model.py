"""Model: how hostile a decoded text looks, by the pieces of one to four characters that it is made of.

Each piece has a weight; a text scores the sum of the weights of its distinct pieces over the root of their number.
Above 0 it looks more like an attack than not. The weights are made by `luminar train requests` and never change while
a worker runs, so what is concluded from a log depends on the log alone.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel

VERSION = 2
BITS = 20
LONGEST = 4
"""Characters of a piece."""
SLICE, STRIDE = 512, 384
"""A long text scores what its most hostile slice of so many bytes does; the next begins so many further on."""
MOST = 8_192
"""Bytes of a text that are looked at."""
UNIT = 64
"""A weight of 1, as it is kept."""

START, END, FOREIGN, BLANK, ZERO, NINE = 2, 3, 128, 32, 48, 57
SEEN = 4_096
"""Places of a table of the pieces of a slice; more than `LONGEST` * `SLICE`."""

Weights = NDArray[np.int8]
FILE = Path(__file__).with_name("weights.npy")


class Recipe(msgspec.Struct, frozen=True):
    """What weights were made of: the version of the formula, and a hash of all that decided them."""

    version: int
    recipe: str


class Model(NamedTuple):
    """Weights, by place, those of the families (`naming`), by place and family, and what they were made of."""

    weights: Weights
    families: Weights
    recipe: Recipe


@kernel
def simplify(buf, at, length, out):  # type: ignore[no-untyped-def]
    """Write a text between marks for its ends; return its new length. `out` has room for `length` + 2 bytes.

    All digits are one, and two of them stand for any number; one blank stands for many, and one letter of other
    alphabets for all of them in a row.
    """
    out[0] = START
    n, run = 1, 0
    for k in range(at, at + length):
        byte = buf[k]
        if ZERO <= byte <= NINE:
            byte = np.uint8(ZERO)
        elif byte <= BLANK:
            byte = np.uint8(BLANK)
        elif byte >= FOREIGN:
            byte = np.uint8(FOREIGN)
        run = run + 1 if byte == out[n - 1] else 0
        if run > 0 and (byte in (BLANK, FOREIGN) or (byte == ZERO and run > 1)):
            continue
        out[n] = byte
        n += 1
    out[n] = END
    return n + 1


@kernel
def place(piece, size):  # type: ignore[no-untyped-def]
    """Return where the weight of a piece stands: `size` bytes, packed into one number."""
    key = np.uint64(piece) | np.uint64(size) << np.uint64(32)
    key *= np.uint64(0x9E3779B97F4A7C15)
    key ^= key >> np.uint64(29)
    key *= np.uint64(0xBF58476D1CE4E5B9)
    return np.int64(key >> np.uint64(64 - BITS))


@kernel
def distinct(text, first, end, seen, places):  # type: ignore[no-untyped-def]
    """Fill `places` with those of the distinct pieces of text[first:end], at most a slice; return how many."""
    seen[:] = -1
    n = 0
    for k in range(first, end):
        piece = np.uint64(0)
        for size in range(1, min(LONGEST, k - first + 1) + 1):
            piece |= np.uint64(text[k - size + 1]) << np.uint64(8 * (size - 1))
            at = place(piece, size)
            slot = at & (SEEN - 1)
            while seen[slot] != -1 and seen[slot] != at:
                slot = (slot + 1) & (SEEN - 1)
            if seen[slot] == -1:
                seen[slot] = at
                places[n] = at
                n += 1
    return n


@kernel
def sum_at(weights, places, n):  # type: ignore[no-untyped-def]
    """Return the sum of the weights of n pieces over the root of n."""
    total = 0.0
    for k in range(n):
        total += weights[places[k]]
    return total / math.sqrt(n)


@kernel
def score(buf, weights, unit, text, seen, places):  # type: ignore[no-untyped-def]
    """Return the score of a text's most hostile slice; the last three are room to work in."""
    length = simplify(buf, 0, len(buf), text)
    best, first = -np.inf, 0
    while True:
        end = min(length, first + SLICE)
        n = distinct(text, first, end, seen, places)
        best = max(best, sum_at(weights, places, n) / unit)
        if end == length:
            return best
        first += STRIDE


def raw_of(text: str) -> NDArray[np.uint8]:
    """Return the bytes of a decoded text that are looked at."""
    return np.frombuffer(text[:MOST].encode("utf-8", "replace")[:MOST], np.uint8)


_TEXT, _SEEN, _PLACES = np.zeros(MOST + 2, np.uint8), np.zeros(SEEN, np.int32), np.zeros(LONGEST * SLICE, np.int64)


def hostility(text: str, weights: Weights) -> float:
    """Return how hostile a decoded text in lower case looks; about -1 for what is surely harmless, 1 for an attack."""
    return float(score(raw_of(text), weights, UNIT, _TEXT, _SEEN, _PLACES))


@cache
def shipped() -> Model:
    """Return the weights that came with the program."""
    return load(FILE)


def load(path: Path) -> Model:
    """Return the weights of a file, those of the families beside it, and their recipe."""
    weights, families = np.load(path, allow_pickle=False), np.load(families_of(path), allow_pickle=False)
    recipe = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Recipe)
    if recipe.version != VERSION or weights.dtype != np.int8 or weights.shape != (1 << BITS,):
        raise ValueError(
            f"{path.name} must hold {1 << BITS} weights of version {VERSION}, got {weights.dtype} {weights.shape} of "
            f"version {recipe.version}; make them again with `luminar train requests`"
        )
    return Model(weights, families, recipe)


def save(path: Path, model: Model) -> None:
    """Write weights, and the recipe beside them."""
    np.save(path, model.weights)
    np.save(families_of(path), model.families)
    path.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(model.recipe)) + b"\n")


def families_of(path: Path) -> Path:
    """Return where the weights of the families stand."""
    return path.with_name(f"{path.stem}-families.npy")
