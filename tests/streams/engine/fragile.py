"""A capability that fails at some readings, the log it reads, and a producer that loses a batch."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, ClassVar

import msgspec
from faust.types import TP

from detectors.bank import Finding, page_of
from detectors.columns import Run
from detectors.ledger import Entry, Ledger
from streams.bus import Capability
from streams.engine.chunks import Chunk, chunk_of
from streams.engine.host import Host
from streams.settings import load
from topics import Derived, Record
from topics.metrics import METRICS, Reading

HERE = TP(METRICS.name, 0)


class Batch:
    """Stands in for a batch of aiokafka's producer."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []

    def append(self, value: bytes | None, **_: Any) -> object:
        """Take a record."""
        self.values.append(value)
        return self

    def close(self) -> None:
        """Take no more."""
        self.values = list(self.values)


class LosingProducer:
    """Stands in for aiokafka's producer: the batch that holds what is `lost` fails, all others are acknowledged."""

    def __init__(self, lost: bytes) -> None:
        self.lost = lost
        self.log: list[bytes | None] = []

    def create_batch(self) -> Batch:
        """Begin a batch."""
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, partition: int) -> asyncio.Future[None]:
        """Send a batch, or lose it."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.lost in batch.values:
            sent.set_exception(TimeoutError("lost"))
        else:
            self.log += batch.values
            sent.set_result(None)
        return sent


class Mark(Entry, kw_only=True):
    """How many readings there were."""

    count: int = 0


class Fragile(Ledger):
    """Counts readings and says each; fails at those that are named poison."""

    capability = "fragile"
    key = "series"
    entry = Mark
    takes: ClassVar[int] = 0

    def group_of(self, record: Record) -> str | None:
        """Return the service."""
        assert isinstance(record, Reading)
        return record.service

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading, or fail."""
        assert isinstance(record, Reading)
        Fragile.takes += 1
        if record.series.endswith("/poison"):
            raise ZeroDivisionError(record.series)
        if record.series.endswith("/unspeakable"):
            return [Reading(series=name, value=0.0, at_s=record.at_s) for name in ("out/first", "out/half\ud800")]
        mark = entries.setdefault(record.service, Mark())
        mark.count += 1
        return [Reading(series="out/count", value=float(mark.count), at_s=record.at_s)]

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Nothing is ever due."""
        raise AssertionError(name)


def fold_fragile(run: Run, bank: Fragile) -> list[Finding]:
    """Count readings."""
    return bank.fold(run)


class Log:
    """Stands in for the consumer: a log in memory that is read in chunks, from `first` on, and again after a rewind."""

    def __init__(self, records: list[bytes], first: int = 0) -> None:
        self.records, self.first, self.at = records, first, first
        self.rewinds = 0
        self.committable: dict[TP, int] = {}

    async def earliest_offsets(self, tp: TP) -> dict[TP, int]:
        """Return the first offset that is still there."""
        return {tp: self.first}

    async def rewind(self, tp: TP, offset: int) -> None:
        """Read again from an offset; one that is there no longer becomes the first."""
        self.rewinds += 1
        assert self.rewinds < 20, "it goes back for ever"
        self.at = max(self.first, offset)

    def next_chunk(self, size: int) -> Chunk | None:
        """Return what comes next."""
        at, values = self.at, self.records[self.at : self.at + size]
        self.at += len(values)
        return chunk_of(METRICS.name, 0, at, [(None, value, 1000) for value in values]) if values else None


FRAGILE = Capability("fragile", METRICS, Fragile, (METRICS,), fold_fragile)


async def feed(log: Log, capabilities: tuple[Capability, ...] = (FRAGILE,), size: int = 100) -> Host:
    """Let a host read a log to its end; its outbox keeps what was said."""
    host = Host(load(env={"LUMINAR_PARTITIONS": "1"}).process, capabilities)
    producer = LosingProducer(b"never")
    app = SimpleNamespace(consumer=log, producer=SimpleNamespace(_producer=producer, pages=producer))
    host.attach(app, SimpleNamespace(data=SimpleNamespace(data={})))
    host.load({HERE: (0, len(log.records))})
    while chunk := log.next_chunk(size):
        for capability in capabilities:
            await host.take(capability, chunk)
    return host


def count_of(shard: Any) -> int:
    """Return how many readings a shard has counted."""
    return int(shard.bank.entries[page_of(b"shop")]["shop"].count)


def readings(*names: str) -> list[bytes]:
    """Return readings of these series as they stand in the log."""
    return [msgspec.json.encode(Reading(series=f"shop/{name}", value=1.0, at_s=1.0)) for name in names]
