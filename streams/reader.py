"""Reading a topic without a group: from anywhere, to anywhere, seen by nobody."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.connection import (
    LARGEST_RECORD_BYTES,
    Headers,
    Say,
    TopicMissing,
    connection,
    missing,
    name_of,
    once_there,
    partition_counts,
    say_in_log,
)
from streams.settings import Process
from topics import Topic

POLL_MS, QUIET_POLLS = 200, 8

Since = Literal["beginning", "now"] | float | Mapping[int, int]
Until = Literal["now"] | float | Mapping[int, int] | None


class Message(NamedTuple):
    """A record as it stands in the log; `time_ms` is its append time, where the topic stamps it so."""

    topic: str
    partition: int
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


async def read(
    process: Process,
    topic: Topic | str,
    *,
    since: Since = "beginning",
    until: Until = "now",
    partitions: Sequence[int] | None = None,
    say: Say = say_in_log,
    patience_s: float | None = None,
) -> AsyncGenerator[Message, None]:
    """Read a topic without a group: nobody sees that, nothing is committed, every reader gets everything.

    since          "beginning", "now", an append time in seconds since 1970, or the first offset by partition
    until          "now": to where the log ends when reading starts; an append time or offsets by partition (both
                   excluded), or the log's end before them; None: follow for ever
    partitions     only these; all when None

    Records of one partition come in their order; those of several as the broker brings them. Who stops early wraps it
    in `contextlib.aclosing`, which closes the connection at once.
    """
    name = name_of(process, topic)
    async with _consumer(process, say, patience_s) as consumer:
        count = (await partition_counts(process, say, patience_s)).get(name)
        if count is None:
            raise TopicMissing(missing(name, isinstance(topic, Topic)))
        chosen = [TopicPartition(name, number) for number in (range(count) if partitions is None else partitions)]
        consumer.assign(chosen)
        ends = await _offsets(consumer, chosen, until)
        for at, offset in (await _offsets(consumer, chosen, since) or {}).items():
            consumer.seek(at, offset)
        async for message in _messages(consumer, chosen, ends):
            yield message


async def bounds(
    process: Process, topic: Topic | str, say: Say = say_in_log, patience_s: float | None = None
) -> dict[int, tuple[int, int]]:
    """Return, by partition, the first offset that a topic still has and the one its next record will have."""
    name = name_of(process, topic)
    async with _consumer(process, say, patience_s) as consumer:
        count = (await partition_counts(process, say, patience_s)).get(name)
        if count is None:
            raise TopicMissing(missing(name, isinstance(topic, Topic)))
        chosen = [TopicPartition(name, number) for number in range(count)]
        begins, ends = await consumer.beginning_offsets(chosen), await consumer.end_offsets(chosen)
        return {one.partition: (begins[one], ends[one]) for one in chosen}


async def _messages(
    consumer: AIOKafkaConsumer, chosen: list[TopicPartition], ends: dict[TopicPartition, int] | None
) -> AsyncIterator[Message]:
    open_ones, quiet = set(chosen), 0
    while True:
        if ends is not None:
            done = [at for at in open_ones if await consumer.position(at) >= ends[at]]
            consumer.pause(*done)
            open_ones.difference_update(done)
            if not open_ones:
                return
        batches = await consumer.getmany(*open_ones, timeout_ms=POLL_MS)
        quiet = 0 if batches else quiet + 1
        if ends is not None and quiet in (QUIET_POLLS, 2 * QUIET_POLLS):
            # Compaction may have taken the last records before the end, so that it is never reached; this question is
            # answered only while the broker is there.
            await consumer.end_offsets(list(open_ones))
            if quiet > QUIET_POLLS:
                return
        for at, found in batches.items():
            for one in found:
                if ends is None or one.offset < ends[at]:
                    yield Message(
                        one.topic, one.partition, one.offset, one.timestamp, one.key, one.value, tuple(one.headers)
                    )


async def _offsets(
    consumer: AIOKafkaConsumer, chosen: list[TopicPartition], at: Since | Until
) -> dict[TopicPartition, int] | None:
    """Return the offsets that a place in the log means."""
    if at is None:
        return None
    if at == "beginning":
        return dict(await consumer.beginning_offsets(chosen))
    ends = dict(await consumer.end_offsets(chosen))
    if isinstance(at, Mapping):
        return {one: at.get(one.partition, ends[one]) for one in chosen}
    if isinstance(at, float | int):
        times = await consumer.offsets_for_times({one: int(at * 1000) for one in chosen})
        return {one: ends[one] if times[one] is None else times[one].offset for one in chosen}
    return ends


@asynccontextmanager
async def _consumer(process: Process, say: Say, patience_s: float | None) -> AsyncIterator[AIOKafkaConsumer]:
    consumer: AIOKafkaConsumer | None = None

    async def start() -> None:
        nonlocal consumer
        consumer = AIOKafkaConsumer(
            **connection(process),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=LARGEST_RECORD_BYTES,
            fetch_max_wait_ms=100,
            isolation_level="read_committed",
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise

    await once_there(process, start, say, patience_s)
    assert consumer is not None
    try:
        yield consumer
    finally:
        await consumer.stop()
