"""Backoff: a Kafka client that found no leader, or nobody at all, waits a moment before it asks again.

aiokafka's fetcher and sender ask for metadata in a loop while a partition has no leader, and wait for the answer only.
A broker that is stopped in good order says that its partitions have no leader and is gone; from then on no answer takes
time, and both loops take a whole core and write some ten thousand lines a second to the log.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.client import AIOKafkaClient

_ask = AIOKafkaClient._metadata_update


async def ask_with_patience(client: Any, cluster: Any, topics: Any) -> bool:
    """Ask for metadata as aiokafka does; the answer that a leader is missing, or none at all, takes a moment longer."""
    answered: bool = await _ask(client, cluster, topics)
    if not answered or any(_lacks_leader(cluster, topic) for topic in topics or ()):
        await asyncio.sleep(client._retry_backoff)
    return answered


def _lacks_leader(cluster: Any, topic: str) -> bool:
    partitions = cluster.partitions_for_topic(topic)
    return partitions is None or partitions != cluster.available_partitions_for_topic(topic)


def install() -> None:
    """Let every client of this process be patient."""
    AIOKafkaClient._metadata_update = ask_with_patience
