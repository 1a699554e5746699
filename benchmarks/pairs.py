"""Pairs: two workers of one group. How soon one takes over from the other, and how much faster two are than one."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks.fleet import Fleet
from benchmarks.harness import CREATE_TIME, PARTITIONS, Result, Setup, Site, cpu_of, cpu_of_broker
from benchmarks.harness import SESSION_TIMEOUT_S as LONG_TIMEOUT_S
from benchmarks.logs import Batch
from benchmarks.readings import CAPABILITIES, TOPICS, filled
from benchmarks.reference import Reference, verified
from benchmarks.sender import Sender, sender
from streams.reader import bounds
from topics.metrics import METRICS

SESSION_TIMEOUT_S = 6.0
"""How long the group waits for a worker that was killed: as it is shipped."""
SIZES, EVERY_S, WARM = (10_000, 100_000), 10, 12
"""Series of the fleets one of whose workers is killed; how often each says something, and how often it has before."""
FAR_EACH = 50
LINGER_MS, START_S, BEFORE_S, PATIENCE_S = 20, 8.0, 3.0, 300.0
SERIES, RECORDS = 10_000, 4_000_000


class Stand(NamedTuple):
    """Where a worker stands: whether it has folded all, of which partitions, how many records, and since when."""

    is_caught_up: bool
    partitions: frozenset[int]
    folded: int
    at_s: float

    def has_all(self, partitions: int) -> bool:
        """Say whether it has folded all of so many partitions."""
        return self.is_caught_up and len(self.partitions) == partitions


class Watched:
    """A worker, and where it has stood so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.stands: list[Stand] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            state, *figures = line.split()[-4:]
            if state in ("CAUGHT", "BEHIND"):
                partitions = frozenset(int(number) for number in figures[0].split(",") if number != "-")
                self.stands.append(Stand(state == "CAUGHT", partitions, int(figures[1]), float(figures[2])))

    async def until(self, what: Callable[[Stand], bool]) -> Stand:
        """Wait until the worker stands so, and return since when."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            for stand in list(self.stands):
                if what(stand):
                    return stand
            if self.process.poll() is not None:
                raise RuntimeError(f"the worker ended with {self.process.returncode}")
            await asyncio.sleep(0.02)
        raise TimeoutError(f"the worker has stood at {self.stands[-3:]} for long")


def recovery(setup: Setup) -> Iterator[Result]:
    """Kill one of two workers while a fleet goes on; the other takes its partitions over and catches up."""
    for series in (setup.series,) if setup.series else SIZES:
        fleet = Fleet(series, series // EVERY_S, FAR_EACH)
        runs = [asyncio.run(_killed(setup, fleet)) for _ in range(setup.repetitions)]
        takeover, restored = [run.caught_s for run in runs], [run.caught_s - run.moved_s for run in runs]
        yield {
            "benchmark": "recovery", "system": "luminar", "series": series, "rate_per_s": series // EVERY_S,
            "repetitions": setup.repetitions, "session_timeout_s": SESSION_TIMEOUT_S,
            "takeover_s": _middle(takeover), "takeover_s_max": round(max(takeover), 2),
            "noticed_s": _middle([run.moved_s for run in runs]),
            "restored_s": _middle(restored), "restored_s_max": round(max(restored), 2),
            "outputs": runs[-1].outputs, "correct": all(run.right for run in runs),
        }  # fmt: skip


def _middle(figures: list[float]) -> float:
    return round(statistics.median(figures), 2)


class Kill(NamedTuple):
    """How long after a kill the group moved, and all was folded again; whether pages and words are right."""

    moved_s: float
    caught_s: float
    right: bool
    outputs: int


async def _killed(setup: Setup, fleet: Fleet) -> Kill:
    """Kill a worker of two while the fleet goes on."""
    site, warm = Site(setup.address), WARM * fleet.series
    await site.create(TOPICS)
    await site.fill(METRICS.name, fleet.settings_batches(0, PARTITIONS))
    begin_ms = int(1000 * (time.time() + START_S - WARM * EVERY_S))
    await site.fill(METRICS.name, fleet.batches(warm, begin_ms, PARTITIONS))
    with ExitStack() as crew:
        one, other = await _started(site, crew, (1, 1), SESSION_TIMEOUT_S)
        async with sender(site.address, site.process.prefix + METRICS.name) as feed:
            going = asyncio.ensure_future(_feed(feed, fleet, warm, begin_ms))
            await asyncio.sleep(BEFORE_S)
            killed_s = time.time()
            one.process.send_signal(signal.SIGKILL)
            moved = await other.until(lambda stand: not stand.partitions and stand.at_s > killed_s)
            caught = await other.until(lambda stand: stand.has_all(PARTITIONS) and stand.at_s > moved.at_s)
            going.cancel()
            await feed.settled()
        await site.until_folded(METRICS)
    return Kill(moved.at_s - killed_s, caught.at_s - killed_s, *await verified(site, METRICS, CAPABILITIES))


async def _feed(feed: Sender, fleet: Fleet, first: int, start_ms: int) -> None:
    """Let the fleet go on, slice by slice, until that is cancelled."""
    while True:
        n = fleet.per_s
        for due_ms, batch in fleet.live(first, n, start_ms, PARTITIONS, LINGER_MS):
            await asyncio.sleep((start_ms + due_ms) / 1000 - time.time())
            feed.send(batch)
        first += n


async def _started(
    site: Site, crew: ExitStack, cores: tuple[int, ...], session_timeout_s: float
) -> tuple[Watched, ...]:
    """Start a worker on each of the cores, and wait until each has folded all of its share of the partitions."""
    workers = tuple(
        Watched(
            crew.enter_context(
                site.worker(",".join(CAPABILITIES), "--watch", core=core, session_timeout_s=session_timeout_s)
            )
        )
        for core in cores
    )
    for worker in workers:
        await worker.until(lambda stand: stand.has_all(PARTITIONS // len(workers)))
    return workers


def scale(setup: Setup) -> Iterator[Result]:
    """Drain readings with one worker, and with two; where there are but two cores, the broker shares one of them."""
    series, records = setup.series or SERIES, setup.records or RECORDS
    batches, single = filled(Fleet(series), records), 0.0
    for cores in ((1,), (1, 2 % (os.cpu_count() or 1))):
        runs = [asyncio.run(_drained(setup, batches, cores)) for _ in range(setup.repetitions)]
        rates = [records / run.seconds for run in runs]
        rate = statistics.median(rates)
        single = single or rate
        yield {
            "benchmark": "scale", "system": "luminar", "workers": len(cores), "series": series, "records": records,
            "repetitions": setup.repetitions, "records_per_s": round(rate), "records_per_s_min": round(min(rates)),
            "records_per_s_max": round(max(rates)), "ratio_to_one": round(rate / single, 2), "cores": os.cpu_count(),
            "worker_share": round(statistics.median(run.worker_share for run in runs), 2),
            "broker_share": round(statistics.median(run.broker_share for run in runs), 2),
            "outputs": runs[-1].outputs, "correct": all(run.right for run in runs),
        }  # fmt: skip


class Drained(NamedTuple):
    """What a drain by several workers took; shares are CPU time by wall time, of a worker on average."""

    seconds: float
    worker_share: float
    broker_share: float
    right: bool
    outputs: int


async def _drained(setup: Setup, batches: list[Batch], cores: tuple[int, ...]) -> Drained:
    """Fill the topic while the workers are stopped, then let them go on together."""
    site = Site(setup.address)
    await site.create(TOPICS, CREATE_TIME)
    with ExitStack() as crew:
        workers = await _started(site, crew, cores, LONG_TIMEOUT_S)
        for worker in workers:
            worker.process.send_signal(signal.SIGSTOP)
        await site.fill(METRICS.name, batches)
        ends = {p: end for p, (_, end) in (await bounds(site.process, METRICS)).items()}
        before, began_s = [*(cpu_of(worker.process.pid) for worker in workers), cpu_of_broker()], time.time()
        for worker in workers:
            worker.process.send_signal(signal.SIGCONT)
        over = [await worker.until(lambda stand: stand.folded >= _most(stand, ends)) for worker in workers]
        seconds = max(stand.at_s for stand in over) - began_s
        *used, broker_s = [*(cpu_of(worker.process.pid) for worker in workers), cpu_of_broker()]
        await site.until_folded(METRICS)
    reference = await Reference(METRICS, CAPABILITIES).fold_topic(site)
    worker_s = sum(used) - sum(before[:-1])
    right, words = await reference.agrees(site), reference.words
    return Drained(seconds, worker_s / len(workers) / seconds, (broker_s - before[-1]) / seconds, right, words)


def _most(stand: Stand, ends: dict[int, int]) -> float:
    """Return how many records a worker that stands so has to fold."""
    return sum(ends[p] for p in stand.partitions) if stand.is_caught_up else float("inf")
