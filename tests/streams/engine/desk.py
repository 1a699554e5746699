"""A host with one partition, and the consumer and producer that it works with, which remember."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.bus import Capability
from streams.engine.chunks import Chunk
from streams.engine.host import Host
from streams.engine.shard import Shard
from streams.settings import Process
from tests.fakes import Entry, log_chunk
from tests.streams.engine.test_outbox import FakeProducer
from topics.metrics import METRICS, Reading

T0_MS = 1_700_000_000_000
HERE = TP("metrics", 0)


class FakeConsumer:
    """Remembers where it was sent back to."""

    def __init__(self) -> None:
        self.committable: dict[TP, int] = {}
        self.rewound: list[int] = []

    async def rewind(self, tp: TP, offset: int) -> None:
        """Remember."""
        self.rewound.append(offset)

    def log_end(self, tp: TP) -> int | None:
        """Say that nobody knows yet."""
        return None

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        """Say that the log has all its records."""
        return dict.fromkeys(tps, 0)


class Desk:
    """A host with one partition, a consumer and a producer that remember, and a log to read from."""

    def __init__(self, *capabilities: Capability) -> None:
        self.producer, self.consumer = FakeProducer(), FakeConsumer()
        self.host = Host(Process(partitions=1), capabilities)
        self.table: dict[bytes, bytes] = {}
        app = SimpleNamespace(consumer=self.consumer)
        app.producer = SimpleNamespace(_producer=self.producer, pages=self.producer)
        self.host.attach(app, SimpleNamespace(data=SimpleNamespace(data=self.table, _key_partition={})))
        self.host.load({HERE: (0, 0)})
        self.log: list[Entry] = []

    def readings(self, *names: str) -> Chunk:
        """Append readings to the log; return them as a chunk."""
        start = len(self.log)
        self.log += [
            (T0_MS + i, Reading(series=name, value=1.0, at_s=T0_MS / 1000)) for i, name in enumerate(names, start)
        ]
        return self.chunk(start)

    def chunk(self, start: int, end: int | None = None) -> Chunk:
        """Return a part of the log."""
        return log_chunk(METRICS, self.log[start:end], 0, start)

    def sent(self, topic: str) -> list[Any]:
        """Return what was handed to the producer for a topic."""
        return [value for name, _, values in self.producer.sent if name == topic for value in values]

    def shard(self, capability: Capability) -> Shard:
        """Return the shard of a capability."""
        return self.host.held[capability.name, HERE].shard

    async def read_again(self, capability: Capability, most: int = 20) -> None:
        """Deliver the log from wherever the consumer was sent back to, until it is not sent back any more."""
        for _ in range(most):
            before = len(self.consumer.rewound)
            if before:
                await self.host.take(capability, self.chunk(self.consumer.rewound[-1]))
            if len(self.consumer.rewound) == before:
                return
        raise AssertionError(f"sent back without end: {self.consumer.rewound}")
