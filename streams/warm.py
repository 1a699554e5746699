"""Warm start: models learn from a log's history before the first worker starts, and nothing is said of the past.

The history goes through the shards of the worker, as in a replay, and their pages are written as a worker would, true
where the log ended. From there workers go on. What is cut short does no harm: each page is true where it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

import click
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.admin import newest_settings
from streams.bus import Capability, capabilities
from streams.cli_words import UNIT_S, moment
from streams.client import Publisher
from streams.connection import Say, connection, name_of
from streams.engine.columns import Decoder
from streams.engine.pages import WARMED, page_key
from streams.group import group_of
from streams.reader import read
from streams.replay import chosen_of
from streams.replay_letters import isolated
from streams.replay_logs import Moment, Span, chunks, span_of
from streams.replay_shards import Replay
from streams.settings import Process
from topics import Topic
from topics.control import SettingsChange
from topics.state import STATE


class WarmRefused(Exception):
    """Nothing was written, and why; with the way out."""


class Offset(NamedTuple):
    """Begin there in every partition."""

    offset: int


class InForce(NamedTuple):
    """Settings of a log, and where they stand in it."""

    at: int
    change: SettingsChange


@dataclass(frozen=True)
class Wanted:
    """What is to be learned: from where on; of which topic, all if None.

    always         under the settings in force now, as if they had always been; else under those of the log
    replace        also where pages are there already that may know what is not learned now
    """

    since: Moment | Offset = "beginning"
    topic: str | None = None
    always: bool = False
    replace: bool = False


@dataclass
class Learned:
    """What came of one topic: partitions, records folded, rows of all shards; partitions whose settings changed."""

    topic: str
    partitions: int = 0
    records: int = 0
    rows: int = 0
    changes: int = 0

    def lines(self) -> list[str]:
        """Return it as lines for a terminal."""
        lines = [
            f"{self.topic}: folded {self.records} records of {self.partitions} partitions, saved {self.rows} rows, "
            "said nothing"
        ]
        if self.changes:
            lines.append(
                f"{self.topic}: settings changed on the way, and what came before was learned under the older ones; "
                "--as-if-always learns all of it under those in force now"
            )
        return lines


def place(text: str) -> Moment | Offset:
    """Return where to begin, as people write it; raises click.BadParameter.

    >>> place("@4711"), place("earliest"), place("1970-01-02")
    (Offset(offset=4711), 'beginning', 86400.0)
    """
    if text.startswith("@") and text[1:].isdecimal():
        return Offset(int(text[1:]))
    if text[:1].isdigit() and text[-1:] in UNIT_S:
        return moment(f"-{text}")
    return "beginning" if text == "earliest" else moment(text)


async def warm(process: Process, wanted: Wanted, say: Say) -> list[Learned]:
    """Learn from the history of one topic, or of all that are read; raises WarmRefused, TopicMissing."""
    await refuse_workers(process, say)
    topics = dict.fromkeys(one.topic.name for one in capabilities())
    out = []
    for name in topics if wanted.topic is None else (wanted.topic,):
        topic, chosen = chosen_of(name, None)
        out.append(await _Warming(process, topic, chosen, wanted, say).run())
    return out


async def refuse_workers(process: Process, say: Say) -> None:
    """Raise WarmRefused while there are workers: they would go on from what they know, and write it over."""
    members = (await group_of(process, say)).members
    if members:
        hosts = ", ".join(sorted({member.host for member in members}))
        raise WarmRefused(
            f"workers of group {process.group!r} run ({len(members)}, from {hosts}); stop them, wait until `luminar "
            "status` shows none, and call this again"
        )


class _Warming:
    """The warming of one topic's shards, a partition after the other."""

    def __init__(
        self, process: Process, topic: Topic, chosen: tuple[Capability, ...], wanted: Wanted, say: Say
    ) -> None:
        self._process, self._topic, self._chosen, self._wanted, self._say = process, topic, chosen, wanted, say
        self._learned = Learned(process.prefix + topic.name)
        self._said: dict[int, InForce] = {}

    async def run(self) -> Learned:
        """Learn, and write what was learned."""
        span = await self._span()
        saved = {partition: await self._saved(partition) for partition in sorted(span.until)}
        for partition, old in saved.items():
            if old and (span.since[partition] > 0 or self._wanted.always) and not self._wanted.replace:
                raise WarmRefused(
                    f"{self._topic.name}[{partition}] has pages already, and they may know what is not learned now; "
                    "--replace writes over them, also over those of a warming that was cut short"
                )
        if self._wanted.always:
            await self._say_settings()
            span = Span(span.begins, span.since, {p: one.at + 1 for p, one in self._said.items()})
        skips = await isolated(self._process, self._topic, self._say)
        for partition, old in saved.items():
            run = await self._fold(partition, span, skips)
            await refuse_workers(self._process, self._say)
            await self._write(partition, run, old)
        await self._commit(span.until)
        return self._learned

    async def _say_settings(self) -> None:
        """Append the settings in force to every partition, so that the log says what holds from its end on."""
        newest = await newest_settings(self._process, self._say)
        if newest is None:
            raise WarmRefused("there are no settings yet; `luminar topics` writes them")
        change = SettingsChange(newest.version, newest.settings)
        async with Publisher(self._process, self._say) as publisher:
            for partition in range(await publisher.partitions(self._topic)):
                stands = await publisher.publish_now(self._topic, change, partition=partition)
                self._said[partition] = InForce(stands.offset, change)

    async def _span(self) -> Span:
        """Return from where to where each partition is learned from."""
        since = self._wanted.since
        span = await span_of(
            self._process, self._topic, "beginning" if isinstance(since, Offset) else since, "now", self._say
        )
        starts = dict(span.since)
        if isinstance(since, Offset):
            starts = {p: min(max(begin, since.offset), span.until[p]) for p, begin in span.begins.items()}
        return Span(span.begins, starts, span.until)

    async def _saved(self, partition: int) -> set[bytes]:
        """Return the keys of the pages that are saved of a partition's shards."""
        own = tuple(f"{capability.name}/{partition}/".encode() for capability in self._chosen)
        found: dict[bytes, bool] = {}
        async with aclosing(read(self._process, STATE, partitions=[partition], say=self._say)) as records:
            async for message in records:
                key = message.key or b""
                if key.startswith(own) and key.rpartition(b"/")[2].isdigit() and key.count(b"/") == 2:
                    found[key] = message.value is not None
        return {key for key, is_there in found.items() if is_there}

    async def _fold(self, partition: int, span: Span, skips: dict[tuple[str, int], dict[int, str]]) -> Replay:
        """Fold one partition's history."""
        start, begin, end = span.since[partition], span.begins[partition], span.until[partition]
        first = self._said.get(partition) or (await self._in_force(partition, begin, start) if start else None)
        if begin > 0 and first is None:
            first = await self._newest(start - 1)
        settings = None if first is None else first.change.settings
        run = Replay(
            self._topic, self._chosen, len(span.until), initial=settings,
            other=settings if self._wanted.always else None, skips=skips,
        )  # fmt: skip
        for _, shard in run.shards_of(partition):
            if first is None:
                shard.begin(start)
            else:
                shard.begin(start, first.at, first.change)
        silent = Span({partition: start}, {partition: end}, {partition: end})
        async with aclosing(chunks(self._process, self._topic, {partition: start}, {partition: end}, self._say)) as log:
            async for chunk in log:
                run.fold(chunk, silent)
        shards = [shard for _, shard in run.shards_of(partition)]
        self._learned.partitions += 1
        self._learned.records += run.before
        self._learned.changes += not self._wanted.always and any(shard.settings_at > start for shard in shards)
        return run

    async def _in_force(self, partition: int, start: int, end: int) -> InForce | None:
        """Return the last settings that a part of a log says."""
        decoder, found = Decoder(self._topic), None
        async with aclosing(chunks(self._process, self._topic, {partition: start}, {partition: end}, self._say)) as log:
            async for chunk in log:
                for i, control in sorted(decoder.columns(chunk).control.items()):
                    if isinstance(control, SettingsChange) and int(chunk.offset[i]) < end:
                        found = InForce(int(chunk.offset[i]), control)
        return found

    async def _newest(self, at: int) -> InForce | None:
        """Return the newest settings, for a log that has lost those it had."""
        newest = await newest_settings(self._process, self._say)
        return None if newest is None else InForce(at, SettingsChange(newest.version, newest.settings))

    async def _write(self, partition: int, run: Replay, old: set[bytes]) -> None:
        """Write the pages of one partition's shards; those that hold nothing any more are no longer there."""
        written: Mapping[bytes, bytes] = {}
        async with Publisher(self._process, self._say) as publisher:
            for capability, shard in run.shards_of(partition):
                records, position = shard.snapshot(float("inf"))
                mark = page_key(capability.name, partition, WARMED)
                await publisher.publish(STATE, str(position).encode(), key=mark, partition=partition)
                self._learned.rows += len(shard.bank)
                for key, value in records:
                    await publisher.publish(STATE, value, key=key, partition=partition)
                written = {**written, **dict(records)}
            for key in sorted(old - written.keys()):
                await publisher.publish(STATE, None, key=key, partition=partition)

    async def _commit(self, ends: Mapping[int, int]) -> None:
        """Let whoever looks at the group's lag see that the past is done with."""
        name = name_of(self._process, self._topic)
        consumer = AIOKafkaConsumer(**connection(self._process), group_id=self._process.group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(name, p) for p in ends])
            await consumer.commit({TopicPartition(name, p): end for p, end in ends.items()})
        finally:
            await consumer.stop()


async def learn(process: Process, wanted: Wanted, say: Say) -> None:
    """Learn, and print what came of it."""
    for learned in await warm(process, wanted, say):
        for line in learned.lines():
            click.echo(line)
