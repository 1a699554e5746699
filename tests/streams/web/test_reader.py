"""On a real Kafka: the page follows, opens records, asks for a lift, and says when nobody answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from streams.admin import create_topics
from streams.bus import capabilities
from streams.client import Publisher, partition_of, read
from streams.feedback import ACCUSERS
from streams.settings import Broker, Process
from streams.web.lookup import Lookup
from streams.web.model import View
from streams.web.reader import WATCHED, Reader
from tests.streams.web import story
from topics.alerts import ALERTS, Alert
from topics.blocklist import BLOCKLIST
from topics.control import Feedback, decode_control
from topics.metrics import METRICS, Reading
from topics.proposals import PROPOSALS
from topics.settings import Settings
from topics.signals import SIGNALS


@asynccontextmanager
async def following(process: Process) -> AsyncIterator[View]:
    view = View()
    task = asyncio.create_task(Reader(process, view).run())
    try:
        yield view
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


@pytest.fixture
async def process(broker: str, fresh_prefix: str) -> Process:
    process = Process(broker=Broker(addresses=(broker,)), prefix=fresh_prefix, group=f"{fresh_prefix}g", partitions=2)
    await create_topics(process, Settings())
    return process


def test_of_every_topic_that_a_worker_reads_it_is_asked_how_far_behind_it_is() -> None:
    assert {capability.topic for capability in capabilities()} <= set(WATCHED)


async def test_the_page_follows_the_topics_and_opens_their_records(process: Process) -> None:
    now_s = time.time()
    async with Publisher(process) as publisher, following(process) as view:
        for one in (*story.threats(now_s), *story.alerts(now_s), *story.actions(now_s)):
            await publisher.publish(process.prefix + one.topic, one.value, key=one.key)
        await publisher.publish(METRICS, Reading(series="shop/x", value=1.0, at_s=now_s))
        await publisher.flush()
        await until(lambda: view.link.state == "following" and len(view.blocks) == 3 and "shop/x" in view.series)
        assert (len(view.alerts), len(view.commands), len(view.refusals), len(view.signals)) == (5, 2, 3, 4)
        said = next(said for said in view.signals if getattr(said.record, "family", "") == "xss")
        row = await Lookup(process, view).record(said.topic, said.partition, said.offset)
        assert story.SCRIPT in row["text"].replace('\\"', '"')
        await publisher.publish_now(BLOCKLIST, None, key="127.0.0.66")
        await until(lambda: len(view.blocks) == 2)


async def test_a_lift_is_a_wish_in_the_logs_of_all_blocks_and_of_those_who_propose_them(process: Process) -> None:
    async with Publisher(process) as publisher, following(process) as view:
        blocks = [one for one in story.actions(time.time()) if one.topic == "blocklist"]
        await publisher.publish_now(BLOCKLIST, blocks[0].value, key=blocks[0].key)
        await until(lambda: len(view.blocks))
        assert await Lookup(process, view).lift("127.0.0.66") is None
        logs = {topic: [one async for one in read(process, topic)] for topic in (PROPOSALS, *ACCUSERS)}
    told = {
        topic: [(one.partition, one.value) for one in log if b'"feedback"' in (one.value or b"")]
        for topic, log in logs.items()
    }
    lift = Feedback(verdict="lift", subject="127.0.0.66", author="page")
    assert {decode_control(value or b"") for log in told.values() for _, value in log} == {lift}
    home = partition_of(b"127.0.0.66", process.partitions)
    assert {topic.name: sorted(partition for partition, _ in log) for topic, log in told.items()} == {
        "proposals": [partition_of(b"blocklist", process.partitions)], "requests": [home], "connections": [home],
        "compositions": [0, 1],
    }  # fmt: skip
    assert "127.0.0.66" in view.asked


async def test_what_is_said_of_an_alert_stands_in_the_logs_of_its_series_and_of_itself(process: Process) -> None:
    alert = Alert(
        id="shop-1700000000000", state="firing", severity="info", service="shop", title="shop: x", at_s=1.0,
        since_s=0.0, subjects=("shop/x level",),
    )  # fmt: skip
    async with Publisher(process) as publisher, following(process) as view:
        await publisher.publish_now(ALERTS, alert)
        await until(lambda: len(view.alerts))
        lookup = Lookup(process, view)
        assert await lookup.feedback("false alarm", alert.id) is None
        assert await lookup.feedback("confirmed", "shop-1") == "alert shop-1 is shown no more"
        controls = [
            decode_control(one.value or b"") for topic in (METRICS, SIGNALS) async for one in read(process, topic)
        ]
    assert [one for one in controls if isinstance(one, Feedback)] == [
        Feedback(verdict="false alarm", subject="shop/x", author="page", kind="level"),
        Feedback(verdict="false alarm", subject=alert.id, author="page"),
    ]


async def test_a_record_that_is_gone_is_said_to_be_gone(process: Process) -> None:
    lookup = Lookup(process, View())
    for partition, offset in ((0, 10**9), (7, 0), (0, -5)):
        assert "it is gone" in (await lookup.record("metrics", partition, offset))["problem"]


async def test_no_kafka_at_all_is_said_and_waited_for(process: Process, unused_tcp_port: int) -> None:
    nobody = Process(broker=Broker(addresses=(f"127.0.0.1:{unused_tcp_port}",)))
    async with following(nobody) as view:
        await until(lambda: view.link.why)
        assert view.link.state == "connecting"
