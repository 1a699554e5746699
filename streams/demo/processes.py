"""The demo's own processes: started, killed on purpose, and gone when the demo is gone, however that came."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from streams.broker import GUARD

# The program by its module: a console script is not always where Python is.
LUMINAR = (sys.executable, "-m", "streams.cli")
STOP_S = 15.0
LINES_SHOWN = 15


class DemoFailed(RuntimeError):
    """The demo cannot go on; the message says why, and what to do about it."""


class Child:
    """One process of ours.

    name           what it is called when it fails, and its log
    command        what is run; environment: all of it
    folder         where it works, and writes its log

    It hangs on a pipe of ours, and is ended when that is closed: it outlives neither our end nor our being killed.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                # The guard ends the command when its input ends; see `streams.broker`.
                ["/bin/sh", "-c", f"exec 3<&0 </dev/null; {GUARD}", name, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=dict(environment),
                # Ctrl-C in a terminal reaches us alone: we decide in which order things stop.
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise DemoFailed if it has ended by itself."""
        status = self.process.poll()
        if status is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-LINES_SHOWN:])
            raise DemoFailed(f"{self.name} ended by itself (exit status {status}); the end of its log:\n{last}")

    async def stop(self, patience_s: float = STOP_S) -> None:
        """Ask it to end, and wait until it has; it is killed if it takes too long."""
        self.process.terminate()
        for _ in range(round(patience_s / 0.05)):
            if self.process.poll() is not None:
                break
            await asyncio.sleep(0.05)
        self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()
        stdin = self.process.stdin
        if stdin is not None and not stdin.closed:
            try:
                # Tells the guard that nothing is left to end: an ended process's number may be another's by now.
                stdin.write(b"\n")
                stdin.close()
            except BrokenPipeError:
                self.process.stdin = None
