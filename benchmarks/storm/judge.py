"""The judge of a run on a real broker: a sequential fold of every log, against what the workers saved and said."""

from __future__ import annotations

import asyncio
import bisect
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from benchmarks.storm.deployment import Site
from streams.bus import Capability, capabilities, home_of, leads
from streams.connection import name_of, partition_of
from streams.engine.chunks import chunk_of
from streams.engine.columns import Decoder
from streams.engine.shard import Shard
from streams.reader import Message
from topics import Derived, Origin, Topic
from topics.blocklist import Lift
from topics.catalogue import ALL
from topics.control import Tick, decode_control
from topics.dead_letters import DEAD_LETTERS
from topics.state import STATE

Identity = tuple[str, str, str, int, int, int, str]
"""Of a derived record: topic it is on; capability, topic, partition, offset, phase, what."""
Letter = tuple[str, int, int, str]
"""Of a dead letter: topic, partition and offset of the record, the stage at which it was refused."""


@dataclass
class Copy:
    """A derived record as it must be: where, with which bytes, and whether it must be there already."""

    partition: int
    key: bytes | None
    value: bytes | None
    due: bool


@dataclass
class Verdict:
    """What was compared, and everything that was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def hold(self) -> Counter[str]:
        """Raise if anything was wrong; return what was compared."""
        assert not self.wrong, f"{len(self.wrong)} wrong, {dict(self.counts)}:\n" + "\n".join(self.wrong[:40])
        return self.counts


class Judge:
    """All logs of a deployment, read once, and what they must have led to.

    known          the capabilities of its workers; forged: where records stand whose origin nobody gave
    poison         by capability and partition, the offsets at which its fold fails: they must be in the dead letters
    """

    def __init__(
        self,
        site: Site,
        known: tuple[Capability, ...] | None = None,
        forged: Collection[tuple[str, int, int]] = (),
        poison: Mapping[tuple[str, int], Collection[int]] | None = None,
    ) -> None:
        self.forged, self.poison = forged, poison or {}
        self.process, self.known = site.loaded.process, capabilities() if known is None else known
        self.logs = asyncio.run(self._read(site))
        self.names = {name_of(self.process, c.topic): c.topic for c in self.known}
        self.table = {m.key: m.value for log in self.logs[STATE.name] for m in log if m.key and m.value}
        self.expected: dict[Identity, Copy] = {}
        self.letters: Counter[Letter] = Counter()
        self.reasons: dict[Letter, str] = {}
        self.rows: dict[tuple[str, int], Shard] = {}
        self.verdict = Verdict()
        self.kept = {place_of(m): reason_of(m)["reason"] for log in self.logs[DEAD_LETTERS.name] for m in log}

    async def _read(self, site: Site) -> dict[str, list[list[Message]]]:
        return {topic.name: await site.read_records(topic) for topic in ALL}

    def judge(self) -> Counter[str]:
        """Fold every log, compare rows and words; raise if anything differs, return what was compared."""
        return self.look().hold()

    def look(self) -> Verdict:
        """Fold every log, compare rows and words; return what was compared, and all that differs."""
        for capability in self.known:
            for partition in range(self.process.partitions):
                self._compare_pages(capability, partition)
        self._compare_words()
        self._compare_letters()
        for topic in {c.topic.name for c in self.known}:
            self.verdict.counts["ticks"] += sum(is_tick(m) for log in self.logs[topic] for m in log)
            self.verdict.counts["records"] += sum(len(log) for log in self.logs[topic])
        return self.verdict

    # Rows ------------------------------------------------------------------------------------------------------------

    def shard(self, capability: Capability, partition: int) -> Shard:
        """Return an empty shard, as a worker makes it."""
        partitions = self.process.partitions
        shard = Shard(
            capability.bank, capability.topic.name, partition, verb=capability.verb,
            owns=lambda key: partition_of(key, partitions) == partition,
            leads=leads(capability, self.known),
            known=frozenset({c.name for c in self.known} | {"ingest", "forward"}),
        )  # fmt: skip
        for offset in self.poison.get((capability.name, partition), ()):
            at = (name_of(self.process, capability.topic), partition, offset, capability.name)
            shard.skips[offset] = self.kept.get(at, "nobody says why")
        return shard

    def _compare_pages(self, capability: Capability, partition: int) -> None:
        where, log = f"{capability.name}/{partition}", self.logs[capability.topic.name][partition]
        saved, folded = self.shard(capability, partition), self.shard(capability, partition)
        saved.load(self.table)
        theirs, at, clock_ms = saved.contents(), 0, {}
        safe = int(saved.positions.max())
        for position in sorted({int(p) for p in saved.positions} | {log[-1].offset + 1 if log else 0}):
            until = next((i for i in range(at, len(log)) if log[i].offset >= position), len(log))
            self._fold(capability, partition, folded, log[at:until], safe)
            at, ours = until, folded.contents()
            clock_ms[position] = folded.clock_ms
            for page in np.flatnonzero(saved.positions == position).tolist():
                self.verdict.counts["pages"] += 1
                if ours[page] != theirs[page]:
                    self.verdict.wrong.append(
                        f"{where}: page {page} at {position} is not what the fold of its log gives"
                    )
                if saved.statements[page].clock_ms != clock_ms[position]:
                    self.verdict.wrong.append(f"{where}: the clock of page {page} is not that of its log at {position}")
        self.verdict.counts["rows"] += len(folded.bank)
        self.verdict.counts[f"rows of {capability.name}"] += len(folded.bank)
        self.verdict.counts["positions"] += len(set(saved.positions.tolist()))
        self.rows[capability.name, partition] = folded

    def _fold(self, capability: Capability, partition: int, shard: Shard, log: list[Message], safe: int) -> None:
        if not log:
            return
        name = name_of(self.process, capability.topic)
        chunk = chunk_of(name, partition, log[0].offset, [(m.key, m.value, m.time_ms) for m in log])
        chunk.offset = np.array([m.offset for m in log], np.int64)
        chunk.next = log[-1].offset + 1
        said = shard.fold(Decoder(capability.topic).columns(chunk), 0, len(chunk), chunk.next)
        for record in said.records:
            self._expect(capability, record, safe)
        for letter in said.letters:
            at = (name, partition, int(chunk.offset[letter.index]), letter.stage)
            self.letters[at], self.reasons[at] = 1, letter.reason

    # Words -----------------------------------------------------------------------------------------------------------

    def _expect(self, capability: Capability, record: Derived, safe: int) -> None:
        topic, key = home_of(capability, record), record.key().encode("utf-8", "replace")
        assert record.origin is not None
        value = None if isinstance(record, Lift) else msgspec.json.encode(record)
        identity = identity_of(topic, record.origin)
        assert identity not in self.expected, f"{identity} is said twice by the fold"
        where = partition_of(key, self.process.partitions)
        self.expected[identity] = Copy(where, key, value, record.origin.offset < safe)

    def _compare_words(self) -> None:
        """Hold that every word is there, all copies alike, nothing else; and that marks let each through once."""
        seen: Counter[Identity] = Counter()
        accepted: Counter[Identity] = Counter()
        for topic in ALL:
            for partition, log in enumerate(self.logs[topic.name]):
                self._hear(topic, partition, log, seen, accepted)
        lost = [i for i, copy in self.expected.items() if copy.due and i not in seen]
        self.verdict.wrong += [f"{identity} was never said" for identity in lost]
        self.verdict.wrong += [
            f"{i} was taken {accepted[i]} times" for i in seen if i in self.expected and accepted[i] != 1
        ]
        self.verdict.counts["words"] = len(seen)
        self.verdict.counts["repeated words"] = seen.total() - len(seen)
        for identity in seen:
            self.verdict.counts[f"{identity[1]} -> {identity[0]}"] += 1

    def _hear(
        self, topic: Topic, partition: int, log: list[Message], seen: Counter[Identity], accepted: Counter[Identity]
    ) -> None:
        marks: dict[tuple[str, str, int], tuple[int, int, str]] = {}
        for message in log:
            origin = origin_of(topic, message)
            if origin is None or origin.capability not in self._speakers:
                continue
            if (message.topic, message.partition, message.offset) in self.forged:
                continue
            identity = identity_of(topic, origin)
            seen[identity] += 1
            copy = self.expected.get(identity)
            if copy is None:
                self.verdict.wrong.append(f"{identity} is nothing that the fold says: {message.value!r}")
            elif (copy.partition, copy.key, copy.value) != (partition, message.key, message.value):
                self.verdict.wrong.append(f"{identity} differs: {message!r} is not {copy}")
            source, mark = identity[1:4], identity[4:]
            if marks.get(source, (-1, -1, "")) < mark:
                marks[source] = mark
                accepted[identity] += 1

    @property
    def _speakers(self) -> set[str]:
        return {c.name for c in self.known} | {"forward"}

    def _compare_letters(self) -> None:
        """Hold that what could not be used is kept as it came, with the fold's reason, and nothing else is."""
        found: Counter[Letter] = Counter()
        for log in self.logs[DEAD_LETTERS.name]:
            for message in log:
                head, at = reason_of(message), place_of(message)
                if at[0] not in self.names:
                    continue
                found[at] += 1
                if self.reasons.get(at) != head["reason"]:
                    self.verdict.wrong.append(
                        f"{at} is kept because {head['reason']!r}, the fold says {self.reasons.get(at)!r}"
                    )
                origin = self.logs[self.names[at[0]].name][at[1]]
                came = origin[bisect.bisect_left(origin, at[2], key=lambda one: one.offset)]
                if (came.offset, came.value) != (at[2], message.value):
                    self.verdict.wrong.append(f"{at} is not kept as it came")
        self.verdict.wrong += [
            f"{at} is not in the dead letters: {self.reasons[at]}" for at in self.letters if at not in found
        ]
        self.verdict.counts["letters"] = len(found)
        self.verdict.counts["repeated letters"] = found.total() - len(found)


def identity_of(topic: Topic, origin: Origin) -> Identity:
    """Return what tells a derived record from all others."""
    return (topic.name, origin.capability, origin.topic, origin.partition, origin.offset, *origin.subject)


def origin_of(topic: Topic, message: Message) -> Origin | None:
    """Return the origin of a record, if it has one."""
    if not topic.records:
        return None
    if message.value is None:
        raw = dict(message.headers).get("origin")
        return None if raw is None else msgspec.json.decode(raw, type=Origin)
    try:
        record: Any = topic.decoder().decode(message.value)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return record.origin if isinstance(record, Derived) else None


def reason_of(letter: Message) -> dict[str, str]:
    """Return a dead letter's headers."""
    return {name: value.decode() for name, value in letter.headers}


def place_of(letter: Message) -> Letter:
    """Return which record a dead letter is about, and the stage at which it was refused."""
    head = reason_of(letter)
    return head["topic"], int(head["partition"]), int(head["offset"]), head["stage"]


def is_tick(message: Message) -> bool:
    """Say whether a record says that time passed."""
    if not message.value or b'"tick"' not in message.value:
        return False
    try:
        return isinstance(decode_control(message.value), Tick)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
