"""The real pipeline on readings, drained: anomaly and scaling, with pages and outputs."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.fleet import Fleet
from benchmarks.harness import PARTITIONS, Result, Setup, repeated, summary
from benchmarks.logs import Batch, chunks
from benchmarks.reference import Reference
from topics.metrics import METRICS

CAPABILITIES = ("anomaly", "scaling", "percentiles")
TOPICS = ("metrics", "signals", "proposals", "state", "dead-letters", "settings")
START_MS = 1_700_000_000_000
RECORDS = 2_000_000
SIZES = {1_000: RECORDS, 10_000: RECORDS, 100_000: 10_000_000}
"""Series, and how many readings of them are drained: those of the largest fleet, ten seconds apart, must warm up."""


def metrics(setup: Setup) -> Iterator[Result]:
    """Drain `metrics` through all that reads it: decode, fold, pages, outputs; for a small, a large, a huge fleet."""
    for series in (setup.series,) if setup.series else SIZES:
        yield drained(setup, series, setup.records or SIZES.get(series, RECORDS))


def drained(setup: Setup, series: int, records: int) -> Result:
    """Drain readings of a fleet."""
    batches = filled(Fleet(series), records)
    reference = Reference(METRICS, CAPABILITIES).fold(chunks(METRICS.name, batches))
    return summary("metrics", records, *repeated(setup, lambda: reference.drain(setup, batches)), series=series)


def filled(fleet: Fleet, records: int) -> list[Batch]:
    """Return the log of a fleet: the settings, then its readings."""
    return [*fleet.settings_batches(START_MS - 1000, PARTITIONS), *fleet.batches(records, START_MS, PARTITIONS)]
