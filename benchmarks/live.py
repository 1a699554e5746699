"""Live: a worker that is fed at a steady rate. How long its words take, how much of a core it needs, and when idle."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.fleet import Fleet
from benchmarks.harness import PARTITIONS, Result, Setup, Site, answer, cpu_of
from benchmarks.logs import Batch
from benchmarks.readings import CAPABILITIES, TOPICS, drained
from benchmarks.reference import Reference
from benchmarks.sender import Appended, Sender, sender
from streams import bus
from streams.engine.origins import origin_of
from streams.reader import bounds, read
from topics.catalogue import ALL
from topics.metrics import METRICS
from topics.signals import SIGNALS
from topics.state import STATE

SERIES, FULL, LOADS, SECONDS = 10_000, 2_000_000, (0.1, 0.5, 0.8), 10.0
WARM = 64
"""Readings of each series before those that are timed: the first sixty are learned silently."""
LINGER_MS = 10
LITTLE_PER_S, LITTLE_SERIES, LITTLE_SECONDS = 2_000, 1_000, 15.0
BUILD_S, BUILD_ONE_S = 5e-6, 2e-4
"""About how long it takes to make a reading ready to be sent: with many others, by itself."""
FAR, FAR_LEAST = 1_000, 40
"""About so many readings of a run are far off, and never more than one in so many."""
IDLE_S = 10.0

_signal = SIGNALS.decoder().decode


@dataclass
class Feed:
    """What was fed in time: where it stands, how late each batch was sent, and the worker's CPU time for it.

    late_ms        float64 [requests]: how long after its time each request was handed to the broker
    """

    appended: list[Appended]
    late_ms: NDArray[np.float64]
    core_share: float


def together(batches: list[tuple[int, Batch]]) -> Iterator[tuple[int, list[Batch]]]:
    """Yield what a producer sends as one request: the batches that are due at the same time, one of each partition."""
    due_ms, parts = 0, dict[int, Batch]()
    for due, batch in batches:
        if parts and (due != due_ms or batch.partition in parts):
            yield due_ms, list(parts.values())
            parts = {}
        due_ms, parts[batch.partition] = due, batch
    if parts:
        yield due_ms, list(parts.values())


@contextmanager
def without_collections() -> Iterator[None]:
    """Let no garbage collection fall in between: looking at all that is ready takes tens of ms of the broker's core."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def send_in_time(one: Sender, requests: list[tuple[int, list[Batch]]], pid: int) -> Feed:
    """Send requests when they are due, from now on."""
    told, late, before, began_s = [], np.zeros(len(requests)), cpu_of(pid), time.perf_counter()
    for number, (due_ms, batches) in enumerate(requests):
        while (left_s := began_s + due_ms / 1000 - time.perf_counter()) > 0:
            await asyncio.sleep(left_s)
        late[number] = -left_s * 1000
        told += one.send(*batches)
        if number % 8 == 7:
            await asyncio.sleep(0)
    share = (cpu_of(pid) - before) / (time.perf_counter() - began_s)
    return Feed(list(await asyncio.gather(*told)), late, share)


async def feed(site: Site, fleet: Fleet, n: int, linger_ms: int, pid: int) -> Feed:
    """Feed n readings at the fleet's own rate, each dated about when it is sent, after what warms the series up."""
    warm = WARM * fleet.series
    warm_ms = warm * 1000 // fleet.per_s
    begin_ms = int(1000 * (time.time() + 1 + n * (BUILD_S if linger_ms else BUILD_ONE_S)))
    async with sender(site.address, site.process.prefix + METRICS.name) as one:
        await one.send_all(fleet.batches(warm, begin_ms - warm_ms, PARTITIONS))
        live = [
            (due_ms - warm_ms, batch)
            for due_ms, batch in fleet.live(warm, n, begin_ms - warm_ms, PARTITIONS, linger_ms)
        ]
        requests = list(together(live)) if linger_ms else [(due_ms, [batch]) for due_ms, batch in live]
        await site.until_folded(METRICS)
        with without_collections():
            await asyncio.sleep(begin_ms / 1000 - time.time())
            return await send_in_time(one, requests, pid)


async def waits_ms(site: Site, appended: list[Appended]) -> NDArray[np.float64]:
    """Return how long after their readings' append the signals on them were appended, by the broker's clock."""
    stands: dict[int, list[Appended]] = {}
    for one in appended:
        stands.setdefault(one.partition, []).append(one)
    offsets = {p: np.array([one.offset for one in ones]) for p, ones in stands.items()}
    waits = []
    async for message in read(site.process, SIGNALS):
        signal = _signal(message.value or b"")
        origin = origin_of(signal)
        partition, offset, (phase, _) = origin.partition, origin.offset, origin.subject
        place = int(offsets[partition].searchsorted(offset, side="right")) - 1
        if phase == 1 and place >= 0:
            waits.append(message.time_ms - stands[partition][place].time_ms)
    return np.array(waits, np.float64)


