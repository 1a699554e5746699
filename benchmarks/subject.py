"""The system under test: one worker in a process of its own, on a core of its own, that says how long a drain took."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import resource
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.banks import NothingBank, WindowBank
from benchmarks.workloads import BYTES, SAMPLES, WINDOWS
from streams import admin, bus
from streams.bus import Capability
from streams.engine.chunks import Chunk
from streams.engine.host import Host
from streams.settings import load
from streams.worker import Worker, build


def job(name: str) -> tuple[Capability, ...]:
    """Return the capabilities of a benchmark."""
    if name == "noop":
        return (Capability("nothing", BYTES, NothingBank, (), lambda run, bank: bank.fold(run)),)
    if name == "windows":
        return (Capability("windows", SAMPLES, WindowBank, (WINDOWS,), lambda run, bank: bank.fold(run)),)
    wanted = name.split(",")
    return tuple(capability for capability in bus.capabilities() if capability.name in wanted)


def cpu_s() -> float:
    """Return the CPU time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_rss_mb() -> float:
    """Return the largest resident size, from /proc: the counter of getrusage survives fork and exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Meter:
    """Counts what the slowest capability has folded, from the first record to the last and its outputs."""

    def __init__(self, names: Iterable[str], wanted: int) -> None:
        self.wanted = wanted
        self.counts = dict.fromkeys(names, 0)
        self.began: tuple[float, float] | None = None
        self.half: tuple[float, int] | None = None

    def measures(self, take: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        """Return `Host.take` with a count beside it."""

        async def counted(host: Host, capability: Capability, chunk: Chunk) -> None:
            if self.began is None:
                self.began = time.perf_counter(), cpu_s()
            await take(host, capability, chunk)
            self.counts[capability.name] += len(chunk)
            folded = min(self.counts.values())
            if self.half is None and folded * 2 >= self.wanted:
                self.half = time.perf_counter(), folded

        return counted

    async def result(self, host: Host) -> dict[str, float]:
        """Wait until all is folded, said and acknowledged."""
        while min(self.counts.values()) < self.wanted:
            await asyncio.sleep(0.005)
        await host.outbox.settled(host.outbox.ticket())
        assert self.began is not None
        assert self.half is not None
        ended_s = time.perf_counter()
        return {
            "seconds": ended_s - self.began[0],
            "second_half_per_s": (self.wanted - self.half[1]) / (ended_s - self.half[0]),
            "cpu_s": cpu_s() - self.began[1],
            "peak_rss_mb": peak_rss_mb(),
            "folded": max(self.counts.values()),
            "outputs": host.outbox.sent_records,
        }


def main() -> None:
    """Run one worker; with --records, until so many are folded, then print one line of JSON and stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job")
    parser.add_argument("--settings")
    parser.add_argument("--records", type=int, default=0)
    parser.add_argument("--core", type=int, default=1)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core % (os.cpu_count() or 1)})
    logging.basicConfig(level="ERROR")
    capabilities = job(options.job)
    meter = Meter((capability.name for capability in capabilities), options.records) if options.records else None
    if meter is not None:
        setattr(Host, "take", meter.measures(Host.take))  # noqa: B010
    app = build(load(options.settings, os.environ), capabilities)

    async def nothing_to_check(*_: Any) -> None:
        """Do without: the topics of a benchmark are its own."""

    setattr(admin, "check_topics", nothing_to_check)  # noqa: B010

    @app.task  # type: ignore[untyped-decorator]
    async def watch() -> None:
        while not app.host.is_ready:
            await asyncio.sleep(0.01)
        print("READY", flush=True)
        if meter is not None:
            result = await meter.result(app.host)
            gc.collect()
            print("RESULT " + json.dumps(result), flush=True)

    Worker(app, loglevel="ERROR", override_logging=False, redirect_stdouts=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main()
