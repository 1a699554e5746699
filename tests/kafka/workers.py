"""What tests of workers share: deployments, and what stands in their logs."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.storm.deployment import PATIENCE_S, Site, WorkerProcess, until
from benchmarks.storm.judge import reason_of
from streams.bus import capabilities
from streams.reader import Message
from topics.metrics import METRICS

__all__ = ["PATIENCE_S", "READ", "Site", "WorkerProcess", "counted", "plain", "reason_of", "until"]

READ = len({capability.topic.name for capability in capabilities()})
"""How many topics a worker of all capabilities reads."""


def plain(message: Message) -> Any:
    """Return a record as plain data."""
    return None if message.value is None else json.loads(message.value)


def counted(site: Site) -> dict[str, float]:
    """Return how many requests of each service traffic has said."""
    total: dict[str, float] = {}
    for log in site.records(METRICS):
        for message in log:
            if message.value and b'"capability":"traffic"' in message.value and b'/requests"' in message.value:
                one = json.loads(message.value)
                total[one["series"]] = total.get(one["series"], 0) + one["value"]
    return total
