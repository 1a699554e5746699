"""What is saved of every shard: the newest pages of the state topic, looked at as a worker would load them."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field

from streams.bus import Capability
from streams.connection import Say
from streams.engine import loading
from streams.engine.shard import Shard
from streams.reader import read
from streams.settings import Process
from topics.state import STATE


@dataclass(frozen=True)
class Saved:
    """What is saved of one capability for one partition.

    pages, rows    that hold something
    stale          pages that a worker of this version drops and learns again; newer: those that it leaves alone
    size_bytes     of all its newest records
    lowest, highest  where its pages stand in the log; recovery reads from the lowest
    settings       the version in force there, "" for the defaults
    """

    capability: str
    partition: int
    pages: int
    rows: int
    stale: int
    newer: int
    size_bytes: int
    lowest: int
    highest: int
    settings: str


@dataclass
class State:
    """All that is saved.

    unknown        records by capability that this program does not have
    records        how many the topic holds, old ones too; size_bytes: of the newest of every key
    figures        how well a service was provided for lately, as shares of its load: by service and figure
    """

    shards: list[Saved] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    records: int = 0
    size_bytes: int = 0
    figures: dict[str, dict[str, float]] = field(default_factory=dict)


async def read_state(process: Process, known: tuple[Capability, ...], partitions: int, say: Say) -> State:
    """Read the state topic, a partition at a time: never more than one worker's share is held."""
    state = State()
    for partition in range(partitions):
        table: dict[bytes, bytes] = {}
        async with aclosing(read(process, STATE, partitions=[partition], say=say)) as records:
            async for message in records:
                state.records += 1
                if message.value is None:
                    table.pop(message.key or b"", None)
                else:
                    table[message.key or b""] = message.value
        take_table(state, table, known, partition)
    order = {capability.name: place for place, capability in enumerate(known)}
    state.shards.sort(key=lambda saved: (order[saved.capability], saved.partition))
    return state


def take_table(state: State, table: dict[bytes, bytes], known: tuple[Capability, ...], partition: int) -> None:
    """Add what one partition's newest records say; rows are counted by the banks themselves."""
    state.size_bytes += sum(map(len, table.values()))
    names = {capability.name for capability in known}
    state.unknown.update(name for name in map(_speaker, table) if name not in names)
    for capability in known:
        own = {key: raw for key, raw in table.items() if _speaker(key) == capability.name}
        if own:
            shard = _loaded(capability, partition, own)
            state.shards.append(_saved(shard, own))
            for (service, figure), share in shard.bank.figures().items():
                state.figures.setdefault(service, {})[figure] = share


def _speaker(key: bytes) -> str:
    return key.split(b"/", 1)[0].decode("utf-8", "replace")


def _loaded(capability: Capability, partition: int, table: dict[bytes, bytes]) -> Shard:
    """Load a shard as a worker would."""
    shard = Shard(capability.bank, capability.topic.name, partition)
    # It says loudly which pages it drops; here nothing is dropped, and they are only counted.
    log = logging.getLogger(loading.__name__)
    was, log.disabled = log.disabled, True
    try:
        shard.load(table)
    finally:
        log.disabled = was
    return shard


def _saved(shard: Shard, table: dict[bytes, bytes]) -> Saved:
    """Say what a shard holds."""
    filled = [raw for key, raw in table.items() if key.rsplit(b"/", 1)[-1].isdigit() and key.count(b"/") == 2]
    size_bytes = sum(map(len, table.values()))
    lowest, highest = int(shard.positions.min()), int(shard.positions.max())
    stale, newer = shard.fates["dropped"], shard.fates["newer"]
    return Saved(
        shard.capability, shard.partition, len(filled), len(shard.bank), stale, newer, size_bytes, lowest, highest,
        shard.version,
    )  # fmt: skip
