"""The worker: one Faust app in which every topic is read in chunks. `luminar worker` and `faust -A streams.worker worker` start it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import faust
import msgspec
from faust.types import TP

from streams import admin, health
from streams.bus import Capability, capabilities
from streams.connection import name_of, ssl_context
from streams.engine import transport
from streams.engine.chunks import Chunk
from streams.engine.host import Host
from streams.ingest.translate import translate
from streams.reader import read
from streams.settings import Loaded, Process, load
from streams.warm import warm
from topics.settings import SETTINGS
from topics.state import STATE

log = logging.getLogger(__name__)
LARGEST_BATCH, LARGEST_REQUEST = 256 * 1024, 32 << 20


class App(faust.App):  # type: ignore[misc]
    """A Faust app that compiles its kernels and looks at its topics before it joins the group."""

    host: Host
    loaded: Loaded

    async def on_first_start(self) -> None:
        """Wait for the broker, refuse wrong topics, warm up."""
        await super().on_first_start()
        warm(self.host.capabilities)
        gc.collect()
        gc.freeze()
        await admin.check_topics(self.loaded.process, self.loaded.settings)


def build(loaded: Loaded, known: tuple[Capability, ...] | None = None) -> App:
    """Return the app of a worker with these settings; nothing is opened yet. known: its capabilities, all if not said."""
    transport.register()
    process, known = loaded.process, capabilities() if known is None else known
    host = Host(process, known)
    App.host, App.loaded = host, loaded
    app = App(process.group, **_configuration(process))
    app.host, app.loaded = host, loaded
    state = app.topic(
        name_of(process, STATE), key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw",
        partitions=process.partitions, compacting=True, acks=False, internal=True, allow_empty=True, maxsize=131_072,
    )  # fmt: skip
    table = app.Table(STATE.name, key_type=bytes, value_type=bytes, partitions=process.partitions, changelog_topic=state)
    host.attach(app, table)
    for capability in known:
        _agent(app, host, capability)
    for source in loaded.settings.sources:
        _ingest(app, host, source)
    _tasks(app, host, loaded)
    return app


def _configuration(process: Process) -> dict[str, Any]:
    worker = process.worker
    return {
        "broker": ";".join(f"{transport.SCHEME}://{address}" for address in process.broker.addresses),
        "broker_credentials": _credentials(process),
        "store": "memory://",
        "datadir": tempfile.mkdtemp(prefix="luminar-"),
        "web_enabled": False,
        "topic_partitions": process.partitions,
        "topic_replication_factor": process.replication,
        "topic_disable_leader": True,
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": worker.fetch_bytes,
        "broker_session_timeout": worker.session_timeout_s,
        "broker_heartbeat_interval": worker.session_timeout_s / 3,
        "broker_commit_interval": worker.save_every_s,
        "broker_max_poll_interval": 300.0,
        "producer_max_batch_size": LARGEST_BATCH,
        "producer_max_request_size": LARGEST_REQUEST,
        "producer_request_timeout": 300.0,
        "stream_wait_empty": True,
    }


def _credentials(process: Process) -> Any:
    broker, context = process.broker, ssl_context(process.broker)
    if broker.security.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=broker.mechanism, username=broker.username, password=broker.password, ssl_context=context
        )
    return None if context is None else faust.SSLCredentials(context)


def _agent(app: App, host: Host, capability: Capability) -> None:
    """Make a Faust agent of a capability: a chunk comes, the host folds it."""

    async def run(stream: AsyncIterator[Chunk]) -> None:
        async for chunk in stream:
            try:
                await host.take(capability, chunk)
            finally:
                app.consumer.finished(TP(chunk.topic, chunk.partition), chunk)

    run.__doc__ = capability.help
    topic = transport.chunk_topic(app, name_of(host.process, capability.topic))
    app.agent(topic, name=capability.name)(run)


def _ingest(app: App, host: Host, source: Any) -> None:
    """Make a Faust agent of a source: foreign records in, ours out."""
    host.extra_readers[source.topic] = 1

    async def ingest(stream: AsyncIterator[Chunk]) -> None:
        async for chunk in stream:
            try:
                await translate(host, source, chunk)
            finally:
                app.consumer.finished(TP(chunk.topic, chunk.partition), chunk)

    ingest.__doc__ = f"Translate {source.format} records of {source.topic}; a repeated one is dropped by its origin."
    app.agent(transport.chunk_topic(app, source.topic), name=f"ingest-{source.topic}")(ingest)


def _tasks(app: App, host: Host, loaded: Loaded) -> None:
    @app.task
    async def save() -> None:
        await host.save_for_ever()

    @app.task
    async def tick() -> None:
        await host.tick_for_ever()

    @app.task
    async def follow_settings() -> None:
        """Hold what the settings topic says last; the log of each partition is told of it by its owner."""
        decode = SETTINGS.decoder().decode
        async for message in read(loaded.process, SETTINGS, until=None):
            try:
                host.desired = decode(message.value) if message.value else host.desired
            except (msgspec.DecodeError, ValueError, RecursionError) as why:
                log.error("settings[%d]@%d refused: %s; those before stay", message.partition, message.offset, why)

    @app.task
    async def answer() -> None:
        runner = await health.serve(host, loaded.process.http)
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


class Worker(faust.Worker):  # type: ignore[misc]
    """Faust's worker without its spinner, which sets every library's log level to debug."""

    def _setup_spinner_handler(self, *args: Any, **kwargs: Any) -> None:
        """Do without."""


def run(loaded: Loaded, *, only_warm: bool = False, log_level: str = "warning") -> None:
    """Run a worker until SIGTERM or SIGINT; `only_warm` compiles the kernels and returns."""
    logging.basicConfig(
        level=log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if only_warm:
        warm(capabilities())
        return
    worker = Worker(build(loaded), loglevel=log_level.upper(), override_logging=False, redirect_stdouts=False, quiet=True)
    worker.execute_from_commandline()


def __getattr__(name: str) -> Any:
    """Make the app when `faust -A streams.worker` asks for it, from LUMINAR_SETTINGS and the environment."""
    if name == "app":
        return build(load(os.environ.get("LUMINAR_SETTINGS"), os.environ))
    raise AttributeError(name)
