"""Naming: which family of attacks a hostile text looks like, where no rule tells.

Each piece of a text has a weight for each family; the family whose weights sum up highest is named. Like those of the
model, the weights are made by `luminar train requests`: a hinge for the right family over the best wrong one (Crammer
and Singer, 2001), AdaGrad, the mean of the later rounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.security.model import (
    BITS,
    LONGEST,
    MOST,
    SEEN,
    SLICE,
    STRIDE,
    UNIT,
    Model,
    Weights,
    distinct,
    raw_of,
    simplify,
    sum_at,
)

FAMILIES = ("sqli", "nosqli", "xss", "traversal", "command", "code", "ssti", "ssrf", "header", "xxe", "log4shell")
"""Those of which recordings are labelled, in the order of their columns."""
NAME_BITS = 15
ROUNDS, KEPT_FROM, RATE, FIRST_SQUARE, STEP = 4, 2, 0.1, 0.01, 7_919

Columns = NDArray[np.int8]


class Named(NamedTuple):
    """A text that is hostile, the place of its family in `FAMILIES`, and how much it counts."""

    text: str
    family: int
    weight: float


@kernel
def worst_slice(buf, weights, text, seen, places):  # type: ignore[no-untyped-def]
    """Fill `places` with those of the pieces of a text's most hostile slice; return how many."""
    length = simplify(buf, 0, len(buf), text)
    best, best_first, first = -np.inf, 0, 0
    while True:
        end = min(length, first + SLICE)
        said = sum_at(weights, places, distinct(text, first, end, seen, places))
        if said > best:
            best, best_first = said, first
        if end == length:
            return distinct(text, best_first, min(length, best_first + SLICE), seen, places)
        first += STRIDE


@kernel
def tally(columns, places, start, end, out):  # type: ignore[no-untyped-def]
    """Sum up the weights of pieces by family; return the place of the highest sum."""
    out[:] = 0.0
    for k in range(start, end):
        row = columns[places[k] >> (BITS - NAME_BITS)]
        for f in range(len(out)):
            out[f] += row[f]
    return np.argmax(out)


_TEXT, _SEEN, _PLACES = np.zeros(MOST + 2, np.uint8), np.zeros(SEEN, np.int32), np.zeros(LONGEST * SLICE, np.int64)


def family_of(text: str, model: Model) -> str:
    """Return the family that a decoded text, known to be hostile, looks like."""
    n = worst_slice(raw_of(text), model.weights, _TEXT, _SEEN, _PLACES)
    return FAMILIES[int(tally(model.families, _PLACES, 0, n, np.zeros(len(FAMILIES))))]


@kernel
def learn_families(places, ends, family, weight, rounds, kept_from, rate, step, shape):  # type: ignore[no-untyped-def]
    """Return the mean of the weights after the rounds from `kept_from` on."""
    weights, squares, mean = np.zeros(shape), np.full(shape, FIRST_SQUARE), np.zeros(shape)
    n, out = len(family), np.zeros(shape[1])
    for turn in range(rounds):
        for k in range(n):
            e = (k * step + turn * 104_729) % n
            start, end, right = ends[e], ends[e + 1], family[e]
            tally(weights, places, start, end, out)
            root = math.sqrt(end - start)
            out[right] -= root
            wrong = np.argmax(out)
            if wrong == right:
                continue
            pull = weight[e] / root
            for k2 in range(start, end):
                at = places[k2] >> (BITS - NAME_BITS)
                squares[at, right] += pull * pull
                squares[at, wrong] += pull * pull
                weights[at, right] += rate * pull / math.sqrt(squares[at, right])
                weights[at, wrong] -= rate * pull / math.sqrt(squares[at, wrong])
        if turn >= kept_from:
            mean += weights
    return mean / (rounds - kept_from)


def trained_families(examples: Sequence[Named], weights: Weights) -> Columns:
    """Return the weights of the families that hostile texts give, of which the most hostile slices count."""
    parts, ends = list[NDArray[np.int32]](), [0]
    for example in examples:
        n = worst_slice(raw_of(example.text), weights, _TEXT, _SEEN, _PLACES)
        parts.append(_PLACES[:n].astype(np.int32))
        ends.append(ends[-1] + n)
    shape = (1 << NAME_BITS, len(FAMILIES))
    if not parts:
        return np.zeros(shape, np.int8)
    family = np.array([example.family for example in examples], np.int64)
    weight = np.array([example.weight for example in examples])
    step = STEP if len(examples) % STEP else STEP + 8
    mean = learn_families(
        np.concatenate(parts), np.array(ends), family, weight, ROUNDS, KEPT_FROM, RATE, step, shape
    )  # fmt: skip
    columns: Columns = np.clip(np.rint(mean * UNIT), -127, 127).astype(np.int8)
    return columns
