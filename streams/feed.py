"""Feeding: files, standard input and this machine's own telemetry become records on our topics."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import psutil

from streams.client import Publisher
from streams.ingest import FORMATS, Refused, home_of
from topics.catalogue import named
from topics.metrics import METRICS, Reading
from topics.settings import Source

LONGEST_LINE = 1 << 20
READ_BYTES = 1 << 16
REFUSED_SHOWN = 10

Say = Callable[[str], None]


@dataclass
class Fed:
    """What came of feeding: how many lines (or what else there is), records by topic, and how many were refused.

    It is filled on the way, so that who is stopped can say how far he came.
    """

    what: str = "lines"
    lines: int = 0
    published: Counter[str] = field(default_factory=Counter)
    refused: int = 0

    def __str__(self) -> str:
        """Say it in one line."""
        records = ", ".join(f"{count} to {topic}" for topic, count in sorted(self.published.items())) or "nothing"
        return f"{self.lines} {self.what}: published {records}; refused {self.refused}"


async def feed_lines(publisher: Publisher, lines: AsyncIterator[bytes], source: Source, say: Say, fed: Fed) -> None:
    """Translate every line by the source's format and publish what it says; a refused line is said and counted."""
    parse = FORMATS[source.format]
    async for line in lines:
        fed.lines += 1
        if not line.strip():
            continue
        try:
            if len(line) > LONGEST_LINE:
                raise Refused(f"expected at most {LONGEST_LINE} bytes in a line, found more")
            records = parse(line, None, source)
        except Refused as why:
            fed.refused += 1
            if fed.refused <= REFUSED_SHOWN:
                say(f"line {fed.lines} refused: {why}")
            elif fed.refused == REFUSED_SHOWN + 1:
                say("more lines are refused; from here on they are only counted")
            continue
        for record in records:
            topic = home_of(record)
            await publisher.publish(topic, record)
            fed.published[topic.name] += 1
    await publisher.flush()


async def feed_raw(publisher: Publisher, lines: AsyncIterator[bytes], name: str, fed: Fed) -> None:
    """Publish every line as it is, to a topic of ours or of others; what cannot be used ends in the dead letters."""
    topic = named(name) or name
    async for line in lines:
        fed.lines += 1
        if line.strip():
            await publisher.publish(topic, line)
            fed.published[name] += 1
    await publisher.flush()


async def lines_of(stream: BinaryIO) -> AsyncIterator[bytes]:
    """Yield the lines of a stream as they come, so that a log that somebody is writing can be piped in.

    A line that is too long to be a record is yielded cut, a byte longer than the longest, so that it is refused.
    """
    # A file gives what it has at once; of a pipe, read1 does not wait for more than there is.
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    rest, cutting = b"", False
    while block := await asyncio.to_thread(read, READ_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            if not cutting:
                yield line.rstrip(b"\r")
            cutting = False
        if cutting:
            rest = b""
        elif len(rest) > LONGEST_LINE:
            yield rest[: LONGEST_LINE + 1]
            rest, cutting = b"", True
    if rest and not cutting:
        yield rest.rstrip(b"\r")


class Machine:
    """This machine's telemetry as readings of one service: shares from 0 to 1, bytes, and counters that only grow.

    What a platform does not tell is left out.
    """

    def __init__(self, service: str = "machine") -> None:
        self._service = service
        # The first share of a processor is the one since the last question, so this is that question.
        psutil.cpu_percent()

    def readings(self, at_s: float) -> list[Reading]:
        """Return how the machine is now."""
        gauges, totals = _gauges(), _totals()
        return [self._reading(name, value, at_s, "gauge") for name, value in gauges.items()] + [
            self._reading(name, value, at_s, "total") for name, value in totals.items()
        ]

    def _reading(self, name: str, value: float, at_s: float, kind: str) -> Reading:
        series = f"{self._service}/{name}"
        if kind == "total":
            return Reading(series=series, value=float(value), at_s=at_s, kind="total")
        return Reading(series=series, value=float(value), at_s=at_s)


def _gauges() -> Mapping[str, float]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "cpu_utilisation": psutil.cpu_percent() / 100,
        "load": psutil.getloadavg()[0],
        "memory_used_bytes": memory.total - memory.available,
        "memory_utilisation": 1 - memory.available / memory.total,
        "swap_used_bytes": swap.used,
        "disk_utilisation": psutil.disk_usage("/").percent / 100,
        "processes": len(psutil.pids()),
    }


def _totals() -> Mapping[str, float]:
    # A container may have no disks and no network of its own.
    disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
    totals: dict[str, float] = {}
    if disk is not None:
        totals |= {"disk_read_bytes": disk.read_bytes, "disk_written_bytes": disk.write_bytes}
    if network is not None:
        totals |= {"network_received_bytes": network.bytes_recv, "network_sent_bytes": network.bytes_sent}
    return totals


async def feed_machine(
    publisher: Publisher,
    machine: Machine,
    fed: Fed | None = None,
    every_s: float = 1.0,
    times: int | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Publish how the machine is, every so often, so many times or until cancelled."""
    fed = Fed() if fed is None else fed
    while times is None or fed.lines < times:
        await pause(every_s)
        fed.lines += 1
        for reading in machine.readings(time.time()):
            await publisher.publish(METRICS, reading)
            fed.published[METRICS.name] += 1
        await publisher.flush()
