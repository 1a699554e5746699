"""The show: everything started in its order, the story played, everything stopped in the opposite order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from streams.admin import create_topics
from streams.broker import Broker
from streams.client import Publisher
from streams.demo.crew import PAGE_PORT, SETTINGS, Crew, free_port
from streams.demo.facts import Facts
from streams.demo.fleet import Fleet, measure_fleet
from streams.demo.load import Load
from streams.demo.shop import Shop
from streams.demo.story import Stage, first_act, next_acts
from streams.demo.wiring import Outbox, follow_blocklist, follow_commands, measure_shop
from streams.demo.witness import READ, Witness
from streams.feed import Machine, feed_machine
from streams.settings import Loaded, load

BASE_PER_S = 15.0
REPLICAS = 2
REPLICA_PER_S = 20.0
COUNTED_WITHIN_S = 20.0


class Show:
    """One performance.

    folder         where Kafka keeps its records and the processes their logs
    tell           is handed each line for the terminal

    What was seen of it stands in `facts` and `witness`, whether it came to its end or not.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None], page_port: int | None) -> None:
        self._folder = folder
        self._tell = tell
        self._began_s = time.monotonic()
        self._page_port = page_port or free_port(PAGE_PORT if page_port is None else 0)
        self.facts = Facts(tell, self.elapsed_s)
        self.witness = Witness(self.facts)
        self.shop: Shop | None = None
        self.page = ""

    def elapsed_s(self) -> float:
        """Return seconds since the beginning."""
        return time.monotonic() - self._began_s

    async def play(self, once: bool) -> None:
        """Start everything and play: the first act if `once`, else one after the other until cancelled."""
        async with AsyncExitStack() as stack:
            loaded = await self._start_kafka(stack)
            crew = self._start_crew(stack, loaded)
            publisher = await stack.enter_async_context(Publisher(loaded.process))
            outbox = Outbox()
            shop, visitors = await self._open_shop(stack, outbox, loaded)
            stage = Stage(shop, visitors, self.witness, crew.replace_worker, self._tell, time.monotonic())
            now_s = time.time()
            async with alongside(
                crew.watch(),
                outbox.empty(publisher),
                *(self.witness.watch(loaded.process, topic, now_s) for topic in READ),
                follow_commands(loaded.process, shop),
                follow_blocklist(loaded.process, shop),
                measure_shop(shop),
                measure_fleet(Fleet(outbox.put)),
                watch_machine(publisher),
            ):
                async with alongside(visitors.customers(time.monotonic)):
                    await first_act(stage)
                    if not once:
                        await next_acts(stage)
                await visitors.rest()
                await outbox.delivered(publisher)
                await stage.until(lambda: not self.uncounted(), COUNTED_WITHIN_S)

    async def _start_kafka(self, stack: AsyncExitStack) -> Loaded:
        self._tell("Kafka starts")
        broker = Broker(self._folder / "kafka")
        stack.push_async_callback(asyncio.to_thread, broker.stop)
        await to_its_end(broker.start)
        loaded = load(SETTINGS, {"LUMINAR_BROKER": broker.address})
        await create_topics(loaded.process, loaded.settings, sources=True, put=True, author="demo")
        return loaded

    def _start_crew(self, stack: AsyncExitStack, loaded: Loaded) -> Crew:
        crew = Crew(loaded.process, self._page_port, self._folder)
        stack.push_async_callback(crew.stop)
        crew.start()
        self.page = crew.page
        self._tell("a worker starts; the very first time it compiles its models, which takes a while")
        self._tell(f"the page: {crew.page}")
        return crew

    async def _open_shop(self, stack: AsyncExitStack, outbox: Outbox, loaded: Loaded) -> tuple[Shop, Load]:
        shop = self.shop = Shop(outbox.put, REPLICAS, REPLICA_PER_S)
        stack.push_async_callback(shop.close)
        await shop.open()
        visitors = Load(shop.port, BASE_PER_S, loaded.settings.anomaly.season_s, seed=1)
        stack.push_async_callback(visitors.close)
        self._tell(f"a small shop opens with {REPLICAS} replicas; each manages {REPLICA_PER_S:.0f} requests a second")
        return shop, visitors

    def uncounted(self) -> str:
        """Return what is wrong with the count of requests, "" if each one was counted once."""
        said = self.shop.published if self.shop is not None else 0
        asked, counted = self.witness.asked.total(), self.witness.counted.total()
        return "" if said == asked == counted else f"of {said} requests, {asked} are in the log and {counted} counted"


@asynccontextmanager
async def alongside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have endless work going on inside the block; if any of it fails, so does the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def watch_machine(publisher: Publisher) -> None:
    """Have this machine's own telemetry watched, until cancelled."""
    await feed_machine(publisher, Machine())


async def to_its_end(call: Callable[[], None]) -> None:
    """Run a blocking call in a thread, and see it end even when cancelled: what it started can be stopped then."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            await running
        raise
