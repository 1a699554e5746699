"""The shop over real HTTP, without Kafka: what it publishes goes into a list."""

import time
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
import pytest_asyncio

from streams.demo.capacity import Capacity
from streams.demo.load import can_come_from
from streams.demo.shop import ACCESS_LOG, Shop
from topics import Record, Topic
from topics.blocklist import Block
from topics.commands import Command
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request

Published = list[tuple[Topic | str, str, Record | bytes]]


@pytest.fixture
def published() -> Published:
    return []


@pytest_asyncio.fixture
async def shop(published: Published) -> AsyncIterator[Shop]:
    shop = Shop(lambda *parcel: published.append(parcel), replicas=2, per_s=1_000.0)
    await shop.open()
    yield shop
    await shop.close()


async def ask(shop: Shop, path: str, client: str = "127.0.0.9") -> int:
    """Ask as a client would: from its own address, or through the proxy where there is only one address."""
    local = (client, 0) if can_come_from(client) else None
    headers = {} if local else {"X-Forwarded-For": client}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=local)) as session,
        session.get(f"http://127.0.0.1:{shop.port}{path}", headers=headers) as answer,
    ):
        return answer.status


async def test_a_page_is_a_line_of_the_access_log_with_the_address_it_was_asked_from(
    shop: Shop, published: Published
) -> None:
    assert await ask(shop, "/product/7?colour=red") == 200
    [(topic, key, line)] = published
    assert (topic, key) == (ACCESS_LOG, "127.0.0.9")
    assert isinstance(line, bytes)
    said = orjson.loads(line)
    assert (said["remote_addr"], said["request_uri"], said["status"]) == ("127.0.0.9", "/product/7?colour=red", "200")
    assert float(said["request_time"]) > 0


async def test_paying_is_a_canonical_request(shop: Shop, published: Published) -> None:
    assert await ask(shop, "/checkout/pay") == 200
    [(topic, key, request)] = published
    assert (topic, key) == (REQUESTS, "127.0.0.9")
    assert isinstance(request, Request)
    assert (request.service, request.client, request.problem()) == ("checkout", "127.0.0.9", None)


async def test_what_the_shop_does_not_have_is_a_404(shop: Shop) -> None:
    assert await ask(shop, "/.env") == 404


async def test_a_blocked_client_gets_a_403_until_its_block_is_lifted_and_others_do_not(shop: Shop) -> None:
    block = Block(client="127.0.0.9", family="rate", until_s=time.time() + 60, why="too many", at_s=0.0)
    shop.doors.follow("127.0.0.9", block)
    assert await ask(shop, "/") == 403
    assert await ask(shop, "/", client="127.0.0.10") == 200
    shop.doors.follow("127.0.0.9", None)
    assert await ask(shop, "/") == 200


async def test_a_full_queue_is_a_503(shop: Shop) -> None:
    shop.capacity["shop"] = Capacity(replicas=1, per_s=1.0, patience_s=0.5)
    assert await ask(shop, "/") == 503


async def test_a_bad_release_answers_with_errors_and_a_slow_database_slowly(shop: Shop, published: Published) -> None:
    shop.faults.error_share = 1.0
    assert await ask(shop, "/") == 500
    shop.faults.slow_s = 0.05
    assert await ask(shop, "/checkout") == 200
    request = published[-1][2]
    assert isinstance(request, Request)
    assert request.duration_s >= 0.05


def scale(number: int, after: float, expires_at_s: float) -> Command:
    return Command(
        id=f"command {number}", action="scale", target="shop", before=2, after=after, why="", at_s=0.0,
        expires_at_s=expires_at_s, epoch=number,
    )  # fmt: skip


def test_it_obeys_a_command_and_drops_it_when_it_comes_again_or_too_late() -> None:
    shop = Shop(lambda *_: None, replicas=2, per_s=20.0)
    replicas = shop.capacity["shop"]
    assert shop.obey(scale(1, 5, expires_at_s=10.0), at_s=1.0) is None
    assert replicas.ordered == 5
    assert shop.obey(scale(2, 3, expires_at_s=10.0), at_s=2.0) is None
    assert shop.obey(scale(1, 5, expires_at_s=10.0), at_s=3.0) is not None
    assert shop.obey(scale(3, 8, expires_at_s=10.0), at_s=11.0) is not None
    assert replicas.ordered == 3


def gauges(shop: Shop, published: Published) -> dict[str, float]:
    published.clear()
    shop.measure(at_s=1_000.0, elapsed_s=1.0)
    readings = [record for _, _, record in published if isinstance(record, Reading)]
    assert all(topic is METRICS for topic, _, _ in published)
    assert all(reading.problem() is None for reading in readings)
    return {reading.series: reading.value for reading in readings}


def test_it_measures_replicas_queue_utilisation_and_memory(published: Published) -> None:
    shop = Shop(lambda *parcel: published.append(parcel), replicas=2, per_s=20.0)
    said = gauges(shop, published)
    assert said["shop/replicas"] == said["shop/replicas_ready"] == 2.0
    assert said["shop/queue_s"] == 0.0
    assert 0.0 <= said["shop/utilisation"] <= 1.0
    assert said["shop/memory_bytes"] > 0


def test_replicas_that_are_being_started_count_but_are_not_ready(published: Published) -> None:
    shop = Shop(lambda *parcel: published.append(parcel), replicas=2, per_s=20.0, start_s=60.0)
    shop.obey(scale(1, 4, expires_at_s=10.0), at_s=1.0)
    said = gauges(shop, published)
    assert (said["shop/replicas"], said["shop/replicas_ready"]) == (4.0, 2.0)


def test_a_leak_takes_memory_and_a_restart_gives_it_back(published: Published) -> None:
    shop = Shop(lambda *parcel: published.append(parcel), replicas=2, per_s=20.0)
    before = gauges(shop, published)["shop/memory_bytes"]
    shop.faults.leak_bytes_per_s = 50e6
    leaking = [gauges(shop, published)["shop/memory_bytes"] for _ in range(4)]
    shop.faults.leak_bytes_per_s = 0.0
    assert leaking[-1] > before + 150e6
    assert gauges(shop, published)["shop/memory_bytes"] < before + 20e6
