"""The system under test: one worker in a process of its own, on a core of its own, that says how far it is."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import resource
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from faust.types import TP

from benchmarks.banks import AnswerBank, NothingBank, WindowBank
from benchmarks.workloads import ANSWERS, BYTES, SAMPLES, START_MS, WINDOWS, Sample
from streams import admin, bus
from streams.bus import Capability
from streams.engine.chunks import Chunk
from streams.engine.held import Held
from streams.engine.host import Host
from streams.kernels import EXAMPLES
from streams.settings import load
from streams.worker import App, Worker, build

SAMPLE_S = 0.1


def job(name: str) -> tuple[Capability, ...]:
    """Return the capabilities of a benchmark."""
    if name == "noop":
        return (Capability("nothing", BYTES, NothingBank, (), lambda run, bank: bank.fold(run)),)
    if name == "windows":
        return (Capability("windows", SAMPLES, WindowBank, (WINDOWS,), lambda run, bank: bank.fold(run)),)
    if name == "map":
        return (Capability("map", SAMPLES, AnswerBank, (ANSWERS,), lambda run, bank: bank.fold(run)),)
    wanted = name.split(",")
    return tuple(capability for capability in bus.capabilities() if capability.name in wanted)


def cpu_s() -> float:
    """Return the CPU time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory_mb(field: str) -> float:
    """Return VmRSS or VmHWM, the largest so far, from /proc: the counter of getrusage survives fork and exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def upto(chunk: Chunk, end: int) -> Chunk:
    """Return what a chunk has before the offset `end`."""
    n = int(chunk.offset.searchsorted(end))
    fields = ("key_at", "key_len", "value_at", "value_len", "time_ms", "offset")
    return replace(chunk, next=end, columns=None, **{name: getattr(chunk, name)[:n] for name in fields})


class Drain:
    """Measures from the first chunk until all that the log held at the start is folded, said and acknowledged.

    What the worker itself says on the topic meanwhile (forecasts) is passed over: it bears today's time, years after
    the log's, and would make every series a missing one.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.counts = dict.fromkeys(names, 0)
        self.begins: dict[TP, int] = {}
        self.ends: dict[TP, int] = {}
        self.began: tuple[float, float] | None = None
        self.half: tuple[float, float] | None = None
        self.samples: list[tuple[float, float]] = []

    def install(self) -> None:
        """Look at every chunk that the host takes, and at what the partitions hold when they are assigned."""
        take, positions = Host.take, Host.positions

        async def counted(host: Host, capability: Capability, chunk: Chunk) -> None:
            if self.began is None:
                self.began = time.perf_counter(), cpu_s()
            end = self.ends.get(TP(chunk.topic, chunk.partition), chunk.next)
            if chunk.start >= end:
                return
            chunk = chunk if chunk.next <= end else upto(chunk, end)
            await take(host, capability, chunk)
            self.counts[capability.name] += len(chunk)
            if self.half is None and (share := self.done(host)) >= 0.5:
                self.half = time.perf_counter(), share

        def noted(host: Host) -> dict[TP, int]:
            self.begins, self.ends = positions(host), {tp: part.end for tp, part in host.parts.items()}
            return self.begins

        setattr(Host, "take", counted)  # noqa: B010
        setattr(Host, "positions", noted)  # noqa: B010

    def done(self, host: Host) -> float:
        """Return which share of the records all capabilities have folded."""
        total = sum(self.ends[tp] - self.begins[tp] for tp in self.ends)
        left = dict.fromkeys(self.ends, 0)
        for (_, tp), held in host.held.items():
            left[tp] = max(left[tp], self.ends[tp] - held.shard.next)
        return 1 - sum(left.values()) / max(1, total)

    def is_over(self, host: Host) -> bool:
        """Say whether every shard has passed what its log held."""
        return all(held.shard.next >= self.ends[tp] for (_, tp), held in host.held.items())

    async def result(self, host: Host) -> dict[str, Any]:
        """Wait until all is folded, said and acknowledged; return what it took."""
        sampled_s = 0.0
        while not self.is_over(host):
            if time.perf_counter() > sampled_s + SAMPLE_S:
                sampled_s = time.perf_counter()
                self.samples.append((round(self.done(host), 4), round(memory_mb("VmRSS"), 1)))
            await asyncio.sleep(0.005)
        await host.outbox.settled(host.outbox.ticket())
        assert self.began is not None, "there was nothing to fold"
        assert self.half is not None
        held, ended_s = list(host.held.values()), time.perf_counter()
        records = sum(self.ends[tp] - self.begins[tp] for tp in self.ends)
        return {
            "seconds": ended_s - self.began[0],
            "second_half_per_s": records * (1 - self.half[1]) / (ended_s - self.half[0]),
            "cpu_s": cpu_s() - self.began[1],
            "peak_rss_mb": memory_mb("VmHWM"),
            "folded": max(self.counts.values()),
            "rows": _rows(held),
            "evicted": sum(one.shard.bank.evicted for one in held),
            "samples": self.samples,
        }


