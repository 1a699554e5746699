"""The crew: workers that are forked, struck by faults and missed, and how much memory each of them holds."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.storm.deployment import Site
from benchmarks.storm.nursery import Forked, Nursery

FEWEST, MOST = 2, 3
END_S = 30.0
ELDER_ROUNDS = 20
"""For so many rounds the eldest is spared by what kills, so that there are processes in which a leak would be seen."""
WARM_ROUNDS, ROOM_MB = 6, 48
"""A worker may take so much more memory after its first rounds, in which it has held most partitions for once."""


@dataclass
class Member:
    """One worker, what it has logged, and how much memory it held at the end of each round (MB)."""

    name: str
    forked: Forked
    log: Path
    rss_mb: list[float] = field(default_factory=list)
    excused: bool = False

    @property
    def runs(self) -> bool:
        """Say whether it has not ended."""
        return self.forked.poll() is None

    def last_words(self, size: int = 3000) -> str:
        """Return the end of what it has logged."""
        return self.log.read_text(errors="replace")[-size:]

    @property
    def grown_mb(self) -> float:
        """Return by how much it has grown after its first rounds."""
        return max(self.rss_mb[WARM_ROUNDS:], default=0.0) - max(self.rss_mb[:WARM_ROUNDS], default=0.0)


class Crew:
    """The workers of a deployment."""

    def __init__(self, site: Site, nursery: Nursery) -> None:
        self._site, self._nursery = site, nursery
        self._settings = site.file
        self.members: list[Member] = []
        self.wrong: list[str] = []

    @property
    def running(self) -> list[Member]:
        """Return those that have not ended, the eldest first."""
        return [member for member in self.members if member.runs]

    async def start(self, full: bool = False) -> Member:
        """Start one more; full: on a disk that is full."""
        name = f"worker{len(self.members) + 1}"
        log = self._site.folder / f"{self._site.prefix}{name}.log"
        member = Member(name, await self._nursery.fork(self._settings, log, full), log)
        self.members.append(member)
        return member

    async def fill(self) -> None:
        """Start as many as must be at work."""
        while len(self.running) < FEWEST:
            await self.start()

    def pick(self, chance: random.Random, count: int = 1) -> list[Member]:
        """Choose victims: an elder that has had its time first, one that has not only if there are no others."""
        eldest, *others = self.running
        chance.shuffle(others)
        if len(eldest.rss_mb) >= ELDER_ROUNDS:
            return [eldest, *others][:count]
        return [*others, eldest][:count]

    async def kill(self, victims: Sequence[Member]) -> None:
        """End these at once, as a crash would."""
        for member in victims:
            member.excused = True
            member.forked.send_signal(signal.SIGKILL)
        for member in victims:
            await member.forked.ended(END_S)

    async def stop(self, members: Sequence[Member], how: signal.Signals = signal.SIGTERM) -> None:
        """Ask these to stop, as an operator does; each must end in time, and say that all is well."""
        for member in members:
            member.excused = True
            member.forked.send_signal(how)
        for member in members:
            try:
                status = await member.forked.ended(END_S)
            except TimeoutError:
                self.wrong.append(f"{member.name} did not stop within {END_S:g} s:\n{member.last_words()}")
                await self.kill([member])
            else:
                if status and not (status == -how and "ready:" not in member.last_words(1 << 20)):
                    self.wrong.append(
                        f"{member.name} was asked to stop and ended with {status}:\n{member.last_words()}"
                    )

    def look(self) -> None:
        """Note how much memory each holds; one that has ended by itself is wrong."""
        for member in self.members:
            if member.runs:
                member.rss_mb.append(psutil.Process(member.forked.pid).memory_info().rss / 2**20)
            elif not member.excused:
                member.excused = True
                self.wrong.append(f"{member.name} ended by itself with {member.forked.poll()}:\n{member.last_words()}")

    def grown(self) -> list[str]:
        """Say who has grown by more than a worker may."""
        return [
            f"{member.name} grew by {member.grown_mb:.0f} MB in {len(member.rss_mb)} rounds, "
            f"after the first {WARM_ROUNDS}: {[round(mb) for mb in member.rss_mb]}"
            for member in self.members
            if member.grown_mb > ROOM_MB
        ]

    async def close(self) -> None:
        """End what still runs."""
        await self.kill(self.running)
        await asyncio.sleep(0)
