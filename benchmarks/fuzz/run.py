"""Run: requests through the bank that the worker runs, and what each look cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import numpy as np

from detectors.columns import Floats
from detectors.security.bank import SecurityBank
from detectors.security.payloads import EXCERPT, Evidence
from streams.engine.chunks import chunk_of
from streams.engine.columns import Decoder
from streams.engine.shard import Shard
from topics.requests import REQUESTS, Request
from topics.settings import Settings
from topics.signals import Threat

CHUNK = 500


class Outcome(NamedTuple):
    """What came of requests.

    refused        why requests were refused, or broke the bank; wrong: what was said that must not be
    said           threats
    look_us        float64: processor time of each look, in µs; longest: the request that took longest
    seconds        of processor time, all of it
    """

    requests: int
    refused: list[str]
    wrong: list[str]
    said: int
    look_us: Floats
    longest: Request | None
    seconds: float


def run(requests: Iterable[Request]) -> Outcome:
    """Fold requests, one after the other, into an empty bank."""
    shard, decoder = Shard(SecurityBank, REQUESTS.name, 0, settings=Settings()), Decoder(REQUESTS)
    encode, source, first, said = msgspec.json.encode, iter(requests), 0, 0
    refused, wrong, seconds, longest, longest_us = list[str](), list[str](), 0.0, None, 0.0
    with timed() as looks:
        while part := list(islice(source, CHUNK)):
            items = [(one.key().encode("utf-8", "replace"), encode(one), int(one.at_s * 1000)) for one in part]
            chunk = chunk_of(REQUESTS.name, 0, first, items)
            began_s, before = time.process_time(), len(looks)
            found = shard.fold(decoder.columns(chunk), 0, len(chunk), chunk.next)
            seconds += time.process_time() - began_s
            refused += [letter.reason for letter in found.letters]
            threats = [record for record in found.records if isinstance(record, Threat)]
            wrong += [repr(threat) for threat in threats if not is_sound(threat)]
            said += len(threats)
            for i, us in looks[before:]:
                if us > longest_us:
                    longest, longest_us = part[i], us
            first += len(part)
    look_us = np.array([us for _, us in looks])
    return Outcome(first, refused, wrong, said, look_us, longest, seconds)


def is_sound(threat: Threat) -> bool:
    """Say whether a threat is short, can be printed, and has a family and a score."""
    return (
        len(threat.excerpt) <= EXCERPT and threat.excerpt.isprintable() and bool(threat.family) and threat.score >= 1.0
    )


@contextmanager
def timed() -> Iterator[list[tuple[int, float]]]:
    """Time every look at a request, as (place in its chunk, µs of processor time)."""
    look, looks = SecurityBank._evidence, list[tuple[int, float]]()

    def measured(bank: SecurityBank, i: int, *rest: Any) -> list[Evidence]:
        began_ns = time.thread_time_ns()
        found = look(bank, i, *rest)
        looks.append((i, (time.thread_time_ns() - began_ns) / 1000))
        return found

    setattr(SecurityBank, "_evidence", measured)  # noqa: B010
    try:
        yield looks
    finally:
        setattr(SecurityBank, "_evidence", look)  # noqa: B010
