"""Health: what a worker answers over HTTP: is it alive, is it ready, and its meters."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import generate_latest

from streams import meters
from streams.engine.host import Host
from streams.settings import Http

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(host: Host, http: Http) -> web.Application:
    """Return the three answers: /live, /ready (assigned and recovered), /metrics; a token, if any, is asked for."""

    @web.middleware
    async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
        said = request.headers.get("Authorization", "")
        if http.token is not None and not hmac.compare_digest(said.encode(), f"Bearer {http.token}".encode()):
            return web.Response(status=401, text="expected the header Authorization: Bearer TOKEN\n")
        return await handler(request)

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_: web.Request) -> web.Response:
        stopped = [held.stopped for held in host.held.values() if held.stopped]
        if stopped:
            return web.Response(status=503, text="".join(f"{reason}\n" for reason in stopped))
        if not host.is_ready:
            return web.Response(status=503, text="partitions are being assigned and recovered\n")
        return web.Response(text=f"ready: {len(host.parts)} partitions\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(meters.REGISTRY), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    app = web.Application(middlewares=[admit])
    app.add_routes([web.get("/live", live), web.get("/ready", ready), web.get("/metrics", metrics)])
    return app


async def serve(host: Host, http: Http) -> web.AppRunner:
    """Answer until the runner is cleaned up; say where."""
    runner = web.AppRunner(application(host, http), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, http.host, http.port)
    await site.start()
    for address in runner.addresses:
        log.warning("health and meters: http://%s:%s/metrics", *address[:2])
    return runner
