"""One run of a peer: a broker of its own, filled beforehand, on core 0; the peer on core 1; what it measured."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import create, fill, subject
from benchmarks.harness import drain as drain_ours
from benchmarks.peers.environments import ROOT
from benchmarks.peers.roster import LUMINAR, Peer
from benchmarks.workloads import ANSWERS, SAMPLES, WINDOWS, Samples
from streams.broker import Broker

TOPICS = (SAMPLES.name, WINDOWS.name, ANSWERS.name, "state", "dead-letters", "settings")
CORE = 1


class PeerFailed(RuntimeError):
    """A peer ended before it had done its job, or did not do it in time; the message has its last words."""


class Template:
    """A folder of a stopped broker whose topic is filled; every run gets a copy, so that none sees another's traces."""

    def __init__(self, folder: Path, samples: Samples | None = None) -> None:
        self.folder = folder
        with Broker(folder) as kafka:
            asyncio.run(_fill(kafka.address, samples))
        (folder / "ports.json").unlink()

    @contextmanager
    def broker(self) -> Iterator[str]:
        """Run a broker on a copy, on core 0, where this process is too meanwhile; give its address."""
        with _on_core(0), tempfile.TemporaryDirectory(prefix="luminar-peers-") as scratch:
            data = Path(scratch) / "kafka"
            shutil.copytree(self.folder, data)
            kafka = Broker(data)
            kafka.start()
            try:
                yield kafka.address
            finally:
                kafka.kill()


@contextmanager
def _on_core(number: int) -> Iterator[None]:
    """Stay on one core; what is started meanwhile stays there from its first instruction on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number % (os.cpu_count() or 1)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def _fill(address: str, samples: Samples | None) -> None:
    await create(address, TOPICS, stamp="LogAppendTime" if samples is None else "CreateTime")
    if samples is not None:
        rows = range(len(samples.ids))
        entries = ((b"s%d" % samples.ids[i], samples.json(i), int(samples.ts[i])) for i in rows)
        await fill(address, SAMPLES.name, entries)


class Member:
    """A process of a system under test."""

    def __init__(self, process: subprocess.Popen[str], log: Path | None = None) -> None:
        self.process = process
        self.log = log

    def kill(self) -> None:
        """End it at once, as a crash would, if it has not ended by itself."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def marks(self, limit_s: float) -> dict[str, dict[str, float]]:
        """Return what it says of itself until it ends; raises PeerFailed if it fails or takes too long."""
        marks: dict[str, dict[str, float]] = {}
        patience = threading.Timer(limit_s, self.process.kill)
        patience.start()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, _, figures = line.partition(" ")
            if word in ("FIRST", "HALF", "LAST"):
                marks[word] = json.loads(figures)
        patience.cancel()
        code = self.process.wait()
        if code or len(marks) < 3:
            raise PeerFailed(f"ended with {code} after {sorted(marks)} (limit {limit_s:g} s):\n{self.last_words()}")
        return marks

    def last_words(self) -> str:
        """Return the end of what it wrote to its log."""
        return "" if self.log is None else self.log.read_text(errors="replace")[-3000:]


class Application(NamedTuple):
    """What the members of one application share.

    address        of the broker
    group          their consumer group
    folder         for state that outlives a process
    session_ms     after which a silent member is taken for dead; None: the system's default
    """

    address: str
    group: str
    folder: Path
    session_ms: int | None = None


@contextmanager
def running(peer: Peer, job: str, application: Application, records: int = 0) -> Iterator[Member]:
    """Run a member of an application on the system's core."""
    address, group, folder, session_ms = application
    if peer.name == LUMINAR:
        with subject(address, job, records=records, group=group) as process:
            member = Member(process)
            try:
                yield member
            finally:
                member.kill()
        return
    output = ANSWERS if job == "map" else WINDOWS
    command = [*peer.program(), job, address, SAMPLES.name, output.name, str(records)]
    command += ["--group", group, "--folder", str(folder)]
    command += ["--style", peer.style] if peer.style else []
    command += ["--session-ms", str(session_ms)] if session_ms else []
    log = folder / f"{uuid.uuid4().hex}.log"
    with _on_core(CORE), log.open("w") as words:
        started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=words, text=True)
    member = Member(started, log)
    try:
        yield member
    finally:
        member.kill()


@contextmanager
def application(address: str, session_ms: int | None = None) -> Iterator[Application]:
    """Give a new application a group, and a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="luminar-peer-") as folder:
        yield Application(address, f"peer-{uuid.uuid4().hex[:8]}", Path(folder), session_ms)


def drain(peer: Peer, job: str, address: str, records: int, limit_s: float) -> dict[str, float]:
    """Let a system drain the topic; return what it measured between its first record and its last."""
    if peer.name == LUMINAR:
        return drain_ours(address, job, records)
    with application(address) as one, running(peer, job, one, records) as member:
        marks = member.marks(limit_s)
    first, half, last = (marks[word] for word in ("FIRST", "HALF", "LAST"))
    return {
        "seconds": last["at_s"] - first["at_s"],
        "second_half_per_s": (last["records"] - half["records"]) / (last["at_s"] - half["at_s"]),
        "cpu_s": last["cpu_s"] - first["cpu_s"],
        "peak_rss_mb": last["peak_rss_mb"],
        "folded": last["records"],
    }
