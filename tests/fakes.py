"""Stand-ins that behave: a log in memory, and the folding of it by the same shard that the worker runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from detectors.bank import Bank
from streams.engine.chunks import Chunk, chunk_of
from streams.engine.columns import Decoder
from streams.engine.shard import Shard
from topics import Derived, Record, Topic
from topics.settings import Settings

Entry = tuple[int, Any]
"""Append time in ms, and a record, a control record, or bytes (None: a null value)."""


def value_of(entry: Any) -> bytes | None:
    """Return what stands in the log for a record, a control record or raw bytes."""
    return entry if entry is None or isinstance(entry, bytes) else msgspec.json.encode(entry)


def log_chunk(topic: Topic, log: Sequence[Entry], partition: int = 0, start: int = 0) -> Chunk:
    """Return a log in memory as one chunk; keys are the records' own."""
    items = []
    for time_ms, what in log:
        key = what.key().encode("utf-8", "replace") if isinstance(what, Record) else None
        items.append((key, value_of(what), time_ms))
    return chunk_of(topic.name, partition, start, items)


def shard_of(
    bank: type[Bank],
    topic: Topic,
    settings: Settings | None = None,
    partition: int = 0,
    owns: Callable[[bytes], bool] | None = None,
) -> Shard:
    """Return an empty shard of a bank."""
    return Shard(bank, topic.name, partition, owns=owns, settings=settings)


def fold_into(
    shard: Shard, topic: Topic, log: Sequence[Entry], cuts: Iterable[int] = (), start: int = 0
) -> list[Derived]:
    """Fold a log, cut into chunks before each of `cuts`, into a shard; return what it says."""
    said: list[Derived] = []
    edges = [0, *sorted({c for c in cuts if 0 < c < len(log)}), len(log)]
    for low, high in pairwise(edges):
        chunk = log_chunk(topic, log[low:high], shard.partition, start + low)
        columns = Decoder(topic).columns(chunk)
        first = int(chunk.offset.searchsorted(shard.next))
        said += shard.fold(columns, first, len(chunk), max(shard.next, chunk.next)).records
    return said


def fold(
    bank: type[Bank],
    topic: Topic,
    log: Sequence[Entry],
    settings: Settings | None = None,
    cuts: Iterable[int] = (),
    partition: int = 0,
) -> list[Derived]:
    """Fold a log with a new shard; return what is said, with origins.

    >>> from detectors.anomaly import AnomalyBank
    >>> from topics.metrics import METRICS
    >>> fold(AnomalyBank, METRICS, [])
    []
    """
    return fold_into(shard_of(bank, topic, settings, partition), topic, log, cuts)


def without_origin(record: Derived) -> Derived:
    """Return a record as the capability said it."""
    return msgspec.structs.replace(record, origin=None)
