"""Serving the page: one process that follows the topics and answers browsers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from nicegui import Client, app, ui

from streams.settings import Http, Process
from streams.web.auth import Guard
from streams.web.lookup import Lookup
from streams.web.model import View
from streams.web.page import PARTS, PUSH_EVERY_S, Screen
from streams.web.reader import Reader

log = logging.getLogger("luminar")
THEMES = {"light": False, "dark": True}


def serve(process: Process, host: str | None = None, port: int | None = None) -> None:
    """Follow the topics and serve the page until SIGTERM or SIGINT."""
    http = Http(
        host=process.http.host if host is None else host,
        port=process.http.port if port is None else port,
        token=process.http.token,
    )
    if not http.is_loopback and not http.token:
        raise SystemExit(
            f"{http.host} can be reached from other machines, so the page needs a token, and there is none; "
            "set http.token in the settings or LUMINAR_HTTP__TOKEN"
        )
    # A broker that is away is shown on the page; the client's own lines about each try would only fill the log.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    view = View()
    server = PageServer(uvicorn.Config("", host=http.host, port=http.port, log_level="warning", ws="websockets-sansio"))
    reader = Reader(process, view)
    server.config.app = make_app(view, Lookup(process, view), http.token, follow(reader, server))
    server.run()
    if server.failed is not None:
        raise server.failed


class PageServer(uvicorn.Server):
    """A server that says where the page is, and ends with whatever its reading failed by."""

    failed: BaseException | None = None

    async def startup(self, sockets: Any = None) -> None:
        """Start, then say the address: with port 0 nobody knows it before."""
        await super().startup(sockets)
        if self.started:
            host, port, *_ = self.servers[0].sockets[0].getsockname()
            shown = f"[{host}]" if ":" in host else host
            print(f"the page is at http://{shown}:{port}/", flush=True)


def follow(reader: Reader, server: PageServer) -> Any:
    """Return the lifespan that reads while the server runs; a reader that fails ends the server loudly."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(reader.run())

        def settle(done: asyncio.Task[None]) -> None:
            if not done.cancelled() and done.exception() is not None:
                server.failed = done.exception()
                server.should_exit = True

        task.add_done_callback(settle)
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return lifespan


def make_app(view: View, lookup: Lookup, token: str | None, lifespan: Any = None) -> FastAPI:
    """Return the guarded application that shows a view."""
    outer = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    outer.add_middleware(Guard, token=token)
    app.add_static_files("/parts", PARTS, max_cache_age=0)

    @ui.page("/", title="Luminar", favicon=PARTS / "icon.svg", dark=None)
    async def page(request: Request, client: Client) -> None:
        theme = request.cookies.get("luminar_theme", "auto")
        ui.add_head_html('<link rel="stylesheet" href="/parts/page.css">')
        screen = Screen(view, lookup, dark=THEMES.get(theme, False))
        ui.timer(PUSH_EVERY_S, lambda: screen.push() if client.has_socket_connection else None)
        await client.connected()
        screen.draw()

    ui.run_with(
        outer,
        title="Luminar",
        show_welcome_message=False,
        tailwind=False,
        reconnect_timeout=5.0,
        # Without a token only this machine reads the page, and to itself it need not compress.
        gzip_middleware_factory=None if token is None else partial(GZipMiddleware, compresslevel=4),
    )
    return outer
