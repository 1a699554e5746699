"""What a worker holds: shards, and the partitions that they read."""

from __future__ import annotations

from dataclasses import dataclass

from streams import meters
from streams.bus import Capability
from streams.engine.shard import Shard


@dataclass
class Held:
    """A shard that this worker holds.

    suspect        after a fault: the offsets in which it lies, folded one record at a time when it comes again
    stopped        why the shard does not go on, if it does not
    """

    capability: Capability
    shard: Shard
    suspect: tuple[int, int] | None = None
    stepping: bool = False
    stopped: str = ""

    def __post_init__(self) -> None:
        """Look its meters up once: a step of a small chunk costs little more than that."""
        name = self.capability.name
        self.folded, self.fold_s = meters.records.labels(name), meters.fold_s.labels(name)
        self.replayed = meters.replayed.labels(name)


@dataclass
class Part:
    """A partition held: where its log begins, when something last came, and which settings were said, when."""

    first: int
    heard_s: float
    settings_said: str = ""
    settings_said_s: float = 0.0
