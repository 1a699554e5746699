"""The logs of a replay: what is folded again, read in chunks, and what was said then, found by its origins."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import replay_letters
from streams.connection import Say, TopicMissing, connection, missing, name_of, once_there, partition_counts
from streams.engine import fetching
from streams.engine.chunks import Chunk
from streams.reader import Message, bounds, read
from streams.replay_compare import LIFTED, Copy, Identity, Word
from streams.settings import Process
from topics import Origin, Topic
from topics.dead_letters import DEAD_LETTERS

POLL_MS = 200
CHUNK_BYTES = 1 << 20
Moment = Literal["beginning", "now"] | float
Place = tuple[int, tuple[int, str]]
NOWHERE: Place = (-1, (-1, ""))


@dataclass(frozen=True)
class Span:
    """A part of a log, by partition: where it begins, and the range since..until that counts.

    known          by speaker and partition, the offset before which it is not known what had to be said
    """

    begins: Mapping[int, int]
    since: Mapping[int, int]
    until: Mapping[int, int]
    known: Mapping[tuple[str, int], float] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether the log still has its first record."""
        return not any(self.begins.values())

    def has(self, origin: Origin) -> bool:
        """Say whether the record of an origin is in the range."""
        at, known = origin.partition, self.known.get((origin.capability, origin.partition), 0)
        return at in self.since and max(self.since[at], known) <= origin.offset < self.until[at]


async def span_of(process: Process, topic: Topic, since: Moment, until: Moment, say: Say) -> Span:
    """Find a part of a log; raises TopicMissing."""
    name = name_of(process, topic)
    count = (await partition_counts(process, say)).get(name)
    if count is None:
        raise TopicMissing(missing(name))
    chosen = [TopicPartition(name, number) for number in range(count)]
    async with _consumer(process, say) as consumer:
        begins, ends = dict(await consumer.beginning_offsets(chosen)), dict(await consumer.end_offsets(chosen))

        async def places(at: Moment) -> dict[int, int]:
            if isinstance(at, str):
                return {one.partition: (begins if at == "beginning" else ends)[one] for one in chosen}
            times = await consumer.offsets_for_times({one: int(at * 1000) for one in chosen})
            found = {one: ends[one] if times[one] is None else times[one].offset for one in chosen}
            return {one.partition: max(begins[one], min(ends[one], found[one])) for one in chosen}

        return Span({one.partition: begins[one] for one in chosen}, await places(since), await places(until))


async def chunks(
    process: Process, topic: Topic, starts: Mapping[int, int], ends: Mapping[int, int], say: Say
) -> AsyncGenerator[Chunk, None]:
    """Read partitions from an offset to another without a group, in chunks as a worker gets them.

    The last chunk of a partition may reach beyond its end.
    """
    name = name_of(process, topic)
    open_ones = {TopicPartition(name, p): end for p, end in ends.items() if starts[p] < end}
    if not open_ones:
        return
    with _delivered_in_chunks(name):
        async with _consumer(process, say) as consumer:
            consumer.assign(list(open_ones))
            for at in open_ones:
                consumer.seek(at, starts[at.partition])
            while open_ones:
                for at, found in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                    for chunk in found:
                        yield chunk
                        if at in open_ones and chunk.next >= open_ones[at]:
                            consumer.pause(at)
                            del open_ones[at]


@contextmanager
def _delivered_in_chunks(name: str) -> Iterator[None]:
    """While it lasts, consumers of this process get a topic in chunks."""
    fetching.install()
    fetching.hot.add(name)
    try:
        yield
    finally:
        fetching.hot.discard(name)


@asynccontextmanager
async def _consumer(process: Process, say: Say) -> AsyncIterator[AIOKafkaConsumer]:
    consumer: AIOKafkaConsumer | None = None

    async def start() -> None:
        nonlocal consumer
        consumer = AIOKafkaConsumer(
            **connection(process), group_id=None, enable_auto_commit=False, auto_offset_reset="earliest",
            max_partition_fetch_bytes=CHUNK_BYTES, fetch_max_wait_ms=POLL_MS // 2, isolation_level="read_committed",
        )  # fmt: skip
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise

    await once_there(process, start, say)
    assert consumer is not None
    try:
        yield consumer
    finally:
        await consumer.stop()


# What was said then --------------------------------------------------------------------------------------------------


class _Signed(msgspec.Struct, frozen=True, gc=False):
    """Of a record, its origin only."""

    origin: Origin | None = None


_origin_of = msgspec.json.Decoder(_Signed).decode
_decode_origin = msgspec.json.Decoder(Origin).decode
MARK = b'"origin"'


