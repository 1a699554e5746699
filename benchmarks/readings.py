"""The real pipeline on readings: anomaly and scaling, with pages and outputs; drained, timed, and left idle."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.harness import PARTITIONS, answer, broker, create, drain, fill, read_values, subject, summary
from streams import bus
from streams.connection import partition_of
from streams.engine.chunks import chunk_of
from streams.engine.columns import Decoder
from streams.engine.shard import Shard
from topics.control import SettingsChange
from topics.metrics import METRICS
from topics.proposals import PROPOSALS, Proposal
from topics.settings import Scaling, Service, Settings
from topics.signals import SIGNALS, Anomaly

SERVICES, SERIES_EACH, PER_SECOND = 100, 10, 10_000
CAPABILITIES = ("anomaly", "scaling")
SETTINGS = Settings(services={f"s{i}": Service(scaling=Scaling(load=f"s{i}/m0", capacity=5.0)) for i in range(10)})
TOPICS = ("metrics", "signals", "proposals", "state", "dead-letters", "settings")
Entry = tuple[bytes, bytes, int]
signal_of, proposal_of = SIGNALS.decoder().decode, PROPOSALS.decoder().decode


def readings(n: int, seed: int = 42) -> Iterator[Entry]:
    """Yield readings of 1,000 series, ten a second each, one in 5,000 far off, as (key, value, time in ms)."""
    chance = np.random.default_rng(seed)
    value = np.round(chance.normal(20, 2, n) + np.where(chance.random(n) < 0.0002, 200.0, 0.0), 3)
    for i in range(n):
        number = i % (SERVICES * SERIES_EACH)
        service, metric = b"s%d" % (number // SERIES_EACH), number % SERIES_EACH
        at_ms = 1_700_000_000_000 + i * 1000 // PER_SECOND
        yield (
            service,
            b'{"series":"%s/m%d","value":%.3f,"at_s":%.3f}' % (service, metric, value[i], at_ms / 1000),
            at_ms,
        )


def change() -> bytes:
    """Return the settings as the first record of every partition."""
    return msgspec.json.encode(SettingsChange("bench", SETTINGS))


def metrics(records: int, repetitions: int) -> dict[str, Any]:
    """Drain `metrics` through anomaly and scaling: decode, fold, pages, outputs."""
    runs, correct = [], True
    expected = _fold(records)
    for _ in range(repetitions):
        with broker() as address:
            asyncio.run(_fill(address, records))
            runs.append(drain(address, ",".join(CAPABILITIES), records))
            found = [asyncio.run(read_values(address, topic)) for topic in (SIGNALS.name, PROPOSALS.name)]
            correct = correct and _as_expected(found[0] + found[1], expected)
    return summary("metrics", records, runs, correct)


async def _fill(address: str, records: int) -> None:
    await create(address, TOPICS, stamp="CreateTime")
    await _say_settings(address, 1_699_999_999_000)
    await fill(address, METRICS.name, readings(records))


async def _say_settings(address: str, time_ms: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, max_request_size=1 << 24)
    await producer.start()
    for partition in range(PARTITIONS):
        await producer.send_and_wait(METRICS.name, change(), partition=partition, timestamp_ms=time_ms)
    await producer.stop()


def _fold(records: int) -> dict[str, bytes]:
    """Return what a sequential fold of the same log says: origin -> record."""
    logs: list[list[tuple[bytes | None, bytes, int]]] = [
        [(None, change(), 1_699_999_999_000)] for _ in range(PARTITIONS)
    ]
    for key, value, time_ms in readings(records):
        logs[partition_of(key, PARTITIONS)].append((key, value, time_ms))
    said: dict[str, bytes] = {}
    for capability in bus.capabilities():
        if capability.name in CAPABILITIES:
            for partition, log in enumerate(logs):
                chunk = chunk_of(METRICS.name, partition, 0, log)
                shard = Shard(capability.bank, METRICS.name, partition)
                for record in shard.fold(Decoder(METRICS).columns(chunk), 0, len(chunk), chunk.next).records:
                    if isinstance(record, Anomaly | Proposal):
                        said[repr(record.origin)] = msgspec.json.encode(record)
    return said


def _as_expected(values: list[bytes], expected: dict[str, bytes]) -> bool:
    """Say whether every output of the fold is there, byte for byte; what its own forecasts led to is left out."""
    found: dict[str, bytes] = {}
    for value in values:
        decode = proposal_of if b'"action"' in value else signal_of
        found[repr(decode(value).origin)] = value
    return all(found.get(origin) == value for origin, value in expected.items())


def latency(records: int, repetitions: int) -> dict[str, Any]:
    """Milliseconds from a reading's append to the append of the anomaly it led to, at 10,000 readings a second."""
    rate, waits = 10_000, []
    for seed in range(repetitions):
        with broker() as address:
            waits.append(asyncio.run(_wait_times(address, records, rate, seed)))
    merged = np.concatenate(waits)
    return {
        "benchmark": "latency", "system": "luminar", "records": records, "repetitions": repetitions, "rate_per_s": rate,
        "outputs": len(merged), "correct": len(merged) > 0,
        "p50_ms": float(np.percentile(merged, 50)), "p99_ms": float(np.percentile(merged, 99)),
        "p99_ms_by_run": [float(np.percentile(wait, 99)) for wait in waits],
    }  # fmt: skip


