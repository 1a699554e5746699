"""What a worker holds: shards, and the partitions that they read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from streams import meters
from streams.bus import Capability
from streams.engine.shard import Shard

Outcome = Literal["again", "leave out", "stop"]
"""again: fold from the pages once more; leave out: and do so without the first record; stop: that was tried already."""

LOADING = "its pages are being loaded"
"""Why a shard does not go on for a moment, after a fault."""


@dataclass
class Held:
    """A shard that this worker holds.

    suspect        after a fault: the offsets in which it lies, folded one record at a time when it comes again
    failed_alone   the offset of the record that failed last by itself; -1: none did
    stopped        why the shard does not go on, if it does not
    saved          the offset from which its saved pages are to be folded on: none before it is needed any more
    over           the services that raised more than was promised when it was measured last, and how many times more
    """

    capability: Capability
    shard: Shard
    suspect: tuple[int, int] | None = None
    stepping: bool = False
    failed_alone: int = -1
    stopped: str = ""
    saved: int = 0
    over: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look its meters up once: a step of a small chunk costs little more than that."""
        name = self.capability.name
        self.folded, self.fold_s = meters.records.labels(name), meters.fold_s.labels(name)
        self.replayed = meters.replayed.labels(name)

    def after_fault(self, first: int, last: int, records: int) -> Outcome:
        """Say what is to be done after a fault in the offsets first..last-1, where there are so many records.

        A record is left out when it fails alone for the second time. The first time may be chance, as want of memory
        is, and what one worker leaves out and another does not would be said in two ways.
        """
        alone = self.stepping and records == 1
        twice = alone and first == self.failed_alone
        self.failed_alone = first if alone and not twice else -1
        self.stepping = self.stepping or (self.suspect is not None and first < self.suspect[1])
        self.suspect = (first, max(last, self.suspect[1] if self.suspect else last))
        if not twice:
            return "again"
        return "stop" if first in self.shard.skips else "leave out"


@dataclass
class Part:
    """A partition held: where its log began and ended, when something last came, which settings were said, and when."""

    first: int
    heard_s: float
    end: int = 0
    settings_said: str = ""
    settings_said_s: float = 0.0
