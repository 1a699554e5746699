"""Drains: a filled topic, folded from its start: nothing at all, and keyed windows."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.harness import broker, create, drain, fill, read_values, summary
from benchmarks.judge import judge
from benchmarks.workloads import SAMPLES, WINDOWS, Samples


def noop(records: int, repetitions: int) -> dict[str, Any]:
    """Measure an agent that does nothing: records are fetched, decompressed, checked, indexed, acknowledged."""
    runs, _ = _repeat("noop", Samples.seeded(records), repetitions)
    return summary("noop", records, runs, all(run["folded"] == records for run in runs))


def _repeat(job: str, samples: Samples, repetitions: int) -> tuple[list[dict[str, float]], list[list[bytes]]]:
    """Drain the samples again and again.

    From a fresh broker each time: outputs and state must not be those of the run before.
    """
    runs, outputs = [], []
    for _ in range(repetitions):
        with broker() as address:
            asyncio.run(_fill_samples(address, samples))
            runs.append(drain(address, job, len(samples.ids)))
            outputs.append(asyncio.run(read_values(address, WINDOWS.name)))
    return runs, outputs


async def _fill_samples(address: str, samples: Samples) -> None:
    await create(address, [SAMPLES.name, WINDOWS.name, "state", "dead-letters", "settings"], stamp="CreateTime")
    rows = range(len(samples.ids))
    await fill(address, SAMPLES.name, ((b"s%d" % samples.ids[i], samples.json(i), int(samples.ts[i])) for i in rows))


def windows(records: int, repetitions: int) -> dict[str, Any]:
    """Measure keyed tumbling windows of 60 s: six figures a sensor, one output a closed window, exact."""
    samples = Samples.seeded(records)
    runs, outputs = _repeat("windows", samples, repetitions)
    return summary("windows", records, runs, all(judge(samples, values).right for values in outputs))
