"""The nursery: a process that has loaded the workers' program and its kernels, and forks a worker whenever it is told.

So a worker is there in a tenth of a second, and takes no time from those that recover. `python -m
benchmarks.storm.nursery` reads orders from its input, a line of JSON each, and says who was forked and who ended.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import select
import signal
import sys
from collections import deque
from pathlib import Path
from typing import NoReturn

from benchmarks.storm.poisoned import Poisoned, counting
from streams.bus import capabilities
from streams.kernels import compile_all
from streams.settings import load
from streams.worker import run

KNOWN = (*capabilities(), counting(Poisoned))
"""What the workers of a storm do: all that ours do, and one thing that fails."""

ASKED_TO_STOP = (signal.SIGTERM, signal.SIGINT)


def limit_disk(pid: int, full: bool) -> None:
    """Let a process write no file any more, as on a full disk, or let it again; it reads and sends as before."""
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if full else most, most))


def main() -> None:
    """Fork workers until the input ends; none of them outlives this process."""
    compile_all(KNOWN)
    gc.collect()
    gc.freeze()
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in ASKED_TO_STOP:  # What ends a storm ends its nursery by the end of its input.
        signal.signal(number, signal.SIG_IGN)
    orders, alive = os.fdopen(0, "rb", buffering=0, closefd=False), set[int]()
    print("warm", flush=True)
    while True:
        ready, _, _ = select.select([awake, orders.fileno()], [], [])
        if awake in ready:
            os.read(awake, 4096)
        _bury(alive)
        if orders.fileno() in ready:
            line = orders.readline()
            if not line:
                break
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                os.close(awake)
                os.close(wake)
                _become_worker(**json.loads(line))
            alive.add(pid)
            print("forked", pid, flush=True)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _bury(alive: set[int]) -> None:
    """Say who has ended, and how."""
    for pid in list(alive):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            alive.remove(pid)
            print("ended", pid, os.waitstatus_to_exitcode(status), flush=True)


def _become_worker(settings: str, log: str, full: bool) -> NoReturn:
    os.setsid()
    for number in (signal.SIGCHLD, *ASKED_TO_STOP):
        signal.signal(number, signal.SIG_DFL)
    out, nothing = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), os.open(os.devnull, os.O_RDONLY)
    for fd, instead in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(fd, instead)
    limit_disk(os.getpid(), full)
    run(load(settings), known=KNOWN)
    sys.exit()


class Forked:
    """A worker that the nursery has forked: what a `subprocess.Popen` is to those who only wait and send signals."""

    def __init__(self, pid: int) -> None:
        self.pid, self.returncode = pid, asyncio.get_running_loop().create_future()

    def poll(self) -> int | None:
        """Return how it ended, None while it runs; a negative number is a signal's."""
        return self.returncode.result() if self.returncode.done() else None

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if not self.returncode.done():
            os.kill(self.pid, number)

    async def ended(self, patience_s: float) -> int:
        """Wait until it has ended, and return how."""
        return int(await asyncio.wait_for(asyncio.shield(self.returncode), patience_s))


class Nursery:
    """The nursery, for those who give the orders."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process
        self._unborn: deque[asyncio.Future[Forked]] = deque()
        self._children: dict[int, Forked] = {}

    async def __aenter__(self) -> Nursery:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.storm.nursery", cwd=Path(__file__).parents[2],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert self._process.stdout is not None
        said = await self._process.stdout.readline()
        assert said == b"warm\n", f"the nursery says {said!r}"
        self._listening = asyncio.create_task(self._listen(self._process.stdout))
        return self

    async def _listen(self, said: asyncio.StreamReader) -> None:
        async for line in said:
            word, *numbers = line.split()
            if word == b"forked":
                child = self._children[int(numbers[0])] = Forked(int(numbers[0]))
                self._unborn.popleft().set_result(child)
            else:
                self._children.pop(int(numbers[0])).returncode.set_result(int(numbers[1]))

    async def fork(self, settings: Path, log: Path, full: bool = False) -> Forked:
        """Fork a worker; full: its disk is, from the beginning."""
        assert self._process.stdin is not None
        born: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self._unborn.append(born)
        order = {"settings": str(settings), "log": str(log), "full": full}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return await born

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._listening


if __name__ == "__main__":
    main()
