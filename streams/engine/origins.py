"""Origins: what tells a derived record from all others, the order they stand in, and what is refused of them."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from detectors.columns import Columns
from topics import Derived, Origin, Record

FORWARD = "forward"
LONGEST_TOPIC, LONGEST_WHAT, BEYOND = 249, 4096, 1 << 63
LARGEST_FORWARDED = 1_000_000
"""Bytes; a topic of Kafka's takes a little more unless told otherwise."""


def origin_of(record: Record) -> Origin:
    """Return the origin of a record that has one."""
    assert isinstance(record, Derived), f"{record!r} cannot be derived"
    assert record.origin is not None, f"{record!r} has no origin"
    return record.origin


def in_order(records: list[Derived]) -> list[Derived]:
    """Sort by (offset, subject), and hold that no two records of one topic have the same origin."""
    places = [(origin.offset, *origin.subject) for origin in map(origin_of, records)]
    order = sorted(range(len(records)), key=places.__getitem__)
    for i, k in pairwise(order):
        if places[i] == places[k]:
            one, other = records[i], records[k]
            same = type(one) is type(other) and one.origin == other.origin
            assert not same, f"two records with one origin: {one!r}, {other!r}"
    return [records[i] for i in order]


def problem_of(origin: Origin, known: frozenset[str]) -> str | None:
    """Say why an origin is none of ours: a name that none of our capabilities has, or more than a mark may hold."""
    if known and origin.capability not in known:
        return f"origin.capability must be one of {sorted(known)}, got {origin.capability[:80]!r}"
    if len(origin.topic) > LONGEST_TOPIC or len(origin.subject[1]) > LONGEST_WHAT:
        return f"origin.topic must have at most {LONGEST_TOPIC} characters, its subject {LONGEST_WHAT}"
    if not 0 <= origin.offset < BEYOND or origin.partition < 0:
        return f"origin must name an offset of a partition, got {origin.offset} of {origin.partition}"
    if not -BEYOND <= origin.subject[0] < BEYOND:
        return f"origin.subject must begin with a phase, got {origin.subject[0]}"
    return None


def forwarded(columns: Columns, i: int, topic: str, partition: int) -> Derived | str:
    """Return a misplaced record as it goes to the partition of its key, or why it does not go there."""
    record = columns.record(i)
    assert isinstance(record, Derived)
    if record.origin is not None and record.origin.capability == FORWARD:
        where = f"{record.origin.topic}[{record.origin.partition}]"
        return f"it says it was forwarded from {where} to here, but its key belongs elsewhere"
    origin = Origin(FORWARD, topic, partition, int(columns.offset[i]), (1, record.subject()))
    moved = msgspec.structs.replace(record, origin=origin)
    size = len(msgspec.json.encode(moved))
    if size > LARGEST_FORWARDED:
        return f"its key belongs elsewhere; {size} bytes are too many to forward, at most {LARGEST_FORWARDED} may be"
    return moved
