"""Drains: a filled topic, folded from its start: nothing at all, and keyed windows."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import numpy as np

from benchmarks.banks import GRACE_MS, SIZE_MS
from benchmarks.harness import broker, create, drain, fill, read_values, summary
from benchmarks.workloads import SAMPLES, WINDOWS, Samples, Window


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
    return summary("windows", records, runs, all(_windows_are_right(samples, values) for values in outputs))


def _windows_are_right(samples: Samples, values: list[bytes]) -> bool:
    """Compare every output with numpy: all closed windows are there, once, and no other."""
    decode = msgspec.json.Decoder(Window).decode
    found = {(int(window.id[1:]), window.window): window for window in map(decode, values)}
    expected = _reference(samples)
    if len(found) != len(values) or set(found) - set(expected):
        return False
    closed = _closed(samples)
    missing = {key for key in expected if key[1] + SIZE_MS + GRACE_MS <= closed[key[0]]} - set(found)
    fields = ("count", "sum", "min", "max", "mean", "var")
    return not missing and all(
        np.allclose([getattr(window, name) for name in fields], expected[key], rtol=1e-9)
        for key, window in found.items()
    )


def _closed(samples: Samples) -> dict[int, int]:
    """Return, for each sensor, the clock that its partition's log reached."""
    from benchmarks.harness import PARTITIONS
    from streams.connection import partition_of

    homes = {int(name): partition_of(b"s%d" % name, PARTITIONS) for name in np.unique(samples.ids)}
    where = np.array([homes[int(name)] for name in samples.ids])
    clocks = {part: int(samples.ts[where == part].max()) // 1000 * 1000 for part in np.unique(where)}
    return {name: clocks[home] for name, home in homes.items()}


def _reference(samples: Samples) -> dict[tuple[int, int], tuple[float, ...]]:
    """Return what every window must come to."""
    start = samples.ts - samples.ts % SIZE_MS
    order = np.lexsort((start, samples.ids))
    ids, start, value = samples.ids[order], start[order], samples.value[order]
    edges = np.flatnonzero(np.r_[True, (np.diff(ids) != 0) | (np.diff(start) != 0)])
    count = np.diff(np.r_[edges, len(ids)])
    total, low, high = (
        np.add.reduceat(value, edges),
        np.minimum.reduceat(value, edges),
        np.maximum.reduceat(value, edges),
    )
    mean = total / count
    var = np.add.reduceat((value - np.repeat(mean, count)) ** 2, edges) / count
    rows = zip(count, total, low, high, mean, var, strict=True)
    keys = zip(ids[edges].tolist(), start[edges].tolist(), strict=True)
    return {key: tuple(map(float, row)) for key, row in zip(keys, rows, strict=True)}
