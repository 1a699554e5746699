"""The processes of Luminar in the demo: a worker that can be killed and replaced, and the page."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path

from streams.demo.processes import LUMINAR, Child
from streams.demo.shop import HOST
from streams.settings import Process

SETTINGS = Path(__file__).with_name("demo.yaml")
PAGE_PORT = 8642


class Crew:
    """One worker and one page on the demo's broker; their logs are in `folder`."""

    def __init__(self, process: Process, page_port: int, folder: Path) -> None:
        # Settings that were made for another Kafka are none for the demo's. What is temporary goes with the folder.
        own = {name: value for name, value in os.environ.items() if not name.startswith("LUMINAR_")}
        self._environment = own | {"LUMINAR_BROKER": process.broker.addresses[0], "TMPDIR": str(folder)}
        self._folder = folder
        self._page_port = page_port
        self._worker: Child | None = None
        self._page: Child | None = None

    @property
    def page(self) -> str:
        """Where the page is to be seen."""
        return f"http://{HOST}:{self._page_port}/"

    def start(self) -> None:
        """Start worker and page; they come up by themselves."""
        self._worker = self._child("worker")
        self._page = self._child("web", "--port", str(self._page_port))

    async def replace_worker(self) -> None:
        """Kill the worker as a crash would, and start another."""
        assert self._worker is not None
        await asyncio.to_thread(self._worker.kill)
        self._worker = self._child("worker")

    async def watch(self) -> None:
        """Raise DemoFailed when one of them ends by itself; until cancelled."""
        while True:
            await asyncio.sleep(0.5)
            for child in (self._worker, self._page):
                if child is not None:
                    child.check()

    async def stop(self) -> None:
        """End what runs."""
        await asyncio.gather(*(child.stop() for child in (self._worker, self._page) if child is not None))

    def _child(self, *arguments: str) -> Child:
        command = (*LUMINAR, *arguments, "--settings", str(SETTINGS))
        return Child(arguments[0], command, self._environment, self._folder)


def free_port(wanted: int) -> int:
    """Return the port that is wanted if it is free, else one that is."""
    for port in (wanted, 0):
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((HOST, port))
            return int(trial.getsockname()[1])
    raise OSError(f"no port of {HOST} is free")
