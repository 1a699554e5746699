"""Who works and how far behind: the consumer group as Kafka describes it, and how fast the topics grow."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError

from streams.web.model import Group, Member
from topics import Topic

RATE_OVER_S = 10.0
Committed = Mapping[TopicPartition, int]


async def ask_group(admin: AIOKafkaAdminClient, name: str) -> tuple[Group, Committed]:
    """Return a group without its lag, and what it has committed; a group nobody has joined yet is empty."""
    try:
        coordinator = await admin.find_coordinator(name)
    except GroupCoordinatorNotAvailableError:
        return Group(name, "none"), {}
    described = await admin.describe_consumer_groups([name], group_coordinator_id=coordinator)
    offsets = await admin.list_consumer_group_offsets(name, group_coordinator_id=coordinator)
    _, _, state, _, _, members, *_ = described[0].groups[0]
    group = Group(name, state, tuple(sorted((_member(member) for member in members), key=lambda one: one.name)))
    return group, {at: found.offset for at, found in offsets.items()}


def _member(described: Any) -> Member:
    member_id, _, host, _, assignment, *_ = described
    held: Counter[str] = Counter()
    if assignment:
        for topic, partitions in ConsumerProtocolMemberAssignment.decode(assignment).assignment:
            held[topic] += len(partitions)
    # The last part of a member's name tells workers apart; what stands before is the client's, the same for all.
    return Member(member_id[-8:], host.lstrip("/"), dict(held))


def lag_of(
    group: Group, ends: Mapping[TopicPartition, tuple[str, int]], committed: Committed, named: Mapping[str, Topic]
) -> Group:
    """Return the group with its lag: what stands in the topics it reads and is not yet committed."""
    partitions: dict[str, dict[int, int]] = {}
    for at, offset in committed.items():
        if at in ends and at.topic in named and offset >= 0:
            topic, end = ends[at]
            partitions.setdefault(topic, {})[at.partition] = max(0, end - offset)
    lag = {topic: sum(found.values()) for topic, found in partitions.items()}
    return Group(group.name, group.state, group.members, lag, partitions)


class Growth:
    """How many records a second each topic grows by, over the last ten seconds."""

    def __init__(self, over_s: float = RATE_OVER_S) -> None:
        self.over_s = over_s
        self._seen: deque[tuple[float, Counter[str]]] = deque()

    def take(self, at_s: float, ends: Iterable[tuple[str, int]]) -> dict[str, float]:
        """Note where the topics end, and return how fast they grew; nothing when asked for the first time."""
        totals: Counter[str] = Counter()
        for topic, end in ends:
            totals[topic] += end
        while len(self._seen) > 1 and at_s - self._seen[1][0] >= self.over_s:
            self._seen.popleft()
        self._seen.append((at_s, totals))
        first_s, first = self._seen[0]
        if at_s <= first_s:
            return {}
        return {
            topic: max(0.0, round((end - first[topic]) / (at_s - first_s), 1))
            for topic, end in totals.items()
            if topic in first
        }
