"""One run of a system: topics of its own on a broker on core 0, the system on core 1, and what it says of itself."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import Result, Site
from benchmarks.peers.environments import ROOT
from benchmarks.peers.roster import LUMINAR, OURS_MS, Peer
from benchmarks.workloads import ANSWERS, SAMPLES, WINDOWS

TOPICS = (SAMPLES.name, WINDOWS.name, ANSWERS.name, "state", "dead-letters", "settings")
CORE = 1


class PeerFailed(RuntimeError):
    """A peer ended before it had done its job, or did not do it in time; the message has its last words."""


@contextmanager
def broker() -> Iterator[str]:
    """Run a broker on core 0, where this process is too meanwhile; give its address."""
    with on_core(0), harness.broker() as address:
        yield address


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """Stay on one core; what is started meanwhile stays there from its first instruction on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number % (os.cpu_count() or 1)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Member:
    """A process of a system under test."""

    def __init__(self, process: subprocess.Popen[str], log: Path | None = None) -> None:
        self.process = process
        self.log = log

    def kill(self) -> None:
        """End it at once, as a crash would, if it has not ended by itself."""
        self.process.kill()
        self.process.wait()

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


class Application:
    """What the members of one application share: their topics and group, a folder, and how soon one is taken for dead.

    folder         for state that outlives a process
    session_ms     after which a silent member is taken for dead; None: the system's default
    """

    def __init__(self, peer: Peer, site: Site, folder: Path, session_ms: int | None = None) -> None:
        self.peer, self.site, self.folder, self.session_ms = peer, site, folder, session_ms

    def topic(self, name: str) -> str:
        """Return the full name of one of its topics."""
        return self.site.process.prefix + name

    @contextmanager
    def running(self, job: str, records: int = 0) -> Iterator[Member]:
        """Run a member on the system's core; it is killed at the end."""
        if self.peer.name == LUMINAR:
            with self.site.worker(job, core=CORE, session_timeout_s=(self.session_ms or OURS_MS) / 1000) as process:
                yield Member(process)
            return
        command, log = self._command(job, records), self.folder / f"{uuid.uuid4().hex}.log"
        with on_core(CORE), log.open("w") as words:
            started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=words, text=True)
        with started as process:
            member = Member(process, log)
            try:
                yield member
            finally:
                member.kill()

    def _command(self, job: str, records: int) -> list[str]:
        output = self.topic((ANSWERS if job == "map" else WINDOWS).name)
        command = [*self.peer.program(), job, self.site.address, self.topic(SAMPLES.name), output, str(records)]
        command += ["--group", self.site.process.group, "--folder", str(self.folder)]
        command += ["--style", self.peer.style] if self.peer.style else []
        return command + (["--session-ms", str(self.session_ms)] if self.session_ms else [])


@contextmanager
def application(peer: Peer, address: str, session_ms: int | None = None) -> Iterator[Application]:
    """Give a new application a group and topics of its own, which are still to be made, and a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="luminar-peer-") as folder:
        yield Application(peer, Site(address), Path(folder), session_ms)


def drain(one: Application, job: str, records: int, limit_s: float) -> Result:
    """Let a system drain the topic; return what it measured between its first record and its last."""
    if one.peer.name == LUMINAR:
        return one.site.drain(job)
    with one.running(job, records) as member:
        marks = member.marks(limit_s)
    first, half, last = (marks[word] for word in ("FIRST", "HALF", "LAST"))
    return {
        "seconds": last["at_s"] - first["at_s"],
        "second_half_per_s": (last["records"] - half["records"]) / (last["at_s"] - half["at_s"]),
        "cpu_s": last["cpu_s"] - first["cpu_s"],
        "peak_rss_mb": last["peak_rss_mb"],
        "folded": last["records"],
    }
