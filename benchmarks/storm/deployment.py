"""Deployments of their own on the shared broker: topics with a prefix, a group, and workers to start and to end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.storm.progress import Place, Progress
from streams.admin import create_topics
from streams.client import read
from streams.connection import name_of
from streams.reader import Message, bounds
from streams.settings import Loaded, load
from topics import Topic

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from streams.settings import load; from streams.worker import run; run(load(sys.argv[1]))"
PATIENCE_S = 90.0
"""How long an effect is waited for. Nothing is measured by it: it only ends a run that would never end."""


def until(effect: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait until an effect is there, and return it."""
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        found = effect()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {patience_s:g} s in vain: {what}")


@dataclass
class WorkerProcess:
    """A worker in a process of its own, and what it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    began_at: int = 0

    def said(self) -> str:
        """Return all that this process has logged."""
        return self.log.read_text(errors="replace")[self.began_at :]

    def until_said(self, pattern: str, patience_s: float = PATIENCE_S) -> re.Match[str]:
        """Wait for a line; a worker that ended without it has failed."""

        def effect() -> re.Match[str] | None:
            found = re.search(pattern, self.said())
            assert found or self.process.poll() is None, (
                f"{self.name} ended with {self.process.poll()}:\n{self.said()[-6000:]}"
            )
            return found

        match = until(effect, f"{self.name} says {pattern!r}; it said\n{self.said()[-3000:]}", patience_s)
        assert isinstance(match, re.Match)
        return match

    def until_ready(self) -> WorkerProcess:
        """Wait until partitions are assigned and recovered for the first time; first, kernels may be compiled."""
        self.until_said(r"ready: \d+ partitions", 300)
        return self

    def end(self, how: signal.Signals, patience_s: float = 30.0) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(how)
        return self.process.wait(patience_s)

    def stop(self) -> int:
        """Ask it to stop, as an operator does."""
        return self.end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self.end(signal.SIGKILL)

    def ask(self, path: str) -> tuple[int, str]:
        """Ask over HTTP; return status and text."""
        address = self.until_said(r"health and meters: (http://[^/]+)/").group(1)
        try:
            with urllib.request.urlopen(address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def meter(self, name: str, **labels: str) -> float:
        """Return the sum of a meter over all of its labels that fit."""
        total = 0.0
        for line in self.ask("/metrics")[1].splitlines():
            found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if found and all(f'{label}="{value}"' in (found[1] or "") for label, value in labels.items()):
                total += float(found[2])
        return total

    @property
    def rss_mb(self) -> float:
        """Return how much memory it holds."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20


@dataclass
class Site:
    """One deployment: its settings file, its topics, its workers.

    settings       of the settings file, without what this class says itself
    """

    address: str
    prefix: str
    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    partitions: int = 4
    workers: list[WorkerProcess] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """Return the settings file, written anew."""
        path = self.folder / f"{self.prefix}settings.yaml"
        own = {
            "broker": self.address,
            "prefix": self.prefix,
            "group": f"{self.prefix}group",
            "partitions": self.partitions,
        }
        path.write_text(yaml.safe_dump({**own, **self.settings}))
        return path

    @property
    def loaded(self) -> Loaded:
        """Return the settings as a worker reads them."""
        return load(self.file)

    def make_topics(self) -> Site:
        """Make all topics of this deployment, with the settings as the first record of every partition."""
        loaded = self.loaded
        asyncio.run(create_topics(loaded.process, loaded.settings, sources=True))
        return self

    def start(self, name: str = "worker", program: tuple[str, ...] = ("-c", PROGRAM)) -> WorkerProcess:
        """Start a worker; `until_ready` waits for it."""
        log = self.folder / f"{self.prefix}{name}.log"
        began_at = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, *program, str(self.file)],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
            )  # fmt: skip
        worker = WorkerProcess(name, process, log, began_at)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()

    # What stands on the topics ---------------------------------------------------------------------------------------

    def name_of(self, topic: Topic | str) -> str:
        """Return a topic's full name."""
        return name_of(self.loaded.process, topic)

    def records(self, topic: Topic | str) -> list[list[Message]]:
        """Return all records of a topic, partition by partition."""
        return asyncio.run(self.read_records(topic))

    async def read_records(self, topic: Topic | str) -> list[list[Message]]:
        """Return all records of a topic, partition by partition."""
        process = self.loaded.process
        logs: list[list[Message]] = [[] for _ in await bounds(process, topic)]
        async for message in read(process, topic):
            logs[message.partition].append(message)
        return logs

    def ends(self, topic: Topic | str) -> dict[int, int]:
        """Return by partition the offset that its next record will have."""
        return {p: end for p, (_, end) in asyncio.run(bounds(self.loaded.process, topic)).items()}

    def committed(self) -> dict[Place, int]:
        """Return what the group has committed."""
        return asyncio.run(self._committed())

    async def _committed(self) -> dict[Place, int]:
        async with Progress(self.loaded.process) as progress:
            return await progress.committed()

    def until_folded(self, *topics: Topic | str, patience_s: float = PATIENCE_S) -> None:
        """Wait until the group has saved all that these topics hold now."""
        asyncio.run(self._until_folded(topics, patience_s))

    async def _until_folded(self, topics: Sequence[Topic | str], patience_s: float) -> None:
        async with Progress(self.loaded.process) as progress:
            try:
                await progress.until_saved(await progress.ends(*topics), patience_s)
            except TimeoutError as why:
                tails = "\n".join(f"--- {w.name}:\n{w.said()[-3000:]}" for w in self.workers)
                raise AssertionError(f"{why}\n{tails}") from None
