"""Folds: what a reading of a fleet costs once all its series are known, step by step, in one thread, without a broker.

Where `steps` times one step again and again over what is in the caches, here a log is gone through once, as a worker
does it: decoded, hashed, folded by every capability, partition by partition. Of a large fleet no row is in a cache when
its turn comes.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

import msgspec

from benchmarks.fleet import Fleet
from benchmarks.harness import PARTITIONS, Result, Setup
from benchmarks.logs import chunks
from benchmarks.readings import CAPABILITIES, filled
from streams import bus
from streams.bus import Capability
from streams.engine.chunks import Chunk
from streams.engine.columns import Decoder
from streams.engine.host import RUN
from streams.engine.memory import keep_freed
from streams.engine.shard import Shard
from topics import Derived
from topics.metrics import METRICS

SIZES, EACH, LEAST = (1_000, 10_000, 100_000), 30, 1_000_000
"""Series; readings of each, and of all together. The first half is not timed: names become known in it."""


def folds(setup: Setup) -> Iterator[Result]:
    """Time the folds of a small, a large, a huge fleet; correct where a log that is cut otherwise comes to the same."""
    keep_freed()
    for series in (setup.series,) if setup.series else SIZES:
        yield timed(series, setup.records or max(LEAST, EACH * series))


def timed(series: int, records: int) -> Result:
    """Fold a fleet's readings; return what each step took of the second half, in CPU time."""
    batches = filled(Fleet(series), records)
    log, other = (_in_time(chunks(METRICS.name, batches, together)) for together in (4, 3))
    half, folding = len(log) // 2, Folding()
    gc.collect()
    gc.freeze()
    folding.fold(log[:half])
    known, words = Counter(folding.taken_ns), len(folding.said)
    folding.fold(log[half:])
    readings, taken_ns = sum(map(len, log[half:])), folding.taken_ns - known
    return {
        "benchmark": "folds", "system": "luminar", "series": series, "records": records,
        **{f"{step}_ns": round(ns / readings, 1) for step, ns in taken_ns.items()},
        "all_ns": round(taken_ns.total() / readings, 1),
        "outputs_per_million": round((len(folding.said) - words) / readings * 1e6),
        "correct": folding.is_like(Folding().fold(other)),
    }  # fmt: skip


def _in_time(log: Iterable[Chunk]) -> list[Chunk]:
    """Return chunks as their partitions take turns."""
    return sorted((chunk for chunk in log if len(chunk)), key=lambda chunk: int(chunk.time_ms[0]))


class Folding:
    """Shards of all that reads readings; how many nanoseconds each step has taken, and what was said."""

    def __init__(self) -> None:
        self.taken_ns, self.said = Counter[str](), list[Derived]()
        self._decoder = Decoder(METRICS)
        chosen = [capability for capability in bus.capabilities() if capability.name in CAPABILITIES]
        self._shards = [[_shard(one, partition) for one in chosen] for partition in range(PARTITIONS)]

    def fold(self, log: list[Chunk]) -> Folding:
        """Fold chunks, one after the other."""
        for chunk in log:
            began_ns = time.thread_time_ns()
            columns = self._decoder.columns(replace(chunk, columns=None))
            began_ns = self._note("scan", began_ns)
            columns.text["series"].hashes()
            began_ns = self._note("hash", began_ns)
            for shard in self._shards[chunk.partition]:
                for at in range(0, len(chunk), RUN):
                    end = min(at + RUN, len(chunk))
                    following = chunk.next if end == len(chunk) else int(chunk.offset[end])
                    self.said += shard.fold(columns, at, end, following).records
                began_ns = self._note(f"fold_{shard.capability}", began_ns)
        return self

    def _note(self, step: str, began_ns: int) -> int:
        """Add the time since then to a step's; return the time now."""
        now_ns = time.thread_time_ns()
        self.taken_ns[step] += now_ns - began_ns
        return now_ns

    def is_like(self, other: Folding) -> bool:
        """Say whether another log has led to the same state and the same words."""
        pairs = zip(chain(*self._shards), chain(*other._shards), strict=True)
        said, others = (sorted(map(msgspec.json.encode, one.said)) for one in (self, other))
        return said == others and all(one.contents() == another.contents() for one, another in pairs)


def _shard(capability: Capability, partition: int) -> Shard:
    return Shard(
        capability.bank, METRICS.name, partition, verb=capability.verb, leads=capability.name == CAPABILITIES[0]
    )
