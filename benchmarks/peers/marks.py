"""What a peer says of itself while it drains a topic; in plain Python, since it runs in every peer's environment."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

SIZE_MS, GRACE_MS = 60_000, 1_000
"""Windows of a minute, on the clock of their partition's log, which waits a second for what is late."""


def options() -> argparse.Namespace:
    """Return what the harness asks of a peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=["noop", "windows", "map"])
    parser.add_argument("address")
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("records", type=int)
    parser.add_argument("--group", required=True)
    parser.add_argument("--folder", required=True, help="for state that outlives the process")
    parser.add_argument("--session-ms", type=int, help="the system's own default when left out")
    parser.add_argument("--style", default="", help="which of several ways of writing the job")
    return parser.parse_args()


class Marks:
    """Counts records, and prints a line before the first, when half are done, and after the last."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.done = 0
        self._next = 0

    def begin(self) -> None:
        """Note that the first records are there."""
        if self._next == 0:
            say("FIRST", 0)
            self._next = max(1, self.wanted // 2)

    def count(self, records: int = 1) -> None:
        """Note that records have been folded."""
        self.done += records
        if self.done >= self._next:
            self._mark()

    @property
    def complete(self) -> bool:
        """Whether all records have been folded."""
        return self.done >= self.wanted

    def _mark(self) -> None:
        self.begin()
        if self._next < self.wanted and self.done >= self._next:
            say("HALF", self.done)
            self._next = self.wanted
        if self._next == self.wanted and self.complete:
            say("LAST", self.done)
            self._next = self.wanted + 1


def say(word: str, records: int) -> None:
    """Print that a mark is reached: when, after how many records, and what the process has used so far."""
    status = Path("/proc/self/status").read_text()
    figures = {
        "at_s": time.perf_counter(),
        "cpu_s": time.process_time(),
        "peak_rss_mb": int(status.split("VmHWM:")[1].split()[0]) / 1024,
        "records": records,
    }
    print(word, json.dumps(figures), flush=True)
