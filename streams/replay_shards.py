"""The fold of a replay: a log's records through the same shards as the worker's, and the words that this leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from detectors.columns import Columns
from streams.bus import Capability, capabilities, home_of, leads
from streams.connection import partition_of
from streams.engine.chunks import Chunk
from streams.engine.columns import Decoder
from streams.engine.letters import left_out
from streams.engine.origins import FORWARD, origin_of
from streams.engine.shard import Shard
from streams.replay_compare import LIFTED, Comparison, Copy, Identity, Word, compare
from streams.replay_letters import BORDER, expected
from streams.replay_logs import Heard, Span
from topics import Origin, Topic
from topics.blocklist import Lift
from topics.control import SettingsChange
from topics.dead_letters import DEAD_LETTERS
from topics.settings import Settings
from topics.signals import SIGNALS


class Replay:
    """The shards of one log, and what they say.

    count          partitions of the log
    initial        the settings before the log's first; other: these hold all along, whatever the log says
    skips          what workers isolated as faults, by capability and partition
    now            the words of the range; folded: its records; before: records folded to get there
    """

    def __init__(
        self,
        topic: Topic,
        chosen: tuple[Capability, ...],
        count: int,
        *,
        initial: Settings | None = None,
        other: Settings | None = None,
        skips: dict[tuple[str, int], dict[int, str]] | None = None,
    ) -> None:
        self.topic, self.chosen, self.count = topic, chosen, count
        self.keeps_settings = other is not None
        self._settings, self._skips = other or initial, skips or {}
        self._decoder = Decoder(topic)
        self._shards: dict[int, list[tuple[Capability, Shard]]] = {}
        self.now: dict[Identity, Word] = {}
        self.folded = self.before = 0

    def shards_of(self, partition: int) -> list[tuple[Capability, Shard]]:
        """Return the shards of a partition, made when they are first asked for."""
        if partition not in self._shards:
            self._shards[partition] = [(c, self._shard(c, partition)) for c in self.chosen]
        return self._shards[partition]

    def _shard(self, capability: Capability, partition: int) -> Shard:
        """Return an empty shard, as a worker makes it."""
        known, count = capabilities(), self.count
        shard = Shard(
            capability.bank, self.topic.name, partition, verb=capability.verb, settings=self._settings,
            owns=lambda key: partition_of(key, count) == partition, leads=leads(capability, known),
            known=frozenset({c.name for c in known} | {"ingest", FORWARD}),
        )  # fmt: skip
        shard.skips = dict(self._skips.get((capability.name, partition), {}))
        return shard

    def fold(self, chunk: Chunk, span: Span) -> None:
        """Fold a chunk up to the end of the range; keep what is said about the range."""
        columns = self._decoder.columns(chunk)
        if self.keeps_settings:
            columns.control = {i: c for i, c in columns.control.items() if not isinstance(c, SettingsChange)}
        since, until = span.since[chunk.partition], span.until[chunk.partition]
        end = int(chunk.offset.searchsorted(until))
        before = min(end, int(chunk.offset.searchsorted(since)))
        self.before, self.folded = self.before + before, self.folded + end - before
        for capability, shard in self.shards_of(chunk.partition):
            for stop in self._stops(capability, shard, min(chunk.next, until)):
                self._fold_to(stop, capability, shard, chunk, columns, span)
            if shard.leads:
                self._refuse_batches(chunk, span)

    def _stops(self, capability: Capability, shard: Shard, end: int) -> Iterable[int]:
        """Return the offsets to fold to, one after the other."""
        return (end,) if end > shard.next else ()

    def _fold_to(
        self, stop: int, capability: Capability, shard: Shard, chunk: Chunk, columns: Columns, span: Span
    ) -> None:
        start, end = int(chunk.offset.searchsorted(shard.next)), int(chunk.offset.searchsorted(stop))
        try:
            said = shard.fold(columns, start, end, stop)
        except Exception as error:
            place = f"{chunk.topic}[{chunk.partition}]@{chunk.start}..{chunk.next - 1}"
            error.add_note(f"while {capability.name} folded {place} again")
            raise
        for record in said.records:
            origin = origin_of(record)
            if span.has(origin):
                content = LIFTED + record.why.encode() if isinstance(record, Lift) else msgspec.json.encode(record)
                key = record.key().encode("utf-8", "replace")
                self._hear(
                    home_of(capability, record), Copy(partition_of(key, self.count), key, content), origin, chunk
                )
        for letter in said.letters:
            i, offset = letter.index, int(chunk.offset[letter.index])
            word = expected(self.topic, chunk.partition, offset, chunk.value(i), letter.reason, letter.stage)
            self._refuse(chunk.key(i), word, chunk, span)

    def _refuse_batches(self, chunk: Chunk, span: Span) -> None:
        """Take what could not be unpacked for refused."""
        for first, last in chunk.left_out:
            word = expected(self.topic, chunk.partition, first, None, left_out(first, last), BORDER)
            self._refuse(None, word, chunk, span)

    def _refuse(self, key: bytes | None, word: tuple[Origin, bytes], chunk: Chunk, span: Span) -> None:
        """Take a record for refused; as the host does, its letter stays in its partition where it has no key."""
        origin, content = word
        if span.has(origin):
            where = partition_of(key, self.count) if key else chunk.partition % self.count
            self._hear(DEAD_LETTERS, Copy(where, key, content), origin, chunk)

    def _hear(self, home: Topic, copy: Copy, origin: Origin, chunk: Chunk) -> None:
        at = min(int(chunk.offset.searchsorted(origin.offset)), len(chunk) - 1)
        self.now[Identity(home.name, origin)] = Word(copy, int(chunk.time_ms[at]) if len(chunk) else 0)

    @property
    def homes(self) -> tuple[Topic, ...]:
        """Return the topics that something is said on: conclusions, what is forwarded, faults, and what is refused."""
        own = (self.topic,) if FORWARD in self.speakers else ()
        faults = (SIGNALS,) if self._skips else ()
        return tuple(dict.fromkeys((*(topic for c in self.chosen for topic in c.says), *own, *faults, DEAD_LETTERS)))

    @property
    def speakers(self) -> frozenset[str]:
        """Return whose words are compared; who leads the topic forwards and refuses, too."""
        names = {c.name for c in self.chosen}
        led = any(leads(c, capabilities()) for c in self.chosen)
        return frozenset(names | {FORWARD, BORDER} if led else names)

    def compared_with(self, heard: Heard, is_pending: Callable[[Origin], bool]) -> Comparison:
        """Compare with what was heard; is_pending: whether what an origin leads to may not have been said yet."""
        homes = {topic.name: topic for topic in self.homes}
        for identity, word in self.now.items():
            heard.supersede(homes[identity.home], word.copy.key, identity.origin)
        return compare(
            self.now,
            heard.words,
            folded=dict.fromkeys(sorted(self.speakers, key=self._order), self.folded),
            is_pending=is_pending,
            is_gone=heard.may_have_had,
            is_behind=heard.is_behind,
        )

    def _order(self, name: str) -> tuple[int, str]:
        names = [c.name for c in self.chosen]
        return (names.index(name) if name in names else len(names), name)
