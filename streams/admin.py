"""Topics on the broker: made once, with equal partitions and the settings first; looked at before a worker starts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from streams.client import Publisher, read
from streams.connection import LARGEST_RECORD_BYTES, Say, admin, name_of, partition_counts, say_in_log
from streams.reader import bounds
from streams.settings import Process, version_of
from topics import Topic
from topics.catalogue import ALL, CONTROLLED
from topics.control import SettingsChange
from topics.dead_letters import DEAD_LETTERS
from topics.settings import SETTINGS, Settings, SettingsRecord
from topics.state import STATE

DAY_MS = 86_400_000
MADE_WITHIN_S = 30.0


class TopicsRefused(ValueError):
    """The broker's topics are not as they must be; the text says which, and what to do about it."""


@dataclass(frozen=True)
class Made:
    """What `create_topics` did.

    topics         those that were not there before, by their full names
    partitions     how many partitions got the settings as their first record
    put            whether the settings were written to the topic `settings`
    in_force       the version that the topic `settings` says now; version: that of the settings at hand
    """

    topics: tuple[str, ...]
    partitions: int
    put: bool
    in_force: str
    version: str


async def create_topics(
    process: Process,
    settings: Settings,
    *,
    sources: bool = False,
    put: bool = False,
    author: str = "",
    say: Say = say_in_log,
    patience_s: float | None = None,
) -> Made:
    """Make every topic that is missing, and write the settings where there are none; again and again does no harm.

    sources        whether to make the topics of `settings.sources` too, which belong to others
    put            write the settings even where there are some; the workers then take them over
    author         who puts them there

    Raises TopicsRefused for a topic that is there with another number of partitions, before anything is made.
    """
    async with admin(process, say, patience_s) as client:
        counts = await _counts(client)
        _refuse(_wrong_counts(process, counts))
        wanted = {name_of(process, topic): _new(process, topic) for topic in ALL}
        if sources:
            wanted |= {
                one.topic: NewTopic(one.topic, process.partitions, process.replication) for one in settings.sources
            }
        missing = [name for name in wanted if name not in counts]
        await _make(client, [wanted[name] for name in missing])
        await _until_there(client, missing)
    newest = await newest_settings(process, say)
    written = put or newest is None
    if written:
        newest = await put_settings(process, settings, author, say)
    assert newest is not None, "settings that were just written are there"
    begun = await _begin(process, newest, say)
    return Made(tuple(missing), begun, written, newest.version, version_of(settings))


async def check_topics(
    process: Process, settings: Settings, say: Say = say_in_log, patience_s: float | None = None
) -> None:
    """Refuse to work with topics that are missing or whose partitions do not match: TopicsRefused names them all."""
    counts = await partition_counts(process, say, patience_s)
    faults = [
        f"topic {name!r} is not there; `luminar topics` makes it"
        for name in (name_of(process, topic) for topic in ALL)
        if name not in counts
    ]
    faults += [
        f"topic {source.topic!r} of the settings' sources is not there; whoever writes it makes it, "
        "or `luminar topics --sources` does"
        for source in settings.sources
        if source.topic not in counts
    ]
    _refuse([*faults, *_wrong_counts(process, counts)])


async def put_settings(process: Process, settings: Settings, author: str = "", say: Say = say_in_log) -> SettingsRecord:
    """Write settings to their topic; the workers append them to every partition's log, where they come into force."""
    record = SettingsRecord(version=version_of(settings), settings=settings, author=author)
    async with Publisher(process, say) as publisher:
        await publisher.publish_now(SETTINGS, record)
    return record


async def newest_settings(process: Process, say: Say = say_in_log) -> SettingsRecord | None:
    """Return the settings that were put last; None where there are none."""
    decode, newest = SETTINGS.decoder().decode, None
    async for message in read(process, SETTINGS, say=say):
        if message.value:
            newest = decode(message.value)
    return newest


def configuration(topic: Topic) -> dict[str, str]:
    """Return how Kafka is to keep a topic.

    >>> configuration(ALL[0])
    {'message.timestamp.type': 'LogAppendTime', 'cleanup.policy': 'delete', 'retention.ms': '604800000'}
    """
    # The append time is the log's only clock, and monotone in a partition.
    config = {"message.timestamp.type": "LogAppendTime"}
    policies = ["compact"] * topic.compact + ["delete"] * (topic.keep_days is not None)
    config["cleanup.policy"] = ",".join(policies) or "delete"
    config["retention.ms"] = "-1" if topic.keep_days is None else str(int(topic.keep_days * DAY_MS))
    if topic.compact:
        # Only closed segments are compacted, and a worker restores what compaction leaves: small ones, closed soon.
        config |= {"segment.ms": "60000", "segment.bytes": str(32 << 20), "min.cleanable.dirty.ratio": "0.1"}
    if topic in (STATE, DEAD_LETTERS):
        config["max.message.bytes"] = str(LARGEST_RECORD_BYTES)
    return config


def _new(process: Process, topic: Topic) -> NewTopic:
    # All settings have one key, so more partitions than one would stay empty.
    partitions = 1 if topic is SETTINGS else process.partitions
    return NewTopic(name_of(process, topic), partitions, process.replication, topic_configs=configuration(topic))


def _wrong_counts(process: Process, counts: dict[str, int]) -> list[str]:
    """Say what is wrong with topics that are there; a key must be in the same partition of every topic."""
    faults = []
    for topic in ALL:
        name = name_of(process, topic)
        count = counts.get(name, process.partitions)
        if topic is not SETTINGS and count != process.partitions:
            faults.append(
                f"topic {name!r} has {count} partitions, expected {process.partitions}; if all topics of ours have "
                f"{count}, set `partitions: {count}` in the settings; else delete this one with its records, and "
                f"`luminar topics` makes it"
            )
    return faults


def _refuse(faults: list[str]) -> None:
    if faults:
        raise TopicsRefused("\n".join(faults))


async def _counts(client: AIOKafkaAdminClient) -> dict[str, int]:
    return {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}


async def _make(client: AIOKafkaAdminClient, new: Iterable[NewTopic]) -> None:
    answer = await client.create_topics(list(new))
    faults = []
    for name, code, *text in answer.topic_errors:
        # Somebody else made it meanwhile: just as good.
        if code not in (0, TopicAlreadyExistsError.errno):
            faults.append(f"topic {name!r} could not be made: {(text and text[0]) or for_code(code).__name__}")
    _refuse(faults)


async def _until_there(client: AIOKafkaAdminClient, names: list[str]) -> None:
    """Wait until every broker's answer knows the topics: the controller is a moment ahead of the others."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MADE_WITHIN_S):
            while not set(names) <= (await _counts(client)).keys():
                await asyncio.sleep(0.05)
            return
    raise TopicsRefused(
        f"the broker took {', '.join(names)} but does not show them after {MADE_WITHIN_S:g} s; try again"
    )


async def _begin(process: Process, newest: SettingsRecord, say: Say) -> int:
    """Write the settings as the first record of every partition that has none yet; return how many those were."""
    change = msgspec.json.encode(SettingsChange(newest.version, newest.settings))
    begun = 0
    async with Publisher(process, say) as publisher:
        for topic in CONTROLLED:
            for partition, (_, end) in (await bounds(process, topic, say)).items():
                if end == 0:
                    await publisher.publish(topic, change, partition=partition)
                    begun += 1
    return begun
