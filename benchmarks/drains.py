"""Drains: a filled topic, folded from its start: nothing at all, and keyed windows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from benchmarks.harness import CREATE_TIME, PARTITIONS, Result, Setup, Site, repeated, summary
from benchmarks.judge import judge
from benchmarks.workloads import SAMPLES, WINDOWS, Samples

RECORDS = 3_000_000
TOPICS = (SAMPLES.name, WINDOWS.name, "state", "dead-letters", "settings")


def noop(setup: Setup) -> Iterator[Result]:
    """Measure an agent that does nothing: records are fetched, decompressed, checked, indexed, acknowledged."""
    samples = Samples.seeded(setup.records or RECORDS)
    yield _measured(setup, "noop", samples, lambda values, run: bool(run["folded"] == len(samples.ids)))


def windows(setup: Setup) -> Iterator[Result]:
    """Measure keyed tumbling windows of 60 s: six figures a sensor, one output a closed window, exact."""
    samples = Samples.seeded(setup.records or RECORDS)
    yield _measured(setup, "windows", samples, lambda values, run: judge(samples, values).right)


def _measured(setup: Setup, job: str, samples: Samples, is_right: Callable[[list[bytes], Result], bool]) -> Result:
    """Drain the samples again and again, from topics of their own each time."""
    batches = samples.batches(PARTITIONS)

    def once() -> tuple[Result, bool]:
        site = Site(setup.address)
        asyncio.run(site.create(TOPICS, CREATE_TIME))
        asyncio.run(site.fill(SAMPLES.name, batches))
        run, values = site.drain(job), asyncio.run(site.values(WINDOWS.name))
        return run | {"outputs": len(values)}, is_right(values, run)

    return summary(job, len(samples.ids), *repeated(setup, once))
