"""The harness: a broker on core 0, the system under test on core 1, a topic filled beforehand, outputs read back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.broker import Broker
from streams.connection import partition_of

PARTITIONS = 8


@contextmanager
def broker() -> Iterator[str]:
    """Start Kafka on core 0, in a folder that goes away; this process stays there too."""
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory(prefix="luminar-bench-") as folder, Broker(Path(folder)) as kafka:
        yield kafka.address


async def create(address: str, names: Iterable[str], stamp: str = "LogAppendTime") -> None:
    """Create topics that keep everything."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    configs = {"message.timestamp.type": stamp, "retention.ms": "-1", "max.message.bytes": "16777216"}
    await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=configs) for name in names])
    await admin.close()


async def fill(address: str, topic: str, records: Iterable[tuple[bytes, bytes, int]]) -> int:
    """Fill a topic with (key, value, time in ms) records, lz4, batched as usual; return how many bytes."""
    producer = AIOKafkaProducer(
        bootstrap_servers=address, compression_type="lz4", max_batch_size=1 << 18, enable_idempotence=True
    )
    await producer.start()
    open_: dict[int, Any] = {}
    futures, size = [], 0
    for key, value, time_ms in records:
        where = partition_of(key, PARTITIONS)
        batch = open_.get(where) or open_.setdefault(where, producer.create_batch())
        if batch.append(key=key, value=value, timestamp=time_ms) is None:
            batch.close()
            futures.append(await producer.send_batch(batch, topic, partition=where))
            batch = open_[where] = producer.create_batch()
            batch.append(key=key, value=value, timestamp=time_ms)
        size += len(value)
    for where, batch in open_.items():
        batch.close()
        futures.append(await producer.send_batch(batch, topic, partition=where))
    await asyncio.gather(*futures)
    await producer.stop()
    return size


async def read_values(address: str, topic: str) -> list[bytes]:
    """Return all values of a topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        max_partition_fetch_bytes=1 << 22,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    parts = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    values: list[bytes] = []
    while any([await consumer.position(part) < ends[part] for part in parts]):
        for messages in (await consumer.getmany(timeout_ms=200)).values():
            values += [message.value for message in messages]
    await consumer.stop()
    return values


@contextmanager
def subject(
    address: str, job: str, prefix: str = "", records: int = 0, settings: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a worker on core 1, in a group of its own; it is killed at the end."""
    command = [sys.executable, "-m", "benchmarks.subject", job, "--records", str(records)]
    command += ["--settings", str(settings)] if settings else []
    environment = os.environ | {
        "LUMINAR_BROKER": address, "LUMINAR_PREFIX": prefix, "LUMINAR_PARTITIONS": str(PARTITIONS),
        "LUMINAR_GROUP": f"bench-{uuid.uuid4().hex[:8]}",
    }  # fmt: skip
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def answer(process: subprocess.Popen[str], word: str) -> str:
    """Wait for a line of a worker with a word; return what follows it. Faust writes an escape sequence before some."""
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line.split(word)[1]
    raise RuntimeError(f"the worker ended without {word}, exit code {process.wait()}")


def drain(address: str, job: str, records: int, prefix: str = "", settings: Path | None = None) -> dict[str, float]:
    """Let a worker fold a filled topic from its start; return what it measured."""
    with subject(address, job, prefix, records, settings) as process:
        found: dict[str, float] = json.loads(answer(process, "RESULT "))
        return found


def summary(name: str, records: int, runs: list[dict[str, float]], correct: bool) -> dict[str, Any]:
    """Return one flat object about repeated drains."""
    rates = [records / run["seconds"] for run in runs]
    return {
        "benchmark": name,
        "system": "luminar",
        "records": records,
        "repetitions": len(runs),
        "records_per_s": round(statistics.median(rates)),
        "records_per_s_min": round(min(rates)),
        "records_per_s_max": round(max(rates)),
        "second_half_per_s": round(statistics.median(run["second_half_per_s"] for run in runs)),
        "cpu_s_per_million": round(statistics.median(run["cpu_s"] for run in runs) / records * 1e6, 3),
        "peak_rss_mb": round(max(run["peak_rss_mb"] for run in runs), 1),
        "outputs": int(runs[-1]["outputs"]),
        "correct": correct,
    }
