"""The judge of a schedule: a sequential fold of every log, by shards that never saw it, against what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from faust.types import TP

from benchmarks.simulation.banks import First
from benchmarks.simulation.kafka import Entry, Log
from benchmarks.simulation.worker import PARTITIONS, Worker
from benchmarks.simulation.world import World
from detectors.columns import Flags, Ints, Origins, Source
from streams.bus import Capability, home_of, leads
from streams.connection import partition_of
from streams.engine.columns import Decoder
from streams.engine.marks import Marks
from streams.engine.origins import FORWARD
from streams.engine.shard import Shard
from topics import Derived, Origin
from topics.dead_letters import DEAD_LETTERS
from topics.state import STATE

Word = tuple[str, Origin]
"""The identity of what is said: topic and origin."""


class _Origins(msgspec.Struct, gc=False):
    origin: Origin | None = None


_decode = msgspec.json.Decoder(_Origins).decode


class Seen(Marks):
    """Remembers all that was had, and no order of it."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[Source, int, int, bytes]] = set()

    def take(self, origins: Origins, which: Ints, pages: Ints, keep: Flags, dirty: Flags) -> int:
        """Accept what was never seen; return how many were."""
        had = 0
        for i in which.tolist():
            source = origins.sources[int(origins.source[i])]
            identity = source, int(origins.offset[i]), int(origins.phase[i]), origins.what[i]
            keep[i] = identity not in self._seen
            had += not keep[i]
            self._seen.add(identity)
        return had


class Once(Shard):
    """A shard without marks: it cannot share a mistake of theirs."""

    def _reset(self) -> None:
        super()._reset()
        self.marks = Seen()


def origin_of(entry: Entry) -> Origin | None:
    """Return the origin of a record, if it has one."""
    if entry.value is None or b'"origin"' not in entry.value:
        return None
    return _decode(entry.value).origin


@dataclass
class Fold:
    """What the sequential folds give: the shards, the words by identity, and the dead letters."""

    shards: dict[tuple[str, int], Shard]
    words: dict[Word, tuple[int, Entry]]
    letters: dict[tuple[str, int, int, str], bytes | None]


def fold(world: World) -> Fold:
    """Fold every log once, from its beginning, without repetitions."""
    found = Fold({}, {}, {})
    for capability in world.newer:
        for partition in range(PARTITIONS):
            _fold_log(world, capability, world.logs[TP(capability.topic.name, partition)], found)
    return found


def shard_of(world: World, capability: Capability, partition: int, kind: type[Shard]) -> Shard:
    """Return an empty shard, as a worker makes it."""
    shard = kind(
        capability.bank, capability.topic.name, partition,
        owns=lambda key: partition_of(key, PARTITIONS) == partition, leads=leads(capability, world.newer),
        known=frozenset({c.name for c in world.newer} | {"ingest", FORWARD}),
    )  # fmt: skip
    if capability.name == First.capability:
        shard.skips = {offset: "poison" for where, offset in world.poisoned if where == partition}
    return shard


def _fold_log(world: World, capability: Capability, log: Log, found: Fold) -> None:
    chunk = log.chunk(log.first, len(log.entries))
    shard = shard_of(world, capability, log.partition, Once)
    found.shards[capability.name, log.partition] = shard
    said = shard.fold(Decoder(capability.topic).columns(chunk), 0, len(chunk), log.next)
    for record in said.records:
        _expect(capability, record, found)
    for letter in said.letters:
        offset, value = int(chunk.offset[letter.index]), chunk.value(letter.index)
        found.letters[log.topic, log.partition, offset, letter.stage] = value


def _expect(capability: Capability, record: Derived, found: Fold) -> None:
    assert record.origin is not None
    key = record.key().encode()
    word = home_of(capability, record).name, record.origin
    found.words[word] = partition_of(key, PARTITIONS), Entry(key, msgspec.json.encode(record))