async def _wait_times(address: str, records: int, rate: int, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    await create(address, TOPICS)
    await _say_settings(address, 0)
    with subject(address, ",".join(CAPABILITIES)) as process:
        answer(process, "READY")
        await _feed_live(address, records, rate, seed)
        await asyncio.sleep(2.0)
    appended = await _append_times(address, METRICS.name)
    waits = []
    for (_, _), (time_ms, value) in (await _append_times(address, SIGNALS.name)).items():
        signal = signal_of(value)
        if signal.origin.subject[0] == 1 and not signal.calm:
            waits.append(time_ms - appended[signal.origin.partition, signal.origin.offset][0])
    return np.array(waits, np.float64)


async def _feed_live(address: str, records: int, rate: int, seed: int) -> None:
    """Publish readings of 1,000 series at a rate; once they are known, one in 100 is far off."""
    chance = random.Random(seed)
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=2)
    await producer.start()
    began_s = time.time()
    for i in range(records):
        service = b"s%d" % (i % 100)
        far = i > records // 2 and chance.random() < 0.01
        value = chance.gauss(20, 1) + (500 * chance.random() + 100 if far else 0)
        body = b'{"series":"%s/m%d","value":%.3f,"at_s":%.3f}' % (service, i // 100 % 10, value, time.time())
        await producer.send(METRICS.name, body, key=service)
        if i % 50 == 49:
            await asyncio.sleep(max(0.0, began_s + i / rate - time.time()))
    await producer.stop()


async def _append_times(address: str, topic: str) -> dict[tuple[int, int], tuple[int, bytes]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    parts = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    found: dict[tuple[int, int], tuple[int, bytes]] = {}
    while any([await consumer.position(part) < ends[part] for part in parts]):
        for part, messages in (await consumer.getmany(timeout_ms=200)).items():
            found |= {(part.partition, message.offset): (message.timestamp, message.value) for message in messages}
    await consumer.stop()
    return found


def idle(records: int, repetitions: int) -> dict[str, Any]:
    """Share of a core that a worker with every capability and 8 partitions a topic needs while nothing comes."""
    shares = []
    with broker() as address:
        asyncio.run(create(address, [*TOPICS, "requests", "alerts", "commands", "blocklist", "refusals"]))
        with subject(address, ",".join(bus.MODULES)) as process:
            answer(process, "READY")
            time.sleep(5)
            for _ in range(repetitions):
                before, began_s = _cpu_of(process.pid), time.perf_counter()
                time.sleep(10)
                shares.append((_cpu_of(process.pid) - before) / (time.perf_counter() - began_s))
    return {
        "benchmark": "idle", "system": "luminar", "repetitions": repetitions, "correct": True,
        "core_share": round(sorted(shares)[len(shares) // 2], 4), "core_share_max": round(max(shares), 4),
    }  # fmt: skip


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