@dataclass
class Heard:
    """What some capabilities said on some topics.

    words          the differing copies of each word of the range
    newest         of each key of a compacted topic, the place of its newest word, whether in the range or not
    holes          topics and partitions that have lost records, and the append time of the oldest that is left: -1 if
                   that is the first of all, infinite if none is left
    behind         words whose first copy stands behind words that come after them
    """

    words: dict[Identity, tuple[Copy, ...]] = field(default_factory=dict)
    newest: dict[tuple[str, bytes | None], Place] = field(default_factory=dict)
    holes: dict[tuple[str, int], float] = field(default_factory=dict)
    behind: set[Identity] = field(default_factory=set)
    _marks: dict[tuple[str, int, str, int], Place] = field(default_factory=dict)

    def hear(self, topic: Topic, copy: Copy, origin: Origin, span: Span) -> None:
        """Take one record that has an origin in the log that is replayed."""
        self.supersede(topic, copy.key, origin)
        identity = Identity(topic.name, origin)
        source = (topic.name, copy.partition, origin.capability, origin.partition)
        mark, place = self._marks.get(source, NOWHERE), (origin.offset, origin.subject)
        if span.has(origin):
            copies = self.words.get(identity, ())
            if not copies and place <= mark and topic.records:  # Nobody keeps marks on dead letters.
                self.behind.add(identity)
            if copy not in copies:
                self.words[identity] = (*copies, copy)
        self._marks[source] = max(mark, place)

    def is_behind(self, identity: Identity) -> bool:
        """Say whether readers pass a word over, for it first stands behind words that come after it.

        Where a topic has lost records, the first copy may be among them, and nobody knows.
        """
        (copy, *_) = self.words[identity]
        return identity in self.behind and (identity.home, copy.partition) not in self.holes

    def supersede(self, topic: Topic, key: bytes | None, origin: Origin) -> None:
        """Note that a key of a compacted topic had a word from there: those before it need not be kept."""
        if topic.compact:
            place = (origin.offset, origin.subject)
            self.newest[topic.name, key] = max(self.newest.get((topic.name, key), NOWHERE), place)

    def may_have_had(self, identity: Identity, word: Word) -> bool:
        """Say whether a word that its topic does not have may have been there: past its time, or compacted away."""
        copy, home = word.copy, identity.home
        oldest_ms = self.holes.get((home, copy.partition))
        if oldest_ms is None:
            return False
        if word.time_ms <= oldest_ms:
            return True
        place = (identity.origin.offset, identity.origin.subject)
        return place < self.newest.get((home, copy.key), NOWHERE) or copy.content.startswith(LIFTED)


async def hear(
    process: Process, homes: tuple[Topic, ...], speakers: frozenset[str], topic: Topic, span: Span, say: Say
) -> Heard:
    """Read what the speakers said on their topics about a part of a log."""
    heard = Heard()
    for home in homes:
        async with aclosing(_records(process, home, heard, say)) as records:
            async for message in records:
                found = _found(message) if home is not DEAD_LETTERS else replay_letters.heard(message, process, topic)
                if found is not None and found[0].capability in speakers and found[0].topic == topic.name:
                    heard.hear(home, Copy(message.partition, message.key, found[1]), found[0], span)
    return heard


async def _records(process: Process, home: Topic, heard: Heard, say: Say) -> AsyncGenerator[Message, None]:
    """Yield the records of a topic, of a hot one only those that may have an origin; note where some are gone."""
    limits = await bounds(process, home, say)
    begins, ends = {p: begin for p, (begin, _) in limits.items()}, {p: end for p, (_, end) in limits.items()}
    counts, oldest_ms = Counter[int](), {p: math.inf if begin else -1.0 for p, begin in begins.items()}
    if home.hot:
        async with aclosing(chunks(process, home, begins, ends, say)) as found:
            async for chunk in found:
                within = int(chunk.offset.searchsorted(ends[chunk.partition]))
                counts[chunk.partition] += within
                if within:
                    oldest_ms[chunk.partition] = min(oldest_ms[chunk.partition], int(chunk.time_ms[0]))
                for i in marked(chunk):
                    if i < within:
                        where = (home.name, chunk.partition, int(chunk.offset[i]), int(chunk.time_ms[i]))
                        yield Message(*where, chunk.key(i), chunk.value(i))
    else:
        async for message in read(process, home, since=begins, until=ends, say=say):
            counts[message.partition] += 1
            oldest_ms[message.partition] = min(oldest_ms[message.partition], message.time_ms)
            yield message
    heard.holes |= {(home.name, p): oldest_ms[p] for p, end in ends.items() if counts[p] < end}


def marked(chunk: Chunk) -> Iterator[int]:
    """Yield the records of a chunk whose value may hold an origin, without looking at the others one by one."""
    raw, at, last = chunk.buf.tobytes(), 0, -1
    while (at := raw.find(MARK, at)) >= 0:
        i = int(chunk.value_at.searchsorted(at, side="right")) - 1
        if i > last and at < int(chunk.value_at[i]) + int(chunk.value_len[i]):
            yield (last := i)
        at += len(MARK)


def _found(message: Message) -> tuple[Origin, bytes] | None:
    """Return the origin and the content of a record, if it has an origin."""
    try:
        if message.value is None:
            headers = dict(message.headers)
            raw = headers.get("origin")
            return None if raw is None else (_decode_origin(raw), LIFTED + headers.get("why", b""))
        origin = _origin_of(message.value).origin if MARK in message.value else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None  # A record that is none of ours, or a topic's control record: nobody said it.
    return None if origin is None else (origin, message.value)
