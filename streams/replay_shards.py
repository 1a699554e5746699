"""The fold of a replay: a log's records through the same shards as the worker's, and the words that this leads to."""

from __future__ import annotations

import msgspec

from streams.bus import Capability, capabilities, home_of, leads
from streams.connection import partition_of
from streams.engine.chunks import Chunk
from streams.engine.columns import Decoder
from streams.engine.origins import FORWARD, origin_of
from streams.engine.shard import Shard
from streams.replay_compare import LIFTED, Comparison, Identity, Word, compare
from streams.replay_logs import Heard, Span
from topics import Derived, Topic
from topics.blocklist import Lift
from topics.control import SettingsChange
from topics.settings import Settings


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

    def _shards_of(self, partition: int) -> list[tuple[Capability, Shard]]:
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
        for capability, shard in self._shards_of(chunk.partition):
            try:
                said = shard.fold(columns, 0, end, min(chunk.next, until))
            except Exception as error:
                place = f"{chunk.topic}[{chunk.partition}]@{chunk.start}..{chunk.next - 1}"
                error.add_note(f"while {capability.name} folded {place} again")
                raise
            for record in said.records:
                if span.has(origin_of(record)):
                    self._hear(capability, record, chunk)

    def _hear(self, capability: Capability, record: Derived, chunk: Chunk) -> None:
        origin, content = origin_of(record), msgspec.json.encode(record)
        if isinstance(record, Lift):
            content = LIFTED + record.why.encode()
        time_ms = int(chunk.time_ms[chunk.offset.searchsorted(origin.offset)])
        identity = Identity(home_of(capability, record).name, origin)
        self.now[identity] = Word(record.key().encode("utf-8", "replace"), content, time_ms)

    @property
    def homes(self) -> tuple[Topic, ...]:
        """Return the topics that the chosen capabilities say something on, what they forward included."""
        own = (self.topic,) if FORWARD in self.speakers else ()
        return tuple(dict.fromkeys((*(topic for c in self.chosen for topic in c.says), *own)))

    @property
    def speakers(self) -> frozenset[str]:
        """Return whose words are compared; misplaced records are forwarded by the capability that leads the topic."""
        names = {c.name for c in self.chosen}
        return frozenset(names | {FORWARD} if any(leads(c, capabilities()) for c in self.chosen) else names)

    def compared_with(self, heard: Heard, committed: dict[int, int]) -> Comparison:
        """Compare with what was heard; committed: by partition, up to where the group has said and saved all."""
        homes = {topic.name: topic for topic in self.homes}
        for identity, word in self.now.items():
            heard.supersede(homes[identity.home], word.key, identity.origin)
        return compare(
            self.now,
            heard.words,
            folded=dict.fromkeys(sorted(self.speakers, key=self._order), self.folded),
            is_pending=lambda origin: origin.offset >= committed.get(origin.partition, 0),
            is_gone=lambda identity, word: heard.may_have_had(
                homes[identity.home], partition_of(word.key, self.count), identity, word
            ),
        )

    def _order(self, name: str) -> int:
        names = [c.name for c in self.chosen]
        return names.index(name) if name in names else len(names)
