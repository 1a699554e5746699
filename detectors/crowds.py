"""Crowds: what many requests are made of, in sketches of fixed size: buckets, heavy names, distinct ones.

Buckets of several sketches add up, registers of distinct ones take the higher (Flajolet, Fusy, Gandouet and Meunier,
2007). A bucket that holds more than a thirtieth of all is asked who fills it: from then on its heaviest names are
counted one by one (after Metwally, Agrawal and El Abbadi, 2005), and all others cost one addition.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from detectors.compiled import kernel
from detectors.wide import byte
from topics.compositions import BUCKETS, REGISTERS

OPEN = 2
RESPECTS = ("clients", "routes", "agents")
CLIENTS, ROUTES, AGENTS = range(3)
NAMED, NAME_BYTES = 12, 48
LEAST_NAMED, SHARE_BITS = 8, 5
WHOLE, THINNED_BITS = 512, 3
TOP_BITS, REGISTER_BITS, HIGHEST_RANK = 57, 7, 50
QUESTION, HASH_SIGN, ZERO, NINE = 63, 35, 48, 57
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)

# One service: two open windows of ten seconds; one is free while it holds no request. Of each, by respect: how many
# requests fell into which bucket; which of the heavy names came there last, counted from 1; the heavy names of full
# buckets, their hashes and how often they came; lengths: of the whole name, of which the first bytes are kept.
# logins: tries to log in, of them failures; failing: registers of the clients whose logins failed.
# missed: requests that came when their window was over.
CROWD_FIELDS = [
    ("window", "i8", OPEN),
    ("requests", "i8", OPEN),
    ("missed", "i8"),
    ("counts", "u4", (OPEN, len(RESPECTS), BUCKETS)),
    ("places", "u1", (OPEN, len(RESPECTS), BUCKETS)),
    ("keys", "u8", (OPEN, len(RESPECTS), NAMED)),
    ("hits", "u4", (OPEN, len(RESPECTS), NAMED)),
    ("lengths", "u4", (OPEN, len(RESPECTS), NAMED)),
    ("names", "u1", (OPEN, len(RESPECTS), NAMED, NAME_BYTES)),
    ("sources", "u1", (OPEN, REGISTERS)),
    ("asks", "u1", (OPEN, REGISTERS)),
    ("logins", "i8", OPEN),
    ("failures", "i8", OPEN),
    ("failing", "u1", (OPEN, REGISTERS)),
]


@kernel
def bucket_of(key):  # type: ignore[no-untyped-def]
    """Return the bucket of a hash."""
    return np.int64(key >> np.uint64(TOP_BITS))


@kernel
def route_hash(at, length):  # type: ignore[no-untyped-def]
    """Return a hash of the path at an address without its query, every number in it taken for the same."""
    h, number = np.uint64(0xCBF29CE484222325), False
    for k in range(at, at + length):
        letter = byte(k)
        if letter == QUESTION:
            break
        digit = ZERO <= letter <= NINE
        if digit and number:
            continue
        number = digit
        h = (h ^ np.uint64(HASH_SIGN if digit else letter)) * np.uint64(0x100000001B3)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return h ^ (h >> np.uint64(32))


@kernel
def keep_route(at, length, out):  # type: ignore[no-untyped-def]
    """Write a path without its query, numbers as "#", as far as there is room; return how long all of it is."""
    size, number = 0, False
    for k in range(at, at + length):
        letter = byte(k)
        if letter == QUESTION:
            break
        digit = ZERO <= letter <= NINE
        if digit and number:
            continue
        number = digit
        if size < len(out):
            out[size] = HASH_SIGN if digit else letter
        size += 1
    return size


@kernel
def keep_name(at, length, out):  # type: ignore[no-untyped-def]
    """Write a text as far as there is room; return how long all of it is."""
    for k in range(min(length, len(out))):
        out[k] = byte(at + k)
    return length


@kernel
def note_name(row, slot, respect, key, weight, least, at, length):  # type: ignore[no-untyped-def]
    """Count a name of a full bucket; a new one gets a place where what nobody accounts for is more than `least`.

    It is taken for all of that, so that a heavy name is not thought lighter than it is; a lighter one makes room.
    """
    keys, hits, bucket = row.keys[slot, respect], row.hits[slot, respect], bucket_of(key)
    rest, place = np.int64(row.counts[slot, respect, bucket]), 0
    for k in range(NAMED):
        if hits[k] > 0 and keys[k] == key:
            hits[k] += weight
            row.places[slot, respect, bucket] = k + 1
            return
        if hits[k] > 0 and bucket_of(keys[k]) == bucket:
            rest -= np.int64(hits[k])
        if hits[k] < hits[place]:
            place = k
    if rest <= least or rest <= np.int64(hits[place]):
        return
    keys[place], hits[place] = key, rest
    row.places[slot, respect, bucket] = place + 1
    kept = row.names[slot, respect, place]
    size = keep_route(at, length, kept) if respect == ROUTES else keep_name(at, length, kept)
    row.lengths[slot, respect, place] = size


@kernel
def add(row, slot, respect, key, weight, at, length):  # type: ignore[no-untyped-def]
    """Count a request, or one that stands for `weight`, in one respect; its name is the text at an address."""
    bucket = bucket_of(key)
    row.counts[slot, respect, bucket] += weight
    least = max(np.int64(LEAST_NAMED), row.requests[slot] >> SHARE_BITS)
    if row.counts[slot, respect, bucket] <= least:
        return
    place = np.int64(row.places[slot, respect, bucket]) - 1
    if place >= 0 and row.keys[slot, respect, place] == key:
        row.hits[slot, respect, place] += weight
        return
    note_name(row, slot, respect, key, weight, least, at, length)


@kernel
def weight_of(number):  # type: ignore[no-untyped-def]
    """Return for how many the request of that number in its window stands: the first ones for themselves.

    Of those after them one in eight stands for all, by the golden ratio's multiples, which keep no step with anything.
    """
    if number <= WHOLE:
        return np.int64(1)
    chosen = np.uint64(number) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - THINNED_BITS)
    return np.int64(1 << THINNED_BITS) if chosen == 0 else np.int64(0)


@kernel
def note_distinct(registers, key):  # type: ignore[no-untyped-def]
    """Let a hash raise the register that it falls into: to the number of its noughts there, and one."""
    rest, place = key >> np.uint64(REGISTER_BITS), np.int64(key & np.uint64(REGISTERS - 1))
    rank = np.int64(registers[place])
    if rest & ((np.uint64(1) << np.uint64(rank)) - np.uint64(1)) != 0:
        return
    rank += 1
    while rank < HIGHEST_RANK and rest >> np.uint64(rank - 1) & np.uint64(1) == 0:
        rank += 1
    registers[place] = rank


def distinct(registers: Mapping[int, int]) -> float:
    """Return about how many distinct ones raised the registers: 9 % off, usually.

    >>> distinct({}), round(distinct({3: 1, 77: 2}), 1)
    (0.0, 2.0)
    """
    empty = REGISTERS - len(registers)
    raw = _ALPHA * REGISTERS**2 / (empty + sum(math.ldexp(1.0, -rank) for rank in registers.values()))
    if raw <= 2.5 * REGISTERS and empty:
        return REGISTERS * math.log(REGISTERS / empty)
    return raw


def raised(into: dict[int, int], more: Mapping[int, int]) -> None:
    """Merge registers: of each the higher holds."""
    for place, rank in more.items():
        into[place] = max(into.get(place, 0), rank)


def entropy(counts: Iterable[int]) -> float:
    """Return the entropy of order two, in bits, of what counts were drawn from (Rényi 1961).

    Estimated from pairs, so that it does not grow with their number as that of order one does.

    >>> round(entropy([5000, 5000]), 3), entropy([10]), entropy([1, 1])
    (1.0, 0.0, 1.0)
    """
    sizes = [count for count in counts if count > 0]
    total = sum(sizes)
    pairs = sum(count * (count - 1) for count in sizes)
    if total < 2 or not pairs:
        return math.log2(max(total, 1))
    return math.log2(total * (total - 1) / pairs)
