"""Stock Faust, as its own documentation shows it, with its C extensions and uvloop.

Two ways of writing the windows. `--style table`: a tumbling table whose windows are said by `on_window_close`, the way
of the guide; `--style dict`: an agent that keeps a plain dict beside the stream, the fastest that Faust's API allows,
with no changelog, so that a crash costs the open windows. https://faust-streaming.github.io/faust/userguide/tables.html,
https://faust-streaming.github.io/faust/userguide/agents.html and
https://faust-streaming.github.io/faust/userguide/settings.html
"""

from __future__ import annotations

import mode.loop

mode.loop.use("uvloop")

import argparse  # noqa: E402
import asyncio  # noqa: E402
import os  # noqa: E402
from datetime import timedelta  # noqa: E402
from typing import Any  # noqa: E402

import faust  # noqa: E402
import orjson  # noqa: E402

from benchmarks.peers.marks import GRACE_MS, SIZE_MS, Marks, options  # noqa: E402

PARTITIONS = 8
SETTLED_S = 5.0
"""How long windows may take to be said once the last record is folded."""


def add(stats: list[Any], value: float) -> list[Any]:
    """Add a value to count, sum, min, max, mean and sum of squared deviations (B. P. Welford, 1962)."""
    count, total, low, high, mean, m2 = stats
    count += 1
    delta = value - mean
    mean += delta / count
    return [count, total + value, min(low, value), max(high, value), mean, m2 + delta * (value - mean)]


def empty() -> list[Any]:
    """Return the figures of a window without values."""
    return [0, 0.0, float("inf"), float("-inf"), 0.0, 0.0]


def output(name: str, start: int, stats: list[Any]) -> bytes:
    """Return a closed window as it goes to Kafka."""
    count, total, low, high, mean, m2 = stats
    return orjson.dumps(
        {"id": name, "window": start, "count": count, "sum": total, "min": low, "max": high, "mean": mean,
         "var": m2 / count}
    )  # fmt: skip


def app_of(asked: argparse.Namespace) -> Any:
    """Return an app with memory for a store, which is the fastest one."""
    session = {}
    if asked.session_ms:
        session = {
            "broker_session_timeout": asked.session_ms / 1000, "broker_heartbeat_interval": asked.session_ms / 3000,
        }  # fmt: skip
    return faust.App(
        asked.group, broker=f"kafka://{asked.address}", store="memory://", datadir=f"{asked.folder}/faust",
        web_enabled=False, topic_partitions=PARTITIONS, topic_replication_factor=1, topic_disable_leader=True,
        consumer_auto_offset_reset="earliest", table_cleanup_interval=1.0,
        producer_linger=0.0 if asked.job == "map" else 0.02, **session,
    )  # fmt: skip


def keep_table(app: Any, source: Any, sink: Any, marks: Marks) -> None:
    """Fold into a tumbling table."""

    async def closed(key: tuple[str, tuple[float, float]], stats: list[Any]) -> None:
        name, (start_s, _) = key
        await sink.send(key=name.encode(), value=output(name, round(start_s * 1000), stats))

    windows = (
        app.Table("windows", default=empty, partitions=PARTITIONS, on_window_close=closed)
        .tumbling(timedelta(milliseconds=SIZE_MS), expires=timedelta(milliseconds=GRACE_MS))
        .relative_to_stream()
    )

    @app.agent(source)  # type: ignore[untyped-decorator]
    async def fold(samples: Any) -> None:
        async for sample in samples:
            marks.count()
            windows[sample["id"]] = add(windows[sample["id"]].value(), sample["value"])


def keep_dict(app: Any, source: Any, sink: Any, marks: Marks) -> None:
    """Fold into dicts, one for each partition, window and sensor."""
    partitions: dict[int, dict[int, dict[str, list[Any]]]] = {}
    due_ms: dict[int, int] = {}

    @app.agent(source)  # type: ignore[untyped-decorator]
    async def fold(samples: Any) -> None:
        async for event in samples.events():
            marks.count()
            sample, part = event.value, event.message.partition
            ts, name = sample["ts"], sample["id"]
            windows = partitions.setdefault(part, {})
            if ts >= due_ms.get(part, 0):
                for start in sorted(start for start in windows if start + SIZE_MS + GRACE_MS <= ts):
                    for which, stats in windows.pop(start).items():
                        await sink.send(key=which.encode(), value=output(which, start, stats))
                due_ms[part] = min(windows, default=ts - ts % SIZE_MS) + SIZE_MS + GRACE_MS
            sensors = windows.setdefault(ts - ts % SIZE_MS, {})
            sensors[name] = add(sensors.get(name) or empty(), sample["value"])


def answer(app: Any, source: Any, sink: Any) -> None:
    """Answer every record."""

    @app.agent(source)  # type: ignore[untyped-decorator]
    async def double(samples: Any) -> None:
        async for name, sample in samples.items():
            await sink.send(key=name, value=orjson.dumps({**sample, "value": sample["value"] * 2}))


def main(asked: argparse.Namespace) -> None:
    """Declare the agent and run a worker."""
    app, marks = app_of(asked), Marks(asked.records)
    source = app.topic(asked.input, value_serializer="json", key_serializer="raw", partitions=PARTITIONS)
    sink = app.topic(asked.output, value_serializer="raw", key_serializer="raw", partitions=PARTITIONS)
    if asked.job == "map":
        answer(app, source, sink)
    else:
        (keep_table if asked.style == "table" else keep_dict)(app, source, sink, marks)

    @app.task  # type: ignore[untyped-decorator]
    async def end() -> None:
        while asked.job == "map" or not marks.complete:
            await asyncio.sleep(0.2)
        await asyncio.sleep(SETTLED_S)
        await app.producer.flush()
        os._exit(0)  # A worker that is asked to stop waits for its streams, which takes longer than the drain.

    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(options())