def fed(setup: Setup, fleet: Fleet, n: int, linger_ms: int) -> tuple[Feed, NDArray[np.float64], bool]:
    """Feed a worker; return what was fed, the waits, and whether all it said is what the fold of its log says."""
    site = Site(setup.address)
    asyncio.run(site.create(TOPICS))
    asyncio.run(site.fill(METRICS.name, fleet.settings_batches(0, PARTITIONS)))
    with site.worker(",".join(CAPABILITIES)) as process:
        answer(process, "READY")
        found = asyncio.run(feed(site, fleet, n, linger_ms, process.pid))
        asyncio.run(site.until_folded(METRICS))
    reference = asyncio.run(Reference(METRICS, CAPABILITIES).fold_topic(site))
    right = asyncio.run(reference.agrees(site))
    return found, asyncio.run(waits_ms(site, found.appended)), right


def timed(setup: Setup, name: str, fleet: Fleet, n: int, linger_ms: int, **more: float) -> Result:
    """Feed again and again; return one flat object about the waits of all runs."""
    runs = [fed(setup, replace(fleet, seed=seed), n, linger_ms) for seed in range(setup.repetitions)]
    waits = np.concatenate([wait for _, wait, _ in runs])
    p99 = [round(float(np.percentile(wait, 99)), 1) for _, wait, _ in runs if len(wait)]
    return {
        "benchmark": name, "system": "luminar", "series": fleet.series, **more, "rate_per_s": fleet.per_s,
        "records": n, "repetitions": setup.repetitions, "outputs": len(waits),
        **{f"p{q}_ms": round(float(np.percentile(waits, q)), 1) for q in (50, 95, 99) if len(waits)},
        "max_ms": float(waits.max(initial=0)), "p99_ms_min": min(p99, default=0.0), "p99_ms_max": max(p99, default=0.0),
        "core_share": round(float(np.median([found.core_share for found, _, _ in runs])), 3),
        "sent_late_ms_p99": round(max(float(np.percentile(found.late_ms, 99)) for found, _, _ in runs), 1),
        "correct": all(right for _, _, right in runs) and len(waits) > 0,
    }  # fmt: skip


def latency(setup: Setup) -> Iterator[Result]:
    """Time from the append of a reading to the append of a signal on it, at shares of the most a worker can drain."""
    series = setup.series or SERIES
    best = drained(replace(setup, repetitions=1), series, setup.records or FULL)
    for load in LOADS:
        rate = max(1000, int(load * best["records_per_s"]))
        n = setup.records or int(SECONDS * rate)
        fleet = Fleet(series, rate, n // FAR + FAR_LEAST)
        yield timed(setup, "latency", fleet, n, LINGER_MS, load=load, most_per_s=best["records_per_s"])


def little(setup: Setup) -> Iterator[Result]:
    """Share of a core, and the waits, when little comes, each reading by itself."""
    n = setup.records or int(LITTLE_SECONDS * LITTLE_PER_S)
    yield timed(setup, "little", Fleet(setup.series or LITTLE_SERIES, LITTLE_PER_S, n // FAR + FAR_LEAST), n, 0)


def idle(setup: Setup) -> Iterator[Result]:
    """Share of a core that a worker with every capability and 8 partitions a topic needs while nothing comes."""
    site, shares = Site(setup.address), []
    asyncio.run(site.create([topic.name for topic in ALL]))
    with site.worker(",".join(bus.MODULES)) as process:
        answer(process, "READY")
        time.sleep(IDLE_S / 2)
        for _ in range(setup.repetitions):
            before, began_s = cpu_of(process.pid), time.perf_counter()
            time.sleep(IDLE_S)
            shares.append((cpu_of(process.pid) - before) / (time.perf_counter() - began_s))
    said = asyncio.run(_records(site))
    yield {
        "benchmark": "idle", "system": "luminar", "repetitions": setup.repetitions,
        "core_share": round(float(np.median(shares)), 4), "core_share_max": round(max(shares), 4),
        "outputs": said, "correct": said == 0,
    }  # fmt: skip


async def _records(site: Site) -> int:
    """Return how many records stand on all topics but that of the state."""
    ends = [await bounds(site.process, topic) for topic in ALL if topic is not STATE]
    return sum(end for found in ends for _, end in found.values())
