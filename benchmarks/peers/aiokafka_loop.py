"""A bare loop over aiokafka: what anyone would write who needs no framework.

Batches by `getmany`, orjson, a dict of windows for each partition. Offsets are committed by the client every five
seconds, state is kept nowhere: after a crash the open windows are wrong. The clients as their documentation shows them:
https://aiokafka.readthedocs.io/en/stable/consumer.html and https://aiokafka.readthedocs.io/en/stable/producer.html
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.peers.marks import GRACE_MS, SIZE_MS, Marks, options

Stats = list[Any]


def add(stats: Stats, value: float) -> None:
    """Add a value to count, sum, min, max, mean and sum of squared deviations (B. P. Welford, 1962)."""
    stats[0] += 1
    stats[1] += value
    if value < stats[2]:
        stats[2] = value
    elif value > stats[3]:
        stats[3] = value
    delta = value - stats[4]
    stats[4] += delta / stats[0]
    stats[5] += delta * (value - stats[4])


def output(name: str, start: int, stats: Stats) -> bytes:
    """Return a closed window as it goes to Kafka."""
    count, total, low, high, mean, m2 = stats
    return orjson.dumps(
        {"id": name, "window": start, "count": count, "sum": total, "min": low, "max": high, "mean": mean,
         "var": m2 / count}
    )  # fmt: skip


class Partition:
    """The open windows of a partition, by start and sensor, and the clock of its log."""

    def __init__(self) -> None:
        self.windows: dict[int, dict[str, Stats]] = {}
        self.clock_ms = 0
        self.due_ms = 0

    def fold(self, messages: list[Any]) -> list[tuple[str, int, Stats]]:
        """Fold records in order; return the windows that have closed."""
        closed: list[tuple[str, int, Stats]] = []
        loads, windows, clock_ms = orjson.loads, self.windows, self.clock_ms
        for message in messages:
            sample = loads(message.value)
            ts, value, name = sample["ts"], sample["value"], sample["id"]
            start = ts - ts % SIZE_MS
            if ts > clock_ms:
                clock_ms = ts
                if ts >= self.due_ms:
                    closed += self._close(ts)
            sensors = windows.get(start)
            if sensors is None:
                if start + SIZE_MS + GRACE_MS <= clock_ms:
                    continue
                sensors = windows[start] = {}
                self.due_ms = min(windows) + SIZE_MS + GRACE_MS
            stats = sensors.get(name)
            if stats is None:
                sensors[name] = [1, value, value, value, value, 0.0]
            else:
                add(stats, value)
        self.clock_ms = clock_ms
        return closed

    def _close(self, clock_ms: int) -> list[tuple[str, int, Stats]]:
        over = sorted(start for start in self.windows if start + SIZE_MS + GRACE_MS <= clock_ms)
        closed = [(name, start, stats) for start in over for name, stats in self.windows.pop(start).items()]
        self.due_ms = min(self.windows, default=clock_ms - clock_ms % SIZE_MS) + SIZE_MS + GRACE_MS
        return closed


async def drain(asked: argparse.Namespace, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
    """Read the topic from its start, folding windows unless nothing is to be done."""
    marks, partitions = Marks(asked.records), dict[int, Partition]()
    while not marks.complete:
        for part, messages in (await consumer.getmany(timeout_ms=500, max_records=10_000)).items():
            marks.begin()
            if asked.job == "windows":
                partition = partitions.setdefault(part.partition, Partition())
                for name, start, stats in partition.fold(messages):
                    await producer.send(asked.output, output(name, start, stats), key=name.encode())
            marks.count(len(messages))


async def answer(asked: argparse.Namespace, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
    """Answer every record, until the process is killed."""
    while True:
        for messages in (await consumer.getmany(timeout_ms=500)).values():
            for message in messages:
                sample = orjson.loads(message.value)
                sample["value"] *= 2
                await producer.send(asked.output, orjson.dumps(sample), key=message.key)


async def main(asked: argparse.Namespace) -> None:
    """Start the clients and do the job."""
    session = {"session_timeout_ms": asked.session_ms} if asked.session_ms else {}
    consumer = AIOKafkaConsumer(
        asked.input, bootstrap_servers=asked.address, group_id=asked.group, auto_offset_reset="earliest",
        max_partition_fetch_bytes=1 << 20, **session,
    )  # fmt: skip
    linger_ms = 0 if asked.job == "map" else 20
    producer = AIOKafkaProducer(bootstrap_servers=asked.address, linger_ms=linger_ms, compression_type="lz4")
    await consumer.start()
    await producer.start()
    await (answer if asked.job == "map" else drain)(asked, consumer, producer)
    await producer.stop()
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(options()))