def _rows(held: list[Held]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for one in held:
        rows[one.capability.name] = rows.get(one.capability.name, 0) + len(one.shard.bank)
    return rows


async def say_when_caught_up(host: Host) -> None:
    """Say whenever this worker comes to have folded all of its partitions, or not any more.

    A line is CAUGHT or BEHIND, the partitions ("-": none), how many of their records are folded, seconds since 1970.
    """
    said: tuple[str, set[TP]] = ("", set())
    while True:
        nexts: dict[TP, int] = {}
        for (_, tp), held in host.held.items():
            nexts[tp] = min(held.shard.next, nexts.get(tp, held.shard.next))
        behind = [tp for tp, following in nexts.items() if not host.app.consumer.is_caught_up(tp, following)]
        state = "CAUGHT" if host.is_ready and not behind else "BEHIND"
        if said != (state, set(nexts)):
            said = state, set(nexts)
            partitions = ",".join(str(tp.partition) for tp in nexts) or "-"
            print(state, partitions, sum(nexts.values()), time.time(), flush=True)
        await asyncio.sleep(0.005)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("job")
    parser.add_argument("--settings")
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--drain", action="store_true", help="say RESULT when all that the log held is folded")
    parser.add_argument("--watch", action="store_true", help="say CAUGHT and BEHIND with partitions and time")
    return parser.parse_args()


def _end_with_the_harness() -> None:
    """End when whoever started this process is gone, however that came."""

    def wait() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _tasks(app: App, drain: Drain | None, watch: bool) -> None:
    @app.task  # type: ignore[untyped-decorator]
    async def follow() -> None:
        while not app.host.is_ready:
            await asyncio.sleep(0.01)
        print("READY", flush=True)
        if drain is not None:
            result = await drain.result(app.host)
            gc.collect()
            print("RESULT " + json.dumps(result | {"rss_mb": memory_mb("VmRSS")}), flush=True)
        if watch:
            await say_when_caught_up(app.host)


def main() -> None:
    """Run one worker until it is killed."""
    options = _options()
    os.sched_setaffinity(0, {options.core % (os.cpu_count() or 1)})
    _end_with_the_harness()
    logging.basicConfig(
        level=os.environ.get("LUMINAR_BENCH_LOG", "ERROR"), format="%(asctime)s %(process)d %(name)s %(message)s"
    )
    capabilities = job(options.job)
    EXAMPLES[SAMPLES.name] = [Sample(id=f"s{k % 3}", ts=START_MS + 10_000 * k, value=0.25 * k) for k in range(20)]
    drain = Drain(capability.name for capability in capabilities) if options.drain else None
    if drain is not None:
        drain.install()
    app = build(load(options.settings, os.environ), capabilities)

    async def nothing_to_check(*_: Any) -> None:
        """Do without: the topics of a benchmark are its own."""

    setattr(admin, "check_topics", nothing_to_check)  # noqa: B010
    _tasks(app, drain, options.watch)
    Worker(
        app,
        loglevel="ERROR",
        override_logging=False,
        redirect_stdouts=False,
        quiet=True,
    ).execute_from_commandline()


if __name__ == "__main__":
    main()
