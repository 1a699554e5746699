"""The client finds the right partition, reads what it is asked for, and waits for a broker that is not there."""

import asyncio
import socket
from contextlib import aclosing
from pathlib import Path

import pytest
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaConnectionError
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from streams.broker import Broker as Kafka
from streams.client import (
    Message,
    Publisher,
    TopicMissing,
    admin,
    connection,
    name_of,
    once_there,
    partition_of,
    read,
)
from streams.settings import Broker, Process
from topics.metrics import METRICS, Reading


@given(st.binary(), st.integers(1, 500))
def test_a_key_goes_where_kafkas_own_clients_send_it(key: bytes, n: int) -> None:
    assert partition_of(key, n) == DefaultPartitioner()(key, list(range(n)), list(range(n)))


def test_partitions_are_those_of_the_java_client() -> None:
    # The test vectors of Kafka's own Utils.murmur2, made positive, modulo 1000.
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert {key: partition_of(key, 1000) for key in known} == {k: (h & 0x7FFFFFFF) % 1000 for k, h in known.items()}


def test_a_prefix_is_for_our_own_topics_only() -> None:
    process = Process(prefix="shop.")
    assert (name_of(process, METRICS), name_of(process, "telegraf")) == ("shop.metrics", "telegraf")


def test_a_connection_carries_what_lets_us_in() -> None:
    plain = connection(Process())
    assert plain == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }
    options = connection(Process(broker=Broker(security="SASL_SSL", username="ann", password="secret")))
    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("PLAIN", "ann")
    assert options["ssl_context"].check_hostname


async def test_a_broker_that_is_not_there_is_said_once_and_waited_for() -> None:
    tries: list[int] = []
    said: list[str] = []

    async def start() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise KafkaConnectionError("nobody")

    await once_there(Process(), start, said.append)
    assert len(tries) == 3
    assert said == ["no Kafka answers at 127.0.0.1:9092 (PLAINTEXT); waiting for it", "Kafka answers"]


async def test_patience_ends_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        process = Process(broker=Broker(addresses=(f"127.0.0.1:{taken.getsockname()[1]}",)))
        with pytest.raises(ConnectionError, match=r"no Kafka answers at .*; `luminar broker` starts one"):
            async with admin(process, lambda text: None, patience_s=0.0):
                raise AssertionError("there is nobody to talk to")


async def test_who_answers_and_is_no_kafka_is_told_from_nobody() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        process = Process(broker=Broker(addresses=(f"127.0.0.1:{server.sockets[0].getsockname()[1]}",)))
        with pytest.raises(ConnectionError, match=r"somebody answers at .* see broker\.security"):
            async with admin(process, lambda text: None, patience_s=0.0):
                raise AssertionError("that is no Kafka")


def reading(service: str, value: float) -> Reading:
    return Reading(series=f"{service}/load", value=value, at_s=1.0)


async def make(process: Process, name: str, partitions: int) -> None:
    async with admin(process) as client:
        await client.create_topics([NewTopic(name, partitions, 1)])


async def all_of(process: Process, topic: str, **where: object) -> list[Message]:
    return [message async for message in read(process, topic, **where)]  # type: ignore[arg-type]


async def test_what_is_published_is_read_from_anywhere_to_anywhere(broker: str, fresh_prefix: str) -> None:
    process = Process(broker=Broker(addresses=(broker,)), prefix=fresh_prefix)
    name = name_of(process, METRICS)
    await make(process, name, 3)
    async with Publisher(process) as publisher:
        for i in range(30):
            await publisher.publish(METRICS, reading(f"s{i % 5}", i))
        last = await publisher.publish_now(METRICS, reading("s0", 99))
        gone = await publisher.publish_now(name, None, key="s0", headers=[("why", b"test")])
    assert last.partition == gone.partition == partition_of(b"s0", 3)

    everything = await all_of(process, name)
    assert len(everything) == 32
    assert all(one.partition == partition_of(one.key or b"", 3) for one in everything)
    in_order = [one.offset for one in everything if one.partition == last.partition]
    assert in_order == list(range(len(in_order)))
    assert [(one.value, one.headers) for one in everything if one.value is None] == [(None, (("why", b"test"),))]

    some = {last.partition: last.offset}
    assert [m.offset for m in await all_of(process, name, since=some)] == [last.offset, gone.offset]
    before = await all_of(process, name, until=some, partitions=[last.partition])
    assert [m.offset for m in before] == list(range(last.offset))
    first_s, last_s = (pick(m.time_ms for m in everything) / 1000 for pick in (min, max))
    assert len(await all_of(process, name, since=first_s, until=last_s + 1)) == 32
    assert await all_of(process, name, since=last_s + 1) == []
    assert await all_of(process, name, until=first_s) == []


async def test_an_end_that_is_never_reached_ends_with_the_log(broker: str, fresh_prefix: str) -> None:
    # As where compaction has taken the last records: there is an end, and nothing before it that could be read.
    process = Process(broker=Broker(addresses=(broker,)))
    name = fresh_prefix + "compacted"
    await make(process, name, 1)
    async with Publisher(process) as publisher:
        await publisher.publish_now(name, b"only")
    assert [one.value for one in await all_of(process, name, until={0: 5})] == [b"only"]


async def test_who_follows_from_now_sees_only_what_is_new(broker: str, fresh_prefix: str) -> None:
    process = Process(broker=Broker(addresses=(broker,)))
    name = fresh_prefix + "news"
    await make(process, name, 1)
    async with Publisher(process) as publisher:
        await publisher.publish_now(name, b"old")
        async with aclosing(read(process, name, since="now", until=None)) as news:
            first = asyncio.ensure_future(anext(news))
            # What is published before the reader has found the end of the log is old to it, so keep saying it.
            while not first.done():
                await publisher.publish_now(name, b"new")
                await asyncio.wait([first], timeout=0.05)
            assert (await first).value == b"new"


async def test_a_topic_that_is_missing_is_said_and_never_made(broker: str, fresh_prefix: str) -> None:
    process = Process(broker=Broker(addresses=(broker,)), prefix=fresh_prefix)
    async with Publisher(process) as publisher:
        with pytest.raises(TopicMissing, match="`luminar topics` makes it"):
            await publisher.publish(METRICS, reading("a", 1))
    with pytest.raises(TopicMissing):
        await all_of(process, fresh_prefix + "foreign")
    async with admin(process) as client:
        assert not [name for name in await client.list_topics() if name.startswith(fresh_prefix)]


@pytest.mark.kafka
async def test_who_publishes_and_who_reads_go_on_after_the_broker_was_away(tmp_path: Path) -> None:
    with Kafka(tmp_path) as kafka:
        process = Process(broker=Broker(addresses=(kafka.address,)))
        await make(process, "news", 1)
        async with Publisher(process) as publisher, aclosing(read(process, "news", until=None)) as news:
            await publisher.publish_now("news", b"before")
            assert (await anext(news)).value == b"before"
            await asyncio.to_thread(kafka.stop)
            sent = [await publisher.publish("news", str(i).encode()) for i in range(10)]
            heard = asyncio.ensure_future(anext(news))
            done, _ = await asyncio.wait([*sent, heard], timeout=1.0)
            assert not done
            await asyncio.to_thread(kafka.start)
            await publisher.flush()
            values = [(await heard).value] + [(await anext(news)).value for _ in range(9)]
            assert values == [str(i).encode() for i in range(10)]
