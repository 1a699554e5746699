"""A bare loop over confluent-kafka: librdkafka fetches, msgspec decodes, numpy folds a batch at a time.

The fastest that pure wheels bring without a framework. Offsets are committed by the client every five seconds, state is
kept nowhere: after a crash the open windows are wrong. `consume` takes many messages a call, as the documentation
advises for throughput; queues and fetches are larger than by default:
https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/index.html and
https://docs.confluent.io/platform/current/clients/librdkafka/html/md_INTRODUCTION.html
"""

from __future__ import annotations

import argparse
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer
from numpy.typing import NDArray

from benchmarks.peers.marks import GRACE_MS, SIZE_MS, Marks, options

BATCH, WAIT_S, ROOM = 10_000, 0.2, 4096
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Sample(msgspec.Struct, gc=False):
    """A record of the input."""

    id: str
    ts: int
    value: float


class Window:
    """Figures [ROOM] of every sensor in one window of one partition."""

    def __init__(self) -> None:
        self.count = np.zeros(ROOM, np.int64)
        self.total, self.mean, self.m2 = np.zeros(ROOM), np.zeros(ROOM), np.zeros(ROOM)
        self.low, self.high = np.full(ROOM, np.inf), np.full(ROOM, -np.inf)

    def merge(self, sensors: Ints, values: Floats) -> None:
        """Merge values into their sensors' figures (T. F. Chan, G. H. Golub and R. J. LeVeque, 1979)."""
        which, place, count = np.unique(sensors, return_inverse=True, return_counts=True)
        total = np.bincount(place, values)
        mean = total / count
        m2 = np.bincount(place, (values - mean[place]) ** 2)
        order = np.argsort(place, kind="stable")
        edges = np.r_[0, np.cumsum(count)[:-1]]
        self.low[which] = np.minimum(self.low[which], np.minimum.reduceat(values[order], edges))
        self.high[which] = np.maximum(self.high[which], np.maximum.reduceat(values[order], edges))
        before = self.count[which]
        after, delta = before + count, mean - self.mean[which]
        self.mean[which] += delta * count / after
        self.m2[which] += m2 + delta * delta * before * count / after
        self.count[which] = after
        self.total[which] += total


class Windows:
    """The open windows of all partitions, and the names of the sensors."""

    def __init__(self) -> None:
        self.open: dict[tuple[int, int], Window] = {}
        self.clocks: dict[int, int] = {}
        self.numbers: dict[str, int] = {}
        self.names: list[str] = []

    def fold(self, samples: list[Sample], parts: list[int]) -> list[tuple[int, int, Window]]:
        """Fold a batch; return partition, start and figures of the windows that have closed."""
        size = len(samples)
        ts = np.fromiter((sample.ts for sample in samples), np.int64, size)
        values = np.fromiter((sample.value for sample in samples), np.float64, size)
        where = np.fromiter(parts, np.int64, size)
        sensors = self._sensors(samples)
        closed = []
        for part in np.unique(where).tolist():
            of_part = where == part
            self._fold_partition(part, ts[of_part], sensors[of_part], values[of_part])
            closed += self._close(part, int(ts[of_part].max()))
        return closed

    def _sensors(self, samples: list[Sample]) -> Ints:
        numbers = self.numbers
        try:
            return np.fromiter((numbers[sample.id] for sample in samples), np.int64, len(samples))
        except KeyError:
            for sample in samples:
                if sample.id not in numbers:
                    numbers[sample.id] = len(self.names)
                    self.names.append(sample.id)
            return self._sensors(samples)

    def _fold_partition(self, part: int, ts: Ints, sensors: Ints, values: Floats) -> None:
        starts = ts - ts % SIZE_MS
        for start in np.unique(starts).tolist():
            window = self.open.get((part, start))
            if window is None:
                if start + SIZE_MS + GRACE_MS <= self.clocks.get(part, 0):
                    continue
                window = self.open[part, start] = Window()
            inside = starts == start
            window.merge(sensors[inside], values[inside])

    def _close(self, part: int, clock_ms: int) -> list[tuple[int, int, Window]]:
        self.clocks[part] = max(self.clocks.get(part, 0), clock_ms)
        over = sorted(
            start for where, start in self.open if where == part and start + SIZE_MS + GRACE_MS <= self.clocks[part]
        )
        return [(part, start, self.open.pop((part, start))) for start in over]


def say(producer: Any, topic: str, names: list[str], closed: list[tuple[int, int, Window]]) -> None:
    """Publish closed windows."""
    for part, start, window in closed:
        for i in np.flatnonzero(window.count).tolist():
            count = int(window.count[i])
            figures = {
                "id": names[i], "window": start, "count": count, "sum": float(window.total[i]),
                "min": float(window.low[i]), "max": float(window.high[i]), "mean": float(window.mean[i]),
                "var": float(window.m2[i] / count),
            }  # fmt: skip
            producer.produce(topic, msgspec.json.encode(figures), names[i], partition=part)
        producer.poll(0)


def drain(asked: argparse.Namespace, consumer: Any, producer: Any) -> None:
    """Read the topic from its start, folding windows unless nothing is to be done."""
    marks, windows, decode = Marks(asked.records), Windows(), msgspec.json.Decoder(Sample).decode
    while not marks.complete:
        messages = consumer.consume(BATCH, WAIT_S)
        if messages and asked.job == "windows":
            marks.begin()
            samples = [decode(message.value()) for message in messages]
            closed = windows.fold(samples, [message.partition() for message in messages])
            say(producer, asked.output, windows.names, closed)
        elif messages:
            marks.begin()
        marks.count(len(messages))


def answer(asked: argparse.Namespace, consumer: Any, producer: Any) -> None:
    """Answer every record, until the process is killed."""
    decode, encode = msgspec.json.Decoder(Sample).decode, msgspec.json.encode
    while True:
        message = consumer.poll(WAIT_S)
        if message is not None and message.error() is None:
            sample = decode(message.value())
            sample.value *= 2
            producer.produce(asked.output, encode(sample), message.key())
        producer.poll(0)


def main(asked: argparse.Namespace) -> None:
    """Start the clients and do the job."""
    consumer = Consumer(
        {"bootstrap.servers": asked.address, "group.id": asked.group, "auto.offset.reset": "earliest",
         "queued.max.messages.kbytes": 65_536, "fetch.max.bytes": 50 << 20, "max.partition.fetch.bytes": 4 << 20}
        | ({"session.timeout.ms": asked.session_ms} if asked.session_ms else {})
    )  # fmt: skip
    consumer.subscribe([asked.input])
    producer = Producer(
        {"bootstrap.servers": asked.address, "compression.type": "lz4", "linger.ms": 5 if asked.job == "map" else 20,
         "enable.idempotence": True, "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    (answer if asked.job == "map" else drain)(asked, consumer, producer)
    producer.flush()
    consumer.close()


if __name__ == "__main__":
    main(options())
