"""Real requests to a real shop; who comes when is drawn from a seed."""

import asyncio
from collections import Counter

import pytest

from streams.demo.load import ATTACKERS, CUSTOMERS, FLOOD, INJECTOR, SCANNER, UNDER_WAY_MOST, Attacker, Load, rhythm
from streams.demo.shop import Shop
from topics import Record, Topic
from topics.requests import Request


def test_a_day_is_busiest_in_its_middle_and_average_over_its_length() -> None:
    assert rhythm(60.0, 120.0) > rhythm(20.0, 120.0) > rhythm(0.0, 120.0)
    assert sum(rhythm(float(at_s), 120.0) for at_s in range(120)) / 120 == pytest.approx(1.0)


def test_no_customer_comes_near_the_limit_even_in_a_rush() -> None:
    """At most 100 requests in 60 s are allowed; a rush of 100 requests a second leaves each customer 30."""
    assert 100.0 * 60 / len(CUSTOMERS) <= 30.0


def test_attackers_are_no_customers_and_the_health_check_is_neither() -> None:
    clients = [attacker.client for attacker in ATTACKERS]
    assert len({*clients, *CUSTOMERS, "127.0.0.1"}) == len(clients) + len(CUSTOMERS) + 1


def test_each_attack_is_enough_to_be_recognised() -> None:
    assert FLOOD.per_s * 60 > 100
    assert len(set(SCANNER.paths)) > 10
    assert len(set(INJECTOR.paths)) >= 3
    assert all(path.startswith("/") and " " not in path for attacker in ATTACKERS for path in attacker.paths)


class Visit:
    """A shop with visitors, and what it has published."""

    def __init__(self) -> None:
        self.clients: Counter[str] = Counter()
        self.heard = asyncio.Event()
        self.shop = Shop(self._hear, replicas=2, per_s=10_000.0)

    def _hear(self, topic: Topic | str, key: str, record: Record | bytes) -> None:
        if isinstance(record, Request | bytes):
            self.clients[key] += 1
            self.heard.set()

    async def until(self, requests: int) -> None:
        async with asyncio.timeout(20):
            while self.clients.total() < requests:
                self.heard.clear()
                await self.heard.wait()


async def test_customers_come_from_addresses_of_their_own_until_they_are_stopped() -> None:
    visit = Visit()
    await visit.shop.open()
    visitors = Load(visit.shop.port, base_per_s=400.0, day_s=120.0, seed=1)
    customers = asyncio.create_task(visitors.customers(asyncio.get_running_loop().time))
    await visit.until(50)
    customers.cancel()
    await asyncio.gather(customers, return_exceptions=True)
    await visitors.rest()
    assert visitors.statuses[200] == visitors.statuses.total() == visit.shop.published == visit.clients.total()
    assert set(visit.clients) <= set(CUSTOMERS)
    assert len(visit.clients) > 20
    await visitors.close()
    await visit.shop.close()


async def test_an_attacker_asks_for_its_paths_as_they_are_written() -> None:
    visit = Visit()
    await visit.shop.open()
    visitors = Load(visit.shop.port, base_per_s=1.0, day_s=120.0, seed=1)
    attacker = Attacker("127.0.0.99", "tries", 500.0, ("/a/../../etc/passwd", "/search?q=%27%20OR%201%3D1"), "test")
    attack = asyncio.create_task(visitors.attack(attacker))
    await visit.until(4)
    attack.cancel()
    await asyncio.gather(attack, return_exceptions=True)
    await visitors.close()
    await visit.shop.close()
    assert set(visit.clients) == {"127.0.0.99"}


async def test_no_more_than_so_many_wait_for_an_answer_at_once() -> None:
    """The shop's address takes nobody in; whoever comes beyond the limit does not even ask."""
    visitors = Load(port=9, base_per_s=1.0, day_s=120.0, seed=1)
    for _ in range(UNDER_WAY_MOST + 50):
        visitors.send("127.0.1.1", "/", "test")
    await visitors.rest()
    assert visitors.statuses == {0: UNDER_WAY_MOST}
    await visitors.close()
