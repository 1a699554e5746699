"""What earlier versions wrote, kept so that what comes later is held to it.

`python -m tests.recorded` writes the state topic of version 1 of `tests.streams.engine.versions` anew, from the log
below. That is only right where its envelope (`streams.engine.pages`) has to change before anybody has saved with it.
"""

from __future__ import annotations

from pathlib import Path

from streams.engine.shard import Shard
from tests.fakes import Entry, fold_into
from tests.streams.engine.versions import VERSIONS
from topics.control import SettingsChange
from topics.metrics import METRICS, Reading
from topics.settings import Settings

FILE = Path(__file__).with_name("state_of_version_1.txt")
T0_MS = 1_700_000_000_000


def log() -> list[Entry]:
    """Return the log that was folded: settings, then readings of a few services, of each another number."""
    readings = [
        Reading(series=f"s{i % 7}/load", value=float(i % 11), at_s=T0_MS / 1000 + i)
        for i in range(300)
        if i % 7 < 5 or i % 9
    ]
    return [
        (T0_MS, SettingsChange("v1", Settings(late_s=7.0))),
        *((T0_MS + 1000 * i, reading) for i, reading in enumerate(readings)),
    ]


def record() -> str:
    """Fold the log with version 1, save all, then some, then die; return the records of the state topic as text."""
    shard, history, lines = Shard(VERSIONS[1], METRICS.name, 0), log(), []
    third = len(history) // 3
    for low, high, budget in ((0, third, float("inf")), (third, 2 * third, 150)):
        fold_into(shard, METRICS, history[low:high], start=low)
        lines += [f"{key.decode()} {value.hex()}" for key, value in shard.snapshot(budget)[0]]
    return "\n".join(lines) + "\n"


def recorded() -> dict[bytes, bytes]:
    """Return what a worker finds in the recorded state topic: the newest record of every key."""
    return {key.encode(): bytes.fromhex(raw) for key, raw in map(str.split, FILE.read_text().splitlines())}
