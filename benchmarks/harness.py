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
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.logs import Batch, Records, batched
from benchmarks.sender import sender
from streams.broker import Broker
from streams.group import group_of
from streams.reader import bounds, read
from streams.settings import Broker as Address
from streams.settings import Process
from topics import Topic

PARTITIONS = 8
PATIENCE_S = 900.0
"""How long a worker may take. Nothing is measured by it: it only ends a run that would never end."""
SESSION_TIMEOUT_S = 60.0
"""No worker is taken for dead because the machine is busy otherwise."""
CREATE_TIME, APPEND_TIME = "CreateTime", "LogAppendTime"

Result = dict[str, Any]


@dataclass(frozen=True)
class Setup:
    """What a benchmark is run with: where the broker is, how often, and what is not to be as the benchmark has it.

    records        how many; series: of how many series
    """

    address: str
    repetitions: int = 3
    records: int | None = None
    series: int | None = None


Benchmark = Callable[[Setup], Iterator[Result]]


@contextmanager
def broker() -> Iterator[str]:
    """Start Kafka on core 0, in a folder that goes away; this process stays there too."""
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory(prefix="luminar-bench-") as folder, Broker(Path(folder)) as kafka:
        yield kafka.address


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used, all its threads together."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def cpu_of_broker() -> float:
    """Return the CPU seconds that the broker which this process has started has used."""
    return sum(cpu_of(child.pid) for child in psutil.Process().children() if child.name() == "java")


class Site:
    """The topics of one run and a group; both have names of their own unless they are given."""

    def __init__(
        self, address: str, prefix: str | None = None, group: str | None = None, partitions: int = PARTITIONS
    ) -> None:
        name = f"bench-{uuid.uuid4().hex[:8]}"
        self.process = Process(
            broker=Address(addresses=(address,)),
            prefix=f"{name}." if prefix is None else prefix,
            group=name if group is None else group,
            partitions=partitions,
        )

    @property
    def address(self) -> str:
        """Return where the broker is."""
        return self.process.broker.addresses[0]

    async def create(self, names: Iterable[str], stamp: str = APPEND_TIME) -> None:
        """Create topics that keep everything; `stamp` says whose time their records have."""
        configs = {"message.timestamp.type": stamp, "retention.ms": "-1", "max.message.bytes": "16777216"}
        await create(self.address, [self.process.prefix + name for name in names], self.process.partitions, configs)

    async def fill(self, topic: str, batches: Iterable[Batch]) -> None:
        """Append batches to a topic."""
        async with sender(self.address, self.process.prefix + topic) as one:
            await one.send_all(batches)

    async def values(self, topic: str) -> list[bytes]:
        """Return all values of a topic."""
        return [m.value async for m in read(self.process, self.process.prefix + topic) if m.value is not None]

    async def until_folded(self, topic: Topic, patience_s: float = PATIENCE_S) -> None:
        """Wait until the group has folded and saved all that a topic holds now."""
        deadline_s, name = time.monotonic() + patience_s, self.process.prefix + topic.name
        ends = {(name, p): end for p, (_, end) in (await bounds(self.process, topic)).items() if end}
        while time.monotonic() < deadline_s:
            committed = (await group_of(self.process)).committed
            if all(committed.get(at, 0) >= end for at, end in ends.items()):
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"the worker has not folded all of {name} in {patience_s:g} s")

    @contextmanager
    def worker(
        self, job: str, *options: str, core: int = 1, session_timeout_s: float = SESSION_TIMEOUT_S
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a worker of the group on a core; it is killed at the end."""
        command = [sys.executable, "-m", "benchmarks.subject", job, "--core", str(core), *options]
        environment = os.environ | {
            "LUMINAR_BROKER": self.address, "LUMINAR_PREFIX": self.process.prefix, "LUMINAR_GROUP": self.process.group,
            "LUMINAR_PARTITIONS": str(self.process.partitions),
            "LUMINAR_WORKER__SESSION_TIMEOUT_S": f"{session_timeout_s:g}",
        }  # fmt: skip
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        patience = threading.Timer(PATIENCE_S, process.kill)
        patience.start()
        try:
            yield process
        finally:
            patience.cancel()
            process.send_signal(signal.SIGKILL)
            process.communicate()

    def drain(self, job: str) -> Result:
        """Let a worker fold what the topics hold, from their start; return what it measured."""
        with self.worker(job, "--drain") as process:
            found: Result = json.loads(answer(process, "RESULT "))
            return found


async def create(address: str, names: Iterable[str], partitions: int, configs: dict[str, str]) -> None:
    """Create topics, and wait until they can be written to, which is a little later."""
    chosen = list(names)
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs) for name in chosen])
    await admin.close()
    consumer = AIOKafkaConsumer(bootstrap_servers=address)
    await consumer.start()
    await consumer.end_offsets([TopicPartition(name, number) for name in chosen for number in range(partitions)])
    await consumer.stop()


async def fill(address: str, topic: str, records: Iterable[tuple[bytes, bytes, int]]) -> None:
    """Fill a topic with (key, value, time in ms) records, lz4, batched as usual."""
    async with sender(address, topic) as one:
        await one.send_all(batched(Records.of(records, PARTITIONS)))


def answer(process: subprocess.Popen[str], word: str) -> str:
    """Wait for a line of a worker with a word; return what follows it. Faust writes an escape sequence before some."""
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line.split(word)[1]
    raise RuntimeError(f"the worker ended without {word}, exit code {process.wait()}")


def repeated(setup: Setup, once: Callable[[], tuple[Result, bool]]) -> tuple[list[Result], bool]:
    """Measure again and again; return every run, and whether all were right."""
    runs = [once() for _ in range(setup.repetitions)]
    return [run for run, _ in runs], all(right for _, right in runs)


def summary(name: str, records: int, runs: list[Result], correct: bool, **more: Any) -> Result:
    """Return one flat object about repeated drains."""
    rates = [records / run["seconds"] for run in runs]
    return {
        "benchmark": name,
        "system": "luminar",
        **more,
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
