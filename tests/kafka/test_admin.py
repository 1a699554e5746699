"""Topics on a real broker: made once, looked at, refused."""

import msgspec
import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.admin import TopicsRefused, check_topics, configuration, create_topics, newest_settings, put_settings
from streams.client import Message, admin, name_of, partition_counts, read
from streams.settings import Broker, Process, version_of
from topics import Topic
from topics.catalogue import ALL, CONTROLLED
from topics.control import SettingsChange, decode_control
from topics.settings import SETTINGS, Settings, Source


@pytest.fixture
def process(broker: str, fresh_prefix: str) -> Process:
    return Process(broker=Broker(addresses=(broker,)), prefix=fresh_prefix, partitions=3)


async def all_of(process: Process, topic: Topic) -> list[Message]:
    return [message async for message in read(process, topic)]


async def test_topics_are_made_once_with_equal_partitions_and_what_their_declaration_says(process: Process) -> None:
    made = await create_topics(process, Settings())
    assert made.topics == tuple(name_of(process, topic) for topic in ALL)
    assert (made.partitions, made.put) == (len(CONTROLLED) * 3, True)
    counts = await partition_counts(process)
    assert {t.name: counts[name_of(process, t)] for t in ALL} == {t.name: 1 if t is SETTINGS else 3 for t in ALL}
    async with admin(process) as client:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name_of(process, topic)) for topic in ALL]
        resources = [one for answer in await client.describe_configs(asked) for one in answer.resources]
    for topic, (*_, name, entries) in zip(ALL, resources, strict=True):
        assert name == name_of(process, topic)
        assert configuration(topic).items() <= {entry[0]: entry[1] for entry in entries}.items()

    again = await create_topics(process, Settings())
    assert (again.topics, again.partitions, again.put) == ((), 0, False)
    await check_topics(process, Settings())


async def test_the_settings_are_the_first_record_of_every_partition_that_decides(process: Process) -> None:
    settings = Settings(late_s=120.0)
    await create_topics(process, settings, author="ann")
    record = await newest_settings(process)
    assert record is not None
    assert (record.settings, record.version, record.author) == (settings, version_of(settings), "ann")
    for topic in CONTROLLED:
        found = await all_of(process, topic)
        assert sorted((one.partition, one.offset, one.key) for one in found) == [(p, 0, None) for p in range(3)]
        changes = [decode_control(one.value or b"") for one in found]
        assert changes == [SettingsChange(version_of(settings), settings)] * 3
        # It is no record of the topic, so it costs nothing where records are decoded.
        with pytest.raises(msgspec.ValidationError):
            topic.decoder().decode(found[0].value or b"")


async def test_settings_in_force_stay_until_they_are_put(process: Process) -> None:
    first, second = Settings(late_s=120.0), Settings(late_s=121.0)
    await create_topics(process, first)
    made = await create_topics(process, second)
    assert (made.put, made.in_force, made.version) == (False, version_of(first), version_of(second))
    made = await create_topics(process, second, put=True)
    assert (made.put, made.in_force) == (True, version_of(second))
    await put_settings(process, first, "ann")
    record = await newest_settings(process)
    assert record is not None
    assert record.settings == first


async def test_a_wrong_number_of_partitions_is_refused_before_anything_is_made(process: Process) -> None:
    async with admin(process) as client:
        await client.create_topics([NewTopic(process.prefix + "signals", 5, 1)])
    with pytest.raises(TopicsRefused, match="has 5 partitions, expected 3"):
        await create_topics(process, Settings())
    counts = await partition_counts(process)
    assert [name for name in counts if name.startswith(process.prefix)] == [process.prefix + "signals"]
    with pytest.raises(TopicsRefused) as refused:
        await check_topics(process, Settings())
    said = str(refused.value).splitlines()
    assert len(said) == len(ALL)
    assert sum("`luminar topics` makes it" in line for line in said) == len(ALL)
    assert sum("`partitions: 5`" in line for line in said) == 1


async def test_topics_of_others_are_made_only_when_asked(process: Process) -> None:
    settings = Settings(sources=(Source(topic=process.prefix + "logs", format="canonical"),))
    await create_topics(process, settings)
    with pytest.raises(TopicsRefused, match="--sources"):
        await check_topics(process, settings)
    assert (await create_topics(process, settings, sources=True)).topics == (process.prefix + "logs",)
    await check_topics(process, settings)
