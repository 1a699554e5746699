"""Workload: what Luminar itself has to do, told as readings of its own, so that it is scaled as any service is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import NamedTuple

from faust.types import TP

from streams.connection import name_of, partition_of
from streams.engine.host import Host
from topics import encode
from topics.metrics import METRICS, Reading
from topics.settings import SettingsRecord

SERVICE = "luminar"
EVERY_S = 1.0
DRAINED_S = 60.0
"""What has gathered is to be gone in that time: so much of it is asked for, each second, beside what comes."""


class Progress(NamedTuple):
    """Of a partition: the offset behind its last record, and the offset to fold next."""

    end: int
    following: int


class Work(NamedTuple):
    """Records that were asked of a worker in a time, and those that it has folded."""

    asked: float
    done: float


def work_of(before: Mapping[TP, Progress], now: Mapping[TP, Progress], elapsed_s: float) -> Work:
    """Return what was asked and done between two looks, of the partitions that were held at both.

    >>> at = TP("metrics", 0)
    >>> work_of({at: Progress(100, 40)}, {at: Progress(160, 100)}, 1.0)
    Work(asked=61.0, done=60.0)
    """
    asked = done = 0.0
    for tp in before.keys() & now.keys():
        come = max(0, now[tp].end - before[tp].end)
        waiting = max(0, now[tp].end - now[tp].following)
        asked += come + waiting * elapsed_s / DRAINED_S
        done += max(0, now[tp].following - before[tp].following)
    return Work(asked, done)


async def tell_work_for_ever(host: Host) -> None:
    """Say each second what is asked of this worker and what it does, where the settings scale Luminar by that.

    Two deltas, which add up over the workers: `luminar/work` and `luminar/done`, records a second.
    """
    process, before, before_s = host.process, dict[TP, Progress](), host.now_s()
    name, where = name_of(process, METRICS), partition_of(SERVICE.encode(), process.partitions)
    while not host.app.should_stop:
        await asyncio.sleep(EVERY_S)
        now, now_s = progress_of(host), host.now_s()
        if is_wanted(host.desired):
            work = work_of(before, now, now_s - before_s)
            for what, value in zip(("work", "done"), work, strict=True):
                reading = Reading(series=f"{SERVICE}/{what}", value=value, at_s=time.time(), kind="delta")
                host.outbox.put(name, where, SERVICE.encode(), encode(reading))
        before, before_s = now, now_s


def is_wanted(desired: SettingsRecord | None) -> bool:
    """Say whether the settings scale Luminar, so that its own readings are of use."""
    own = None if desired is None else desired.settings.services.get(SERVICE)
    return own is not None and own.scaling is not None


def progress_of(host: Host) -> dict[TP, Progress]:
    """Return how far each partition is folded that this worker holds, where the last fetch told its end."""
    found = {}
    for tp in list(host.parts):
        end, shards = host.app.consumer.log_end(tp), [held.shard for held in host.shards_of(tp)]
        if end is not None and shards:
            found[tp] = Progress(end, min(shard.next for shard in shards))
    return found
