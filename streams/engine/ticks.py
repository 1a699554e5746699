"""Ticks: the passing of time, settings and lessons, appended to the logs that they concern."""

from __future__ import annotations

import asyncio
import time

import msgspec
from faust.types import TP

from detectors.bank import NEVER
from streams import meters
from streams.engine.held import Part
from streams.engine.host import Host
from streams.engine.shard import Shard
from topics.control import Lesson, SettingsChange, Tick

SAY_SETTINGS_AGAIN_S = 10.0

_tick = msgspec.json.encode(Tick())


async def tick_for_ever(host: Host) -> None:
    """Append ticks to partitions that are silent while something is due, and settings and lessons not yet in force."""
    while not host.app.should_stop:
        await asyncio.sleep(min(0.25, host.process.worker.tick_s / 4))
        append_due(host, time.time())


def append_due(host: Host, wall_s: float) -> None:
    """Append what is to be appended now, where all that is in the log has been folded; wall_s: this machine's clock."""
    found: dict[TP, list[Shard]] = {tp: [] for tp in host.parts}
    for (_, tp), held in host.held.items():
        if not held.stopped:
            found[tp].append(held.shard)
    for tp, shards in found.items():
        if shards and host.app.consumer.is_caught_up(tp, min(shard.next for shard in shards)):
            part = host.parts[tp]
            _say_settings(host, tp, part, shards)
            _tick_once(host, tp, part, shards, wall_s)
            _say_lessons(host, tp, shards)


def _tick_once(host: Host, tp: TP, part: Part, shards: list[Shard], wall_s: float) -> None:
    silent_s = host.now_s() - part.heard_s
    if silent_s >= host.process.worker.tick_s and is_due(shards, silent_s, wall_s):
        part.heard_s = host.now_s()
        host.outbox.put(tp.topic, tp.partition, None, _tick)
        meters.ticks.labels(tp.topic).inc()


def is_due(shards: list[Shard], silent_s: float, wall_s: float) -> bool:
    """Say whether the passing of time brings something.

    By this machine's clock or by the log's, whichever is ahead: it only decides whether to append a tick. What the tick
    brings is decided by its append time.
    """
    due_ms = min(shard.bank.due_ms for shard in shards)
    if due_ms == NEVER:
        return False
    return due_ms <= max(wall_s * 1000, max(shard.clock_ms for shard in shards) + silent_s * 1000)


def _say_settings(host: Host, tp: TP, part: Part, shards: list[Shard]) -> None:
    """Append the settings that operators want to a log that has others in force; again, where they do not arrive."""
    wanted, now_s = host.desired, host.now_s()
    if wanted is None or all(shard.version == wanted.version for shard in shards):
        return
    if part.settings_said != wanted.version or now_s - part.settings_said_s > SAY_SETTINGS_AGAIN_S:
        part.settings_said, part.settings_said_s = wanted.version, now_s
        host.outbox.put(
            tp.topic, tp.partition, None, msgspec.json.encode(SettingsChange(wanted.version, wanted.settings))
        )


def _say_lessons(host: Host, tp: TP, shards: list[Shard]) -> None:
    """Append what shards have learned of their log: it comes into force, there and in every replay, where it stands."""
    for shard in shards:
        content = shard.bank.lesson()
        if content is not None:
            host.outbox.put(tp.topic, tp.partition, None, msgspec.json.encode(Lesson(shard.capability, content)))
