"""The worker: one Faust app in which every topic is read in chunks.

`luminar worker` and `faust -A streams.worker worker` start it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
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
from streams.engine.memory import keep_freed
from streams.engine.ticks import tick_for_ever
from streams.engine.workload import tell_work_for_ever
from streams.ingest.translate import translate
from streams.kernels import compile_all
from streams.reader import Message, bounds, read
from streams.settings import Loaded, Process, load
from topics.settings import SETTINGS, SettingsRecord
from topics.state import STATE

log = logging.getLogger(__name__)
LARGEST_BATCH, LARGEST_REQUEST = 1 << 20, 32 << 20

_settings = SETTINGS.decoder().decode


class App(faust.App):
    """A Faust app that compiles its kernels and looks at its topics before it joins the group."""

    host: Host
    loaded: Loaded

    def on_init_dependencies(self) -> Iterable[Any]:
        """Do without Faust's own monitor, which looks at every chunk once an agent; our meters are in `meters`."""
        services = super().on_init_dependencies()
        self.sensors.remove(self.monitor)
        self.sensors.add(faust.Sensor())  # Without any, Faust warns at each rebalance that one is missing.
        return services

    def _create_directories(self) -> None:
        """Make none of Faust's: all tables are in memory, and a worker on a full disk works."""

    async def on_first_start(self) -> None:
        """Wait for the broker, refuse wrong topics, warm up."""
        await super().on_first_start()
        keep_freed()
        compile_all(self.host.capabilities)
        gc.collect()
        gc.freeze()
        await admin.check_topics(self.loaded.process, self.loaded.settings)


def build(loaded: Loaded, known: tuple[Capability, ...] | None = None) -> App:
    """Return the app of a worker with these settings, and these capabilities if not all; nothing is opened yet."""
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
    table = app.Table(
        STATE.name, key_type=bytes, value_type=bytes, partitions=process.partitions, changelog_topic=state
    )
    host.attach(app, table)
    _agents(app, host, loaded)
    _tasks(app, host, loaded)
    return app


def _configuration(process: Process) -> dict[str, Any]:
    worker = process.worker
    return {
        "broker": ";".join(f"{transport.SCHEME}://{address}" for address in process.broker.addresses),
        "broker_credentials": _credentials(process),
        "store": "memory://",
        "web_enabled": False,
        "topic_partitions": process.partitions,
        "topic_replication_factor": process.replication,
        "topic_disable_leader": True,
        # A standby in memory is read again from the beginning when it is needed: it would only cost.
        "table_standby_replicas": 0,
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


def _agent(app: App, name: str, topic: str, words: str, take: Callable[[Chunk], Awaitable[None]]) -> None:
    """Make a Faust agent: a chunk comes, `take` handles it; what even the host cannot mend stops the worker, loudly.

    Faust itself would start the agent again, past the chunk that was not finished.
    """

    async def run(stream: Any) -> None:
        consumer: Any = app.consumer
        async for chunk in stream:
            try:
                await take(chunk)
            except Exception as why:
                log.critical("%s cannot go on at %s[%d]@%d", name, topic, chunk.partition, chunk.start, exc_info=why)
                await app.crash(why)
                raise
            finally:
                consumer.finished(TP(chunk.topic, chunk.partition), chunk)

    run.__doc__ = words
    app.agent(transport.chunk_topic(app, topic), name=name)(run)


def _agents(app: App, host: Host, loaded: Loaded) -> None:
    """Make an agent for every topic that capabilities read, and for every source.

    The capabilities of a topic share one: what an agent costs for a chunk is as much as a small chunk's fold.
    """
    for name, topic in host.names.items():
        readers = [capability for capability in host.capabilities if capability.topic is topic]
        words = "\n\n".join(f"{capability.name}: {capability.help}" for capability in readers)
        _agent(app, topic.name, name, words, partial(host.take_all, readers))
    for source in loaded.settings.sources:
        words = f"Translate {source.format} records of {source.topic}; a repeated one is dropped by its origin."
        _agent(app, f"ingest-{source.topic}", source.topic, words, partial(translate, host, source))


def _tasks(app: App, host: Host, loaded: Loaded) -> None:
    """Start what goes on beside the agents."""

    async def follow() -> None:
        """Hold what the settings topic says last."""
        await follow_settings(host, loaded.process)

    async def tick() -> None:
        """Let time pass in silent partitions."""
        await tick_for_ever(host)

    async def answer() -> None:
        """Answer over HTTP."""
        runner = await health.serve(host, loaded.process.http)
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def tell_work() -> None:
        """Say what is asked of this worker, where Luminar is scaled by that."""
        await tell_work_for_ever(host)

    for task in (host.save_for_ever, tick, follow, answer, tell_work):
        app.task(task)


async def follow_settings(host: Host, process: Process) -> None:
    """Hold what the settings topic says last; the log of each partition is told of it by its owner.

    It is read to its end first: nobody shall be told of settings that others have replaced since.
    """
    ends = {partition: end for partition, (_, end) in (await bounds(process, SETTINGS)).items()}
    latest = host.desired
    async for message in read(process, SETTINGS, until=ends):
        latest = _settings_of(message) or latest
    host.desired = latest
    async for message in read(process, SETTINGS, since=ends, until=None):
        host.desired = _settings_of(message) or host.desired


def _settings_of(message: Message) -> SettingsRecord | None:
    """Return the settings that a record holds; none where it cannot be read, which no worker must fall over."""
    try:
        return _settings(message.value) if message.value else None
    except (msgspec.DecodeError, ValueError, RecursionError) as why:
        log.error("settings[%d]@%d refused: %s; those before stay", message.partition, message.offset, why)
        return None


class Worker(faust.Worker):
    """Faust's worker without its spinner: it sets every library's log level to debug, and falls over on a full disk."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.spinner = None


def run(
    loaded: Loaded,
    *,
    known: tuple[Capability, ...] | None = None,
    only_compile: bool = False,
    log_level: str = "warning",
) -> None:
    """Run a worker until SIGTERM or SIGINT.

    known          its capabilities, if not all of ours
    only_compile   compile the kernels and return
    """
    logging.basicConfig(
        level=log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if only_compile:
        compile_all(capabilities() if known is None else known)
        return
    worker = Worker(
        build(loaded, known), loglevel=log_level.upper(), override_logging=False, redirect_stdouts=False, quiet=True
    )
    worker.execute_from_commandline()


def __getattr__(name: str) -> Any:
    """Make the app when `faust -A streams.worker` asks for it, from LUMINAR_SETTINGS and the environment."""
    if name == "app":
        return build(load(os.environ.get("LUMINAR_SETTINGS"), os.environ))
    raise AttributeError(name)
