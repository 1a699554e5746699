"""The shop: a real HTTP server with a limited capacity, which says what it is asked, and obeys what is decided.

Two services answer: `shop` (pages; its server writes an access log, as servers do) and `checkout` (paying; it says
canonical requests itself). The shop measures itself once a second.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson
from aiohttp import web

from streams.demo.capacity import Capacity
from streams.demo.orders import Doors, Orders
from topics import Record, Topic
from topics.commands import Command
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request

HOST = "127.0.0.1"
ACCESS_LOG = "shop-access"
PAGES = ("/", "/product", "/search", "/cart", "/health")
CHECKOUT = "/checkout"
MEMORY_BYTES = 200e6

# Handed a topic, the key, and a record or the bytes of a foreign one.
Publish = Callable[[Topic | str, str, Record | bytes], None]


@dataclass
class Faults:
    """What is broken now.

    slow_s         how much longer checkout takes
    error_share    which share of the shop's answers is an internal error
    leak_bytes_per_s how fast the shop loses memory
    """

    slow_s: float = 0.0
    error_share: float = 0.0
    leak_bytes_per_s: float = 0.0


class Shop:
    """An HTTP server on the loopback.

    publish        is handed every line of the access log, every request of checkout, every measurement
    replicas       of `shop`, to begin with; each answers `per_s` requests a second
    seed           of the noise in its latency

    Its time is the machine's: it is part of the world that is watched, not of what concludes.
    """

    def __init__(self, publish: Publish, replicas: int, per_s: float, start_s: float = 2.0, seed: int = 1) -> None:
        self.faults = Faults()
        self.doors = Doors()
        self.capacity = {
            "shop": Capacity(replicas, per_s, start_s=start_s),
            "checkout": Capacity(3, per_s),
        }
        self.published = 0
        self._publish = publish
        self._orders = Orders("shop")
        self._chance = random.Random(seed)
        self._leaked_bytes = 0.0
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def open(self) -> None:
        """Listen on a free port of the loopback."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Answer what is being answered, then stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def obey(self, command: Command, at_s: float) -> str | None:
        """Carry a command out; return why it was dropped, if it was."""
        why_not = self._orders.refuse_or_take(command, at_s)
        if why_not is None:
            self.capacity["shop"].order(round(command.after), time.monotonic())
        return why_not

    async def _answer(self, asked: web.Request) -> web.Response:
        at_s, began_s = time.time(), time.monotonic()
        client = client_of(asked)
        service = "checkout" if asked.path.startswith(CHECKOUT) else "shop"
        status, page = await self._reply(service, client, asked.path, at_s)
        body = page.encode()
        request = Request(
            client=client,
            at_s=at_s,
            path=asked.raw_path,
            method=asked.method,
            host="shop.example",
            status=status,
            duration_s=round(time.monotonic() - began_s, 6),
            bytes_in=asked.content_length or 0,
            bytes_out=len(body),
            agent=asked.headers.get("User-Agent", ""),
            service=service,
        )
        self._log(request)
        return web.Response(status=status, body=body, content_type="text/html")

    async def _reply(self, service: str, client: str, path: str, at_s: float) -> tuple[int, str]:
        """Return status and page, after the time that takes."""
        block = self.doors.shut_for(client, at_s)
        if block is not None:
            return 403, f"Refused until {block.until_s:.0f}: {block.why}"
        wait_s = self.capacity[service].admit_one(time.monotonic())
        if wait_s is None:
            return 503, "Too many customers, please come back in a moment."
        slow_s = self.faults.slow_s if service == "checkout" else 0.0
        await asyncio.sleep(wait_s + slow_s + 0.01 * self._chance.lognormvariate(0, 0.3))
        if service == "shop" and self._chance.random() < self.faults.error_share:
            return 500, "Something went wrong."
        if service == "shop" and path != "/" and not path.startswith(PAGES[1:]):
            return 404, "There is no such page."
        return 200, f"<h1>The small shop</h1><p>{service}</p>"

    def _log(self, request: Request) -> None:
        """Say what was asked: checkout as a canonical request, the shop as a line of its access log."""
        self.published += 1
        if request.service == "checkout":
            self._publish(REQUESTS, request.key(), request)
        else:
            self._publish(ACCESS_LOG, request.client, access_line(request))

    def measure(self, at_s: float, elapsed_s: float) -> None:
        """Say how the shop is; `elapsed_s` since the last time."""
        self._leaked_bytes += self.faults.leak_bytes_per_s * elapsed_s
        if not self.faults.leak_bytes_per_s:
            self._leaked_bytes = 0.0
        capacity, now_s = self.capacity["shop"], time.monotonic()
        memory_bytes = MEMORY_BYTES + 5e6 * capacity.working + self._leaked_bytes + self._chance.gauss(0, 1e6)
        gauges = {
            "queue_s": capacity.queue_s(now_s),
            "utilisation": capacity.take_utilisation(now_s),
            "replicas": float(capacity.ordered),
            "replicas_ready": float(capacity.working),
            "memory_bytes": memory_bytes,
        }
        for name, value in gauges.items():
            self._publish(METRICS, "shop", Reading(series=f"shop/{name}", value=value, at_s=at_s))


def client_of(asked: web.Request) -> str:
    """Return the address that asks.

    Some systems give a loopback of one address only; there the load generator says in a header for whom it asks, as a
    proxy in front of the shop would, and only from the proxy's own address is that believed.
    """
    peer = asked.remote or ""
    return asked.headers.get("X-Forwarded-For", peer) if peer == HOST else peer


def access_line(request: Request) -> bytes:
    """Return a request as nginx writes it with a JSON `log_format`, whose values are all texts."""
    return orjson.dumps(
        {
            "msec": f"{request.at_s:.3f}",
            "remote_addr": request.client,
            "request_method": request.method,
            "request_uri": request.path,
            "status": str(request.status),
            "request_time": f"{request.duration_s:.3f}",
            "request_length": str(request.bytes_in),
            "body_bytes_sent": str(request.bytes_out),
            "http_user_agent": request.agent,
            "http_host": request.host,
        }
    )
