"""Training: weights of the pieces, from requests of which it is known whether they are attacks.

A request is as hostile as its most hostile value: an attack pulls at that one alone, a harmless request at each of its
values that scores too high. The loss is a squared hinge, linear far out, since public lists have wrong lines; the steps
are those of AdaGrad (Duchi, Hazan and Singer, 2011), and the mean of the later rounds is kept. There are only sums,
products, quotients and roots, in one order, so the same data give the same weights, bit for bit, on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import kernel
from detectors.security.model import BITS, LONGEST, MOST, SEEN, SLICE, STRIDE, UNIT, Weights, distinct, raw_of, simplify

ROUNDS, KEPT_FROM = 6, 3
RATE = 0.05
FIRST_SQUARE = 0.01
STEPS = 7_919, 7_927
"""Requests are taken in steps of a prime, so that no collection is learned in one go; of the second where the first
divides their number."""


class Example(NamedTuple):
    """A request: the decoded values that are not plain, whether it is an attack, and how much it counts (up to 1)."""

    texts: Sequence[str]
    hostile: bool
    weight: float


class Sliced(NamedTuple):
    """Examples as numbers.

    places         int32: those of the pieces of all slices, one after the other; ends of slices in `ends`
    first          int64 [texts + 1]: the first slice of each distinct text
    texts, begins  int64: which texts each example has
    """

    places: NDArray[np.int32]
    ends: NDArray[np.int64]
    first: NDArray[np.int64]
    texts: NDArray[np.int64]
    begins: NDArray[np.int64]


def sliced(examples: Sequence[Example]) -> Sliced:
    """Return examples as numbers; a text that comes often is cut once."""
    known: dict[str, int] = {}
    texts = [known.setdefault(text, len(known)) for example in examples for text in example.texts]
    begins = np.concatenate([[0], np.cumsum([len(example.texts) for example in examples])])
    out, seen, room = np.zeros(MOST + 2, np.uint8), np.zeros(SEEN, np.int32), np.zeros(LONGEST * SLICE, np.int64)
    parts, ends, first = list[NDArray[np.int32]](), [0], [0]
    for text in known:
        raw = raw_of(text)
        length, at = simplify(raw, 0, len(raw), out), 0
        while True:
            end = min(length, at + SLICE)
            parts.append(room[: distinct(out, at, end, seen, room)].astype(np.int32))
            ends.append(ends[-1] + len(parts[-1]))
            if end == length:
                break
            at += STRIDE
        first.append(len(parts))
    places = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    return Sliced(places, np.array(ends), np.array(first), np.array(texts, np.int64), begins)


@kernel
def sum_of(weights, places, start, end):  # type: ignore[no-untyped-def]
    """Return the score of a slice."""
    total = 0.0
    for k in range(start, end):
        total += weights[places[k]]
    return total / math.sqrt(end - start)


@kernel
def pull(weights, squares, places, start, end, force, rate):  # type: ignore[no-untyped-def]
    """Move the weights of a slice's pieces."""
    step = force / math.sqrt(end - start)
    for k in range(start, end):
        p = places[k]
        squares[p] += step * step
        weights[p] += rate * step / math.sqrt(squares[p])


@kernel
def learn_one(weights, squares, places, ends, slices, hostile, weight, rate):  # type: ignore[no-untyped-def]
    """Learn one request, whose slices are `slices`, from what it scores now."""
    best, top = -1, -np.inf
    for s in slices:
        said = sum_of(weights, places, ends[s], ends[s + 1])
        if hostile:
            if said > top:
                best, top = s, said
        elif said > -1.0:
            force = -2.0 * weight * min(1.0, 1.0 + said)
            pull(weights, squares, places, ends[s], ends[s + 1], force, rate)
    if best >= 0 and top < 1.0:
        force = 2.0 * weight * min(1.0, 1.0 - top)
        pull(weights, squares, places, ends[best], ends[best + 1], force, rate)


@kernel
def learn_all(places, ends, first, texts, begins, hostile, weight, step, rounds, kept_from, rate, size):  # type: ignore[no-untyped-def]
    """Return the mean of the weights after the rounds from `kept_from` on."""
    weights, squares, mean = np.zeros(size), np.full(size, FIRST_SQUARE), np.zeros(size)
    n = len(begins) - 1
    room = np.zeros(len(ends), np.int64)
    for turn in range(rounds):
        for k in range(n):
            e = (k * step + turn * 104_729) % n
            m = 0
            for t in texts[begins[e] : begins[e + 1]]:
                for s in range(first[t], first[t + 1]):
                    room[m] = s
                    m += 1
            learn_one(weights, squares, places, ends, room[:m], hostile[e], weight[e], rate)
        if turn >= kept_from:
            mean += weights
    return mean / (rounds - kept_from)


def trained(examples: Sequence[Example]) -> Weights:
    """Return the weights that examples give."""
    numbers = sliced(examples)
    hostile = np.array([example.hostile for example in examples], np.bool_)
    weight = np.array([example.weight for example in examples])
    step = next(step for step in STEPS if len(examples) % step)
    mean = learn_all(*numbers, hostile, weight, step, ROUNDS, KEPT_FROM, RATE, 1 << BITS)
    weights: Weights = np.clip(np.rint(mean * UNIT), -127, 127).astype(np.int8)
    return weights
