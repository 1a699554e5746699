"""Finding the broker, being let in, and asking which topics there are.

Our own topics are named by their declaration and get the deployment's prefix; a plain text names a topic in full.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.partitioner import murmur2

from streams.engine import backoff
from streams.settings import Broker, Process
from topics import Topic

BACKOFF_S = (0.2, 0.5, 1.0, 2.0)
KNOCK_S = 2.0
LARGEST_RECORD_BYTES = 16 << 20
KEYS_KEPT = 16_384
"""So many keys' partitions are remembered: the same few services are asked about again and again."""
Headers = Sequence[tuple[str, bytes]]

Say = Callable[[str], None]
say_in_log = logging.getLogger("luminar").warning


backoff.install()  # for whoever asks how to connect


class TopicMissing(LookupError):
    """A topic is not there; the text says what makes it."""


def connection(process: Process) -> dict[str, Any]:
    """Return what every aiokafka client needs to find the broker and to be let in."""
    broker = process.broker
    options: dict[str, Any] = {
        "bootstrap_servers": list(broker.addresses),
        "security_protocol": broker.security,
        "ssl_context": ssl_context(broker),
    }
    if broker.security.startswith("SASL"):
        options["sasl_mechanism"] = broker.mechanism
        options["sasl_plain_username"] = broker.username
        options["sasl_plain_password"] = broker.password
    return options


def ssl_context(broker: Broker) -> ssl.SSLContext | None:
    """Return how to check the broker's certificate and show ours, or None for a connection without one."""
    if not broker.security.endswith("SSL"):
        return None
    context = ssl.create_default_context(cafile=broker.cafile)
    if broker.certfile is not None:
        context.load_cert_chain(broker.certfile, broker.keyfile)
    return context


def name_of(process: Process, topic: Topic | str) -> str:
    """Return a topic's name on the broker."""
    return topic if isinstance(topic, str) else process.prefix + topic.name


@lru_cache(KEYS_KEPT)
def partition_of(key: bytes, n: int) -> int:
    """Return the partition of a key among `n`, as Kafka's own clients choose it (murmur2).

    >>> partition_of(b"checkout", 12)
    10
    """
    return int(murmur2(key) & 0x7FFF_FFFF) % n


async def once_there(
    process: Process, start: Callable[[], Awaitable[Any]], say: Say = say_in_log, patience_s: float | None = None
) -> None:
    """Start a client as soon as a broker answers: said once when none does, tried again and again.

    patience_s     gives up after so many seconds with ConnectionError; None: never
    """
    loop = asyncio.get_running_loop()
    begun_s, tries = loop.time(), 0
    while True:
        try:
            await start()
        except (KafkaConnectionError, OSError) as error:
            if patience_s is not None and loop.time() - begun_s >= patience_s:
                raise ConnectionError(f"{await _why_not(process.broker)}; `luminar broker` starts one") from error
            if tries == 0:
                say(f"{await _why_not(process.broker)}; waiting for it")
            await asyncio.sleep(BACKOFF_S[min(tries, len(BACKOFF_S) - 1)])
            tries += 1
        else:
            if tries:
                say("Kafka answers")
            return


async def _why_not(broker: Broker) -> str:
    """Tell a broker that is not there from one that does not let us in, as far as that can be seen from here."""
    where = f"{', '.join(broker.addresses)} ({broker.security})"
    for address in broker.addresses:
        host, _, port = address.rpartition(":")
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(KNOCK_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            return (
                f"somebody answers at {where}, but is no Kafka, is not ready, or does not let us in: "
                "see broker.security, username, password and certificates in the settings"
            )
    return f"no Kafka answers at {where}"


@asynccontextmanager
async def admin(
    process: Process, say: Say = say_in_log, patience_s: float | None = None
) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open a connection for questions about the cluster and changes of it."""
    client: AIOKafkaAdminClient | None = None

    async def start() -> None:
        nonlocal client
        client = AIOKafkaAdminClient(**connection(process))
        try:
            await client.start()
        except BaseException:
            await client.close()
            raise

    await once_there(process, start, say, patience_s)
    assert client is not None
    try:
        yield client
    finally:
        await client.close()


async def partition_counts(process: Process, say: Say = say_in_log, patience_s: float | None = None) -> dict[str, int]:
    """Return how many partitions every topic of the cluster has, by its full name. Makes no topic."""
    async with admin(process, say, patience_s) as client:
        return {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}


def missing(name: str, ours: bool = True) -> str:
    """Say that a topic is not there, and what makes it."""
    return f"topic {name!r} is not there; " + (
        "`luminar topics` makes it" if ours else "whoever owns it has to make it"
    )
