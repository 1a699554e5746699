"""On a real broker: Luminar that has more to do than a worker can is to have more workers, by a command of its own."""

import asyncio
import time
from typing import Any

from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, plain, until
from topics.commands import COMMANDS
from topics.metrics import METRICS, Reading

SCALING = {
    "load": "luminar/work",
    "throughput": "luminar/done",
    "capacity": 100,
    "partitions": 4,
    "every_s": 1,
    "start_s": 2,
}
SETTINGS: dict[str, Any] = {"services": {"luminar": {"scaling": SCALING}}, "worker": {"save_every_s": 0.2}}


async def feed(site: Site) -> None:
    """Send some 250 readings a second for a quarter of a minute."""
    async with Publisher(site.loaded.process) as publisher:
        for _ in range(30):
            for k in range(125):
                await publisher.publish(METRICS, Reading(series=f"shop/load{{n={k % 5}}}", value=1.0, at_s=time.time()))
            await publisher.flush()
            await asyncio.sleep(0.5)


def test_luminar_orders_workers_for_itself_by_what_is_asked_of_it(make_site: MakeSite) -> None:
    site = make_site(settings=SETTINGS).make_topics()
    site.start().until_ready()
    asyncio.run(feed(site))
    commands = until(lambda: [plain(one) for log in site.records(COMMANDS) for one in log], "a command")
    assert {one["target"] for one in commands} == {"luminar"}
    assert commands[0]["action"] == "scale"
    assert {one["after"] for one in commands} <= {2, 4}, "counts that share four partitions evenly"
