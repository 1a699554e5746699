"""The consumer group as Kafka describes it: who works on which partitions, and how far the group has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.connection import Say, admin, say_in_log
from streams.settings import Process


@dataclass(frozen=True)
class Member:
    """A worker: how Kafka calls it, from where it came, and the partitions it holds, by topic's full name."""

    name: str
    host: str
    partitions: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Group:
    """A group: its state in Kafka's words, its members, and by topic and partition the offset it has committed."""

    name: str
    state: str = "Dead"
    members: tuple[Member, ...] = ()
    committed: Mapping[tuple[str, int], int] = field(default_factory=dict)


async def group_of(process: Process, say: Say = say_in_log, patience_s: float | None = None) -> Group:
    """Return the group of a deployment; one that nobody has joined yet is empty."""
    async with admin(process, say, patience_s) as client:
        return await ask_group(client, process.group)


async def ask_group(client: AIOKafkaAdminClient, name: str) -> Group:
    """Return a group as its coordinator describes it."""
    try:
        coordinator = await client.find_coordinator(name)
    except GroupCoordinatorNotAvailableError:
        return Group(name)  # Kafka makes the topic of all groups when the first one is joined.
    described = await client.describe_consumer_groups([name], group_coordinator_id=coordinator)
    offsets = await client.list_consumer_group_offsets(name, group_coordinator_id=coordinator)
    _, _, state, _, _, members, *_ = described[0].groups[0]
    committed = {(at.topic, at.partition): found.offset for at, found in offsets.items() if found.offset >= 0}
    return Group(name, state, tuple(sorted(map(_member, members), key=lambda one: one.name)), committed)


def _member(described: Any) -> Member:
    name, _, host, _, assignment, *_ = described
    held: dict[str, tuple[int, ...]] = {}
    if assignment:
        for topic, partitions in ConsumerProtocolMemberAssignment.decode(assignment).assignment:
            held[topic] = tuple(sorted(partitions))
    return Member(name, host.lstrip("/"), held)
