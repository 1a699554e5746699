"""Quix Streams: a data frame over a topic, its windows in RocksDB with a changelog topic.

One custom aggregator keeps all six figures in one state entry, as the page on aggregations advises in place of the old
`reduce`. The closing strategy is `partition`, since by default a window waits for its own sensor's next record. The
event time is Kafka's own timestamp. https://quix.io/docs/quix-streams/windowing.html,
https://quix.io/docs/quix-streams/aggregations.html and https://quix.io/docs/quix-streams/configuration.html
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows import Aggregator

from benchmarks.peers.marks import GRACE_MS, SIZE_MS, Marks, options


class Stats(Aggregator):  # type: ignore[misc]
    """Count, sum, min, max, mean and sum of squared deviations (B. P. Welford, 1962)."""

    def initialize(self) -> list[Any]:
        """Return the figures of a window without values."""
        return [0, 0.0, float("inf"), float("-inf"), 0.0, 0.0]

    def agg(self, old: list[Any], new: dict[str, Any], timestamp: int) -> list[Any]:
        """Add a record's value."""
        value = new["value"]
        count, total, low, high, mean, m2 = old
        count += 1
        delta = value - mean
        mean += delta / count
        return [
            count, total + value, value if value < low else low, value if value > high else high,
            mean, m2 + delta * (value - mean),
        ]  # fmt: skip

    def result(self, value: list[Any]) -> list[Any]:
        """Return the figures."""
        return value


def output(closed: dict[str, Any], key: str, timestamp: int, headers: Any) -> dict[str, Any]:
    """Return a closed window as it goes to Kafka."""
    count, total, low, high, mean, m2 = closed["stats"]
    return {
        "id": key, "window": closed["start"], "count": count, "sum": total, "min": low, "max": high, "mean": mean,
        "var": m2 / count,
    }  # fmt: skip


def doubled(sample: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a record."""
    return {**sample, "value": sample["value"] * 2}


def main(asked: argparse.Namespace) -> None:
    """Build the data frame and run it."""
    marks = Marks(asked.records)

    def processed(topic: str, partition: int, offset: int) -> None:
        marks.count()
        if marks.complete:
            app.stop()

    app = Application(
        broker_address=asked.address, consumer_group=asked.group, auto_offset_reset="earliest",
        state_dir=f"{asked.folder}/state", loglevel="WARNING", auto_create_topics=True,
        on_message_processed=None if asked.job == "map" else processed,
        consumer_extra_config={"session.timeout.ms": asked.session_ms} if asked.session_ms else {},
        producer_extra_config={"linger.ms": 5} if asked.job == "map" else {"linger.ms": 20, "compression.type": "lz4"},
    )  # fmt: skip
    samples = app.dataframe(app.topic(asked.input, key_deserializer="str", value_deserializer="json"))
    to = app.topic(asked.output, key_serializer="str", value_serializer="json")
    if asked.job == "map":
        samples.apply(doubled).to_topic(to)
    else:
        windows = samples.tumbling_window(timedelta(milliseconds=SIZE_MS), grace_ms=timedelta(milliseconds=GRACE_MS))
        closed = windows.agg(stats=Stats()).final(closing_strategy="partition")
        closed.apply(output, metadata=True).to_topic(to)
    app.run()


if __name__ == "__main__":
    main(options())