def judge_words(world: World, reference: Fold) -> list[str]:
    """Return what is wrong with what was said and committed on the way, and which workers failed."""
    problems = [*world.problems, *(f"{w}: {problem}" for w in world.workers for problem in w.problems)]
    return problems + _compare_words(world, reference) + _compare_letters(world, reference)


def judge_left(world: World, last: Worker, reference: Fold) -> list[str]:
    """Return what is wrong with the rows of the worker that was left with everything."""
    problems = []
    for (name, partition), folded in reference.shards.items():
        held = last.host.held.get((name, TP(folded.topic, partition)))
        if held is None:
            problems.append(f"nobody holds {name}/{partition} in the end")
            continue
        problems += _compare_shards(f"{name}/{partition} as it was left", held.shard, folded)
        for offset, why in held.shard.skips.items():
            if (partition, offset) not in world.poisoned:
                problems.append(f"{name}/{partition} left out @{offset}, which is no poison: {why}")
    return problems


def judge_saved(world: World, reference: Fold) -> list[str]:
    """Return what is wrong with what was saved and committed, once everybody has left."""
    problems = list(world.problems)
    for capability in world.newer:
        for partition in range(PARTITIONS):
            tp, where = TP(capability.topic.name, partition), f"{capability.name}/{partition} as it was saved"
            log, shard = world.logs[tp], shard_of(world, capability, partition, Shard)
            shard.load(world.logs[TP(STATE.name, partition)].table, log.first, log.next)
            if world.committed.get(tp) != log.next:
                problems.append(f"{tp.topic}[{partition}] is committed up to {world.committed.get(tp)} of {log.next}")
            problems += _compare_shards(where, shard, reference.shards[capability.name, partition])
    return problems


def _compare_shards(where: str, shard: Shard, folded: Shard) -> list[str]:
    facts: tuple[tuple[str, Callable[[Shard], Any]], ...] = (
        ("next", lambda s: s.next), ("clock_ms", lambda s: s.clock_ms), ("version", lambda s: s.version),
        ("lesson", lambda s: (s.lessons.at, s.lessons.content)),
    )  # fmt: skip
    problems = [
        f"{where}: {name} is {fact(shard)}, not {fact(folded)}" for name, fact in facts if fact(shard) != fact(folded)
    ]
    for page in range(len(folded.positions)):
        if shard.bank.take(page) != folded.bank.take(page):
            problems.append(f"{where}: page {page} is not what the fold of its log gives")
    return problems


def _compare_words(world: World, reference: Fold) -> list[str]:
    problems, seen = [], Counter[Word]()
    for tp, log in world.logs.items():
        if tp.topic == STATE.name:
            continue
        for offset, entry in zip(log.offsets, log.entries, strict=True):
            origin = origin_of(entry)
            if origin is None or origin.capability == "stranger":
                continue
            expected = reference.words.get((tp.topic, origin))
            if expected is None:
                problems.append(f"{tp.topic}[{tp.partition}]@{offset} is nothing that the fold says: {entry.value!r}")
            elif expected != (tp.partition, entry):
                problems.append(f"{tp.topic}[{tp.partition}]@{offset} differs: {entry} is not {expected}")
            seen[tp.topic, origin] += 1
    problems += [f"never said: {topic} {origin}" for topic, origin in reference.words if (topic, origin) not in seen]
    world.events["words"] += len(seen)
    world.events["repeated"] += seen.total() - len(seen)
    return problems


def _compare_letters(world: World, reference: Fold) -> list[str]:
    problems, seen = [], set()
    for partition in range(PARTITIONS):
        for entry in world.logs[TP(DEAD_LETTERS.name, partition)].entries:
            head = {name: value.decode() for name, value in entry.headers}
            at = head["topic"], int(head["partition"]), int(head["offset"]), head["stage"]
            if at not in reference.letters:
                problems.append(f"{at} is in the dead letters for no reason: {head['reason']}")
            elif reference.letters[at] != entry.value:
                problems.append(f"{at} is not kept as it came")
            seen.add(at)
    problems += [f"not in the dead letters: {at}" for at in reference.letters if at not in seen]
    return problems
