"""The shop's visitors: customers in the rhythm of a short day, and three attackers, each from an address of its own."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
from yarl import URL

from streams.demo.shop import CHECKOUT, HOST

CUSTOMERS = tuple(f"127.0.1.{number}" for number in range(1, 201))
UNDER_WAY_MOST = 300
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True)
class Attacker:
    """Somebody who is up to no good.

    client         the address the attack comes from
    what           what is done, for a person
    per_s          requests a second
    paths          what is asked for, round and round
    """

    client: str
    what: str
    per_s: float
    paths: tuple[str, ...]
    agent: str


FLOOD = Attacker("127.0.0.66", "floods the shop", 20.0, ("/", "/product/1"), "hasty/1.0")
SCANNER = Attacker(
    "127.0.0.77",
    "looks for what was left lying about",
    4.0,
    tuple(f"/{name}" for name in (
        ".env", ".git/config", "wp-login.php", "admin.php", "backup.zip", "phpinfo.php", "config.json", "db.sql",
        "server-status", "old/index.php", "test.cgi", "console", "actuator/env", "id_rsa", ".aws/credentials",
    )),
    "curious/2.1",
)  # fmt: skip
INJECTOR = Attacker(
    "127.0.0.88",
    "tries SQL injections in the search",
    2.0,
    tuple(f"/search?q={quote(text)}" for text in (
        "1' OR '1'='1' -- ",
        "x' UNION SELECT name, password FROM users -- ",
        "1; DROP TABLE orders; -- ",
        "1' AND SLEEP(5) -- ",
        "' OR 1=1 /*",
        "x' UNION ALL SELECT NULL, version() -- ",
    )),
    BROWSER,
)  # fmt: skip
ATTACKERS = (FLOOD, SCANNER, INJECTOR)


def rhythm(at_s: float, day_s: float) -> float:
    """Return how busy a time of the day is, 1 on average: quietest as it begins, busiest in its middle.

    >>> rhythm(0.0, 120.0), rhythm(60.0, 120.0)
    (0.7, 1.3)
    """
    return 1 - 0.3 * math.cos(2 * math.pi * at_s / day_s)


class Load:
    """Real HTTP requests, each from its visitor's own address.

    port           of the shop
    base_per_s     requests a second of all customers, on average
    day_s          how long a day is
    seed           of who asks for what and when; the answers are the world's

    `extra_per_s` is a rush: so many more requests a second, all for the shop's pages.

    >>> Load(port=80, base_per_s=15.0, day_s=120.0, seed=1).per_s(60.0)
    19.5
    """

    def __init__(self, port: int, base_per_s: float, day_s: float, seed: int) -> None:
        self.base_per_s = base_per_s
        self.day_s = day_s
        self.extra_per_s = 0.0
        self.statuses: Counter[int] = Counter()
        self._port = port
        self._chance = random.Random(seed)
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._own_addresses = can_come_from(FLOOD.client)

    def per_s(self, at_s: float) -> float:
        """Return how many requests a second customers make, `at_s` seconds after the day's beginning."""
        return self.base_per_s * rhythm(at_s, self.day_s) + self.extra_per_s

    async def customers(self, clock: Callable[[], float]) -> None:
        """Send customers until cancelled: independent of each other, so the time between two is exponential."""
        began_s = due_s = clock()
        while True:
            per_s = self.per_s(due_s - began_s)
            due_s += self._chance.expovariate(per_s)
            # After a pause of the machine, nobody makes up for the time lost.
            due_s = max(due_s, clock() - 1.0)
            await asyncio.sleep(max(0.0, due_s - clock()))
            in_a_rush = self._chance.random() < self.extra_per_s / per_s
            self.send(self._chance.choice(CUSTOMERS), self._wish(in_a_rush), BROWSER)

    def _wish(self, in_a_rush: bool) -> str:
        """Return what a customer asks for; who comes in a rush only looks."""
        pages = ["/", "/cart", f"/product/{self._chance.randrange(100)}", "/search?q=tea"]
        return self._chance.choice(pages if in_a_rush else [*pages, CHECKOUT, f"{CHECKOUT}/pay"])

    async def attack(self, attacker: Attacker) -> None:
        """Attack until cancelled."""
        paths: Iterator[str] = itertools.cycle(attacker.paths)
        for path in paths:
            self.send(attacker.client, path, attacker.agent)
            await asyncio.sleep(1 / attacker.per_s)

    def send(self, client: str, path: str, agent: str) -> None:
        """Let a client ask for a path, unless too many wait for an answer already."""
        if len(self._under_way) < UNDER_WAY_MOST:
            asking = asyncio.create_task(self._ask(client, path, agent))
            self._under_way.add(asking)
            asking.add_done_callback(self._under_way.discard)

    async def _ask(self, client: str, path: str, agent: str) -> None:
        headers = {"User-Agent": agent}
        if not self._own_addresses:
            headers["X-Forwarded-For"] = client
        # The path goes out as it is written here: attackers do not tidy up either.
        url = URL(f"http://{HOST}:{self._port}{path}", encoded=True)
        try:
            async with self._session(client).get(url, headers=headers) as answer:
                await answer.read()
                self.statuses[answer.status] += 1
        except (aiohttp.ClientError, TimeoutError):
            self.statuses[0] += 1

    def _session(self, client: str) -> aiohttp.ClientSession:
        session = self._sessions.get(client)
        if session is None:
            local = (client, 0) if self._own_addresses else None
            connector = aiohttp.TCPConnector(local_addr=local, limit=20)
            timeout = aiohttp.ClientTimeout(total=10.0)
            session = self._sessions[client] = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return session

    async def rest(self) -> None:
        """Wait until everybody who asked has an answer, or has given up."""
        await asyncio.gather(*self._under_way)

    async def close(self) -> None:
        """Wait for nobody any more."""
        for asking in tuple(self._under_way):
            asking.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        for session in self._sessions.values():
            await session.close()


def can_come_from(address: str) -> bool:
    """Whether this system lets a connection come from another address of the loopback: Linux does, macOS does not."""
    with socket.socket() as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True
