"""Following the topics for the page: without a group, from the recent past, across every loss of the broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.connection import connection, name_of
from streams.settings import Process
from streams.web.group import Growth, ask_group, lag_of
from streams.web.model import READ, Heard, View
from topics.catalogue import CONTROLLED
from topics.metrics import METRICS
from topics.proposals import REFUSALS
from topics.signals import SIGNALS

WATCHED = tuple(dict.fromkeys((*READ, *CONTROLLED)))
"""What is shown of, and what workers read: of these it is asked where the logs end."""
PAST_S = {METRICS.name: 900.0, SIGNALS.name: 3_600.0, REFUSALS.name: 86_400.0}
PAST_RECORDS = 60_000
RECORDS_PER_S = 20_000
FETCHED_MOST = 2_000
ASK_EVERY_S = 2.0
ASK_LIMIT_S = 4.0
BACKOFF_S = 1.0
BROKEN = (KafkaError, OSError, TimeoutError)


class Reader:
    """Keeps a view true: reads what is said, asks where the logs end and who works, and says when nobody answers.

    now            the clock on the wall, for "since when" only: what is shown of the log goes by the log's clock
    """

    def __init__(self, process: Process, view: View, now: Callable[[], float] = time.time) -> None:
        self.view = view
        self._process = process
        self._now = now
        self._named = {name_of(process, topic): topic for topic in WATCHED}
        self._next: dict[TopicPartition, int] = {}
        self._growth = Growth()

    async def run(self) -> None:
        """Follow for ever; a loss is shown and tried again, and reading goes on where it stopped."""
        while True:
            try:
                await self._follow()
            except* BROKEN as group:
                known = self.view.link.state != "connecting"
                reason = str(group.exceptions[0]) or "it does not answer"
                self.view.stand("lost" if known else "connecting", self._now(), reason)
            await asyncio.sleep(BACKOFF_S)

    async def _follow(self) -> None:
        options = connection(self._process)
        async with AsyncExitStack() as stack:
            consumer = AIOKafkaConsumer(
                **options,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=500,
                isolation_level="read_committed",
            )
            stack.push_async_callback(consumer.stop)
            await asyncio.wait_for(consumer.start(), ASK_LIMIT_S)
            admin = AIOKafkaAdminClient(**options, request_timeout_ms=int(ASK_LIMIT_S * 1000))
            stack.push_async_callback(admin.close)
            await asyncio.wait_for(admin.start(), ASK_LIMIT_S)
            await asyncio.wait_for(self._assign(consumer, admin), ASK_LIMIT_S * 2)
            if self.view.link.state in ("connecting", "lost"):
                self.view.stand("catching up", self._now())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(consumer))
                tasks.create_task(self._ask(consumer, admin))

    async def _assign(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        """Read every partition that is there from where we were, or from the recent past."""
        found = await _partitions(admin, self._named)
        ends = await consumer.end_offsets(found) if found else {}
        if any(ends.get(at, 0) < offset for at, offset in self._next.items()):
            # These logs are shorter than what we have read of them: it is another Kafka, or one that lost its data.
            self.view.forget()
            self._next.clear()
        read = [at for at in found if self._named[at.topic] in READ]
        await self._choose_starts(consumer, [at for at in read if at not in self._next], ends)
        if set(read) != consumer.assignment():
            consumer.assign(read)
            for at in read:
                consumer.seek(at, self._next[at])

    async def _choose_starts(
        self, consumer: AIOKafkaConsumer, new: list[TopicPartition], ends: dict[TopicPartition, int]
    ) -> None:
        if not new:
            return
        self._next.update(await consumer.beginning_offsets(new))
        timed = {at: self._named[at.topic].name for at in new if self._named[at.topic].name in PAST_S}
        if not timed:
            return
        asked = {at: int((self._now() - PAST_S[name]) * 1000) for at, name in timed.items()}
        most = PAST_RECORDS // len(timed)
        for at, found in (await consumer.offsets_for_times(asked)).items():
            self._next[at] = max(ends[at] - most, self._next[at], ends[at] if found is None else found.offset)

    async def _listen(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            if not consumer.assignment():
                await asyncio.sleep(ASK_EVERY_S)
                continue
            count = 0
            for at, records in (await consumer.getmany(timeout_ms=1000, max_records=FETCHED_MOST)).items():
                topic = self._named[at.topic].name
                for one in records:
                    self.view.take(Heard(topic, at.partition, one.offset, one.timestamp / 1000, one.key, one.value))
                self._next[at] = max(self._next[at], records[-1].offset + 1)
                count += len(records)
            # The page shares a machine with workers: it never takes more than a share of a core for reading.
            await asyncio.sleep(count / RECORDS_PER_S)

    async def _ask(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        while True:
            async with asyncio.timeout(ASK_LIMIT_S):
                await self._assign(consumer, admin)
                partitions = await _partitions(admin, self._named)
                ends = await consumer.end_offsets(partitions) if partitions else {}
                group, committed = await ask_group(admin, self._process.group)
            self._show_progress(ends)
            self._keep_up(consumer, ends)
            by_topic = {at: (self._named[at.topic].name, end) for at, end in ends.items()}
            self.view.see_group(lag_of(group, by_topic, committed, self._named))
            self.view.see_rates(self._growth.take(asyncio.get_running_loop().time(), by_topic.values()))
            await asyncio.sleep(ASK_EVERY_S)

    def _show_progress(self, ends: dict[TopicPartition, int]) -> None:
        behind = sum(max(0, ends[at] - offset) for at, offset in self._next.items() if at in ends)
        if self.view.link.state != "following" and behind <= FETCHED_MOST:
            self.view.stand("following", self._now())

    def _keep_up(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        """Pass over readings where there are more than can be shown; what people must know is never passed over."""
        for at, offset in list(self._next.items()):
            most = PAST_RECORDS // 12
            if self._named[at.topic] is METRICS and ends.get(at, 0) - offset > 2 * most:
                self.view.see_skipped(ends[at] - most - offset)
                self._next[at] = ends[at] - most
                consumer.seek(at, self._next[at])


async def _partitions(admin: AIOKafkaAdminClient, named: Iterable[str]) -> list[TopicPartition]:
    """Return the partitions of those topics that are there; asking makes none."""
    wanted = set(named)
    topics = [topic for topic in await admin.describe_topics() if topic["topic"] in wanted and not topic["error_code"]]
    return [TopicPartition(topic["topic"], part["partition"]) for topic in topics for part in topic["partitions"]]
