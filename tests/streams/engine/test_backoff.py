"""A client that found nobody, or no leader, waits a moment before it asks again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.structs import PartitionMetadata

from streams.connection import connection
from streams.engine import backoff
from streams.settings import load

BACKOFF_S = 0.125


def cluster(leader: int) -> ClusterMetadata:
    """Return what is known of a cluster with one topic of one partition."""
    known = ClusterMetadata()
    known._partitions["here"] = {0: PartitionMetadata("here", 0, leader, [1], [1], None)}
    return known


@pytest.mark.parametrize(
    ("answered", "leader", "topics", "waits"),
    [
        (True, 1, {"here"}, False),
        (True, 1, set(), False),
        (False, 1, {"here"}, True),
        (True, -1, {"here"}, True),
        (True, 1, {"here", "gone"}, True),
    ],
)
async def test_it_waits_where_nobody_answers_or_a_leader_is_missing(
    answered: bool, leader: int, topics: set[str], waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, waited = AIOKafkaClient(retry_backoff_ms=int(BACKOFF_S * 1000)), list[float]()

    async def ask(*_: Any) -> bool:
        return answered

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(backoff, "_ask", ask)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert await backoff.ask_with_patience(client, cluster(leader), topics) == answered
    assert waited == [BACKOFF_S] * waits


def test_every_client_of_ours_is_patient() -> None:
    """Whoever asks how to connect gets it with that."""
    assert connection(load(env={}).process)
    assert AIOKafkaClient._metadata_update is backoff.ask_with_patience
