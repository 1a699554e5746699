"""Progress: where the logs end, and up to where a group has folded, said and saved them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.connection import connection, name_of, once_there, partition_counts
from streams.settings import Process
from topics import Topic

Place = tuple[str, int]
"""A topic's full name, and a partition."""

LOOK_S, ANSWER_MS = 0.05, 3000


class Progress:
    """Asks the broker again and again, over connections that stay open; a broker that is away is waited for."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._admin: Any = None
        self._consumer: Any = None
        self._coordinator: int | None = None
        self._counts: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._counts = await partition_counts(self._process)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._hang_up()

    async def ends(self, *topics: Topic | str) -> dict[Place, int]:
        """Return the offset that the next record of each partition will have."""
        names = [name_of(self._process, topic) for topic in topics]
        parts = [TopicPartition(name, number) for name in names for number in range(self._counts[name])]

        async def ask() -> dict[Place, int]:
            return {(at.topic, at.partition): end for at, end in (await self._consumer.end_offsets(parts)).items()}

        return await self._ask(ask)

    async def committed(self) -> dict[Place, int]:
        """Return what the group has committed."""

        async def ask() -> dict[Place, int]:
            if self._coordinator is None:
                self._coordinator = await self._admin.find_coordinator(self._process.group)
            found = await self._admin.list_consumer_group_offsets(self._process.group, self._coordinator)
            return {(at.topic, at.partition): meta.offset for at, meta in found.items()}

        return await self._ask(ask)

    async def behind(self, wanted: Mapping[Place, int]) -> dict[Place, tuple[int, int]]:
        """Return where less is committed than is wanted: (committed, wanted)."""
        committed = await self.committed()
        return {at: (committed.get(at, 0), end) for at, end in wanted.items() if committed.get(at, 0) < end}

    async def until_saved(self, wanted: Mapping[Place, int], patience_s: float) -> None:
        """Wait until so much is committed; raises TimeoutError, which says what is missing."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + patience_s
        while missing := await self.behind(wanted):
            if loop.time() > deadline_s:
                raise TimeoutError(f"not folded and saved after {patience_s:g} s; (committed, wanted): {missing}")
            await asyncio.sleep(LOOK_S)

    async def _ask(self, question: Callable[[], Awaitable[dict[Place, int]]]) -> dict[Place, int]:
        while True:
            try:
                await self._call()
                return await question()
            except (KafkaError, OSError, AttributeError):
                # The broker is away or has just come; of an error in its answer aiokafka makes an AttributeError.
                await self._hang_up()
                await asyncio.sleep(LOOK_S)

    async def _call(self) -> None:
        """Open the connections that are not open."""
        options = {**connection(self._process), "request_timeout_ms": ANSWER_MS}
        if self._admin is None:
            self._admin = await self._opened(lambda: AIOKafkaAdminClient(**options), "close")
        if self._consumer is None:
            self._consumer = await self._opened(lambda: AIOKafkaConsumer(**options, enable_auto_commit=False), "stop")

    async def _opened(self, make: Callable[[], Any], close: str) -> Any:
        client: Any = None

        async def start() -> None:
            nonlocal client
            client = make()
            try:
                await client.start()
            except BaseException:
                await getattr(client, close)()
                raise

        await once_there(self._process, start)
        return client

    async def _hang_up(self) -> None:
        for client, close in ((self._admin, "close"), (self._consumer, "stop")):
            if client is not None:
                with contextlib.suppress(KafkaError, OSError):
                    await getattr(client, close)()
        self._admin = self._consumer = self._coordinator = None
