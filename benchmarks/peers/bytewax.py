"""Bytewax: a dataflow in Rust that calls Python for every record; windows by key.

The Kafka operators, larger batches for throughput, and a fold that need not see its values in order, so that nothing is
sorted. Every sensor has a clock of its own, which the wall clock drives too: ten seconds of waiting keep a drain exact.
State lives in memory; for a takeover it is kept by the recovery store, from which a new process resumes (there is no
consumer group that would hand partitions to a survivor). A drain runs without that store, which only helps its speed.
https://docs.bytewax.io/stable/guide/concepts/windowing.html,
https://docs.bytewax.io/stable/guide/advanced-concepts/performance.html and
https://docs.bytewax.io/stable/guide/concepts/recovery.html
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.peers.marks import SIZE_MS, Marks, options

WAIT = timedelta(seconds=10)


def add(stats: list[Any], sample: dict[str, Any]) -> list[Any]:
    """Add a record to count, sum, min, max, mean and sum of squared deviations (B. P. Welford, 1962)."""
    value = sample["value"]
    count = stats[0] + 1
    delta = value - stats[4]
    stats[0] = count
    stats[1] += value
    if value < stats[2]:
        stats[2] = value
    if value > stats[3]:
        stats[3] = value
    stats[4] += delta / count
    stats[5] += delta * (value - stats[4])
    return stats


def empty() -> list[Any]:
    """Return the figures of a window without values."""
    return [0, 0.0, float("inf"), float("-inf"), 0.0, 0.0]


def never(one: list[Any], other: list[Any]) -> list[Any]:
    """Merge two windows, which tumbling ones never do."""
    raise AssertionError("tumbling windows do not merge")


def sample_of(message: Any) -> tuple[str, dict[str, Any]]:
    """Return a record by its sensor."""
    sample = orjson.loads(message.value)
    return sample["id"], sample


def output(closed: tuple[str, tuple[int, list[Any]]]) -> Any:
    """Return a closed window as it goes to Kafka."""
    name, (number, (count, total, low, high, mean, m2)) = closed
    figures = {
        "id": name, "window": number * SIZE_MS, "count": count, "sum": total, "min": low, "max": high, "mean": mean,
        "var": m2 / count,
    }  # fmt: skip
    return KafkaSinkMessage(name.encode(), orjson.dumps(figures))


def doubled(message: Any) -> Any:
    """Return the answer to a record."""
    sample = orjson.loads(message.value)
    sample["value"] *= 2
    return KafkaSinkMessage(message.key, orjson.dumps(sample))


def windows_of(samples: Any, marks: Marks) -> Any:
    """Return the closed windows of a stream by sensor."""

    def fold(stats: list[Any], sample: dict[str, Any]) -> list[Any]:
        marks.count()
        return add(stats, sample)

    clock = win.EventClock(lambda sample: datetime.fromtimestamp(sample["ts"] / 1000, UTC), WAIT)
    windower = win.TumblingWindower(length=timedelta(milliseconds=SIZE_MS), align_to=datetime.fromtimestamp(0, UTC))
    return win.fold_window("windows", samples, clock, windower, empty, fold, never, ordered=False).down


def main(asked: argparse.Namespace) -> None:
    """Build the dataflow and run it."""
    flow = Dataflow("peer")
    brokers, live = [asked.address], asked.job == "map"
    batch = 1000 if live else 5000
    source = kop.input("in", flow, brokers=brokers, topics=[asked.input], tail=live, batch_size=batch)
    op.inspect("errors", source.errs).then(op.raises, "raised")
    if live:
        answers = op.map("doubled", source.oks, doubled)
    else:
        samples = op.map("decoded", source.oks, sample_of)
        answers = op.map("encoded", windows_of(samples, Marks(asked.records)), output)
    kop.output(
        "out",
        answers,
        brokers=brokers,
        topic=asked.output,
        add_config={"linger.ms": "5" if live else "20", "enable.idempotence": "true"},
    )
    recovery = Path(asked.folder) / "recovery"
    if live and not recovery.exists():
        recovery.mkdir(parents=True)
        init_db_dir(recovery, 1)
    cli_main(flow, recovery_config=RecoveryConfig(recovery) if live else None)


if __name__ == "__main__":
    main(options())
