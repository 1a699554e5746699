"""Replay: a part of a log folded again, and what that says against what was said then.

The fold begins where the log begins, so that the state at the range asked for is the one that the workers had; only
words whose origin lies in the range are compared. Nothing is committed, no group is joined, nothing is published.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import click

from streams.admin import newest_settings
from streams.bus import Capability, capabilities
from streams.cli_options import waiting
from streams.cli_words import say
from streams.group import group_of
from streams.replay_compare import Comparison, as_plain, lines_of, plain_tallies
from streams.replay_letters import isolated
from streams.replay_logs import Moment, Span, chunks, hear, span_of
from streams.replay_shards import Replay
from streams.settings import Loaded, version_of
from streams.settings_tree import near
from topics import Topic
from topics.settings import Settings


@dataclass
class Report:
    """What a replay found.

    notes          what a reader of the figures must know; settings: the version that held all along, if any did
    """

    topic: str
    span: Span
    comparison: Comparison
    before: int
    folded: int
    settings: str | None
    notes: list[str] = field(default_factory=list)

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        parts = {
            str(p): {"begin": begin, "since": self.span.since[p], "until": self.span.until[p]}
            for p, begin in self.span.begins.items()
        }
        return {
            "topic": self.topic,
            "settings": self.settings,
            "equal": self.comparison.is_equal,
            "folded": self.folded,
            "folded_before": self.before,
            "from_the_first_record": self.span.is_whole,
            "partitions": parts,
            "capabilities": plain_tallies(self.comparison),
            "differences": [as_plain(one) for one in self.comparison.differences],
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """Return it as lines for a terminal."""
        settings = f"settings {self.settings} all along" if self.settings else "the settings of the log"
        warmed = f", after {self.before} before them" if self.before else ""
        lines = [f"folded {self.folded} records of {self.topic}{warmed}, with {settings}", *self.notes, ""]
        return lines + lines_of(self.comparison)


async def replay(
    loaded: Loaded, topic: Topic, chosen: tuple[Capability, ...], since: Moment, until: Moment, other: Settings | None
) -> Report:
    """Fold a log again, read what was said then, and compare."""
    process = loaded.process
    span = await span_of(process, topic, since, until, say)
    # Before anything is folded: what the group had saved by then, it has said by the time that is read.
    committed = (await group_of(process, say)).committed
    notes, initial = [], None
    if not span.is_whole:
        newest = await newest_settings(process, say)
        initial = newest.settings if newest else None
        notes.append(
            "the log has lost its first records: the fold begins with empty rows and the newest settings, "
            "so that differences from warming up are to be expected"
        )
    skips = await isolated(process, topic, say)
    run = Replay(topic, chosen, len(span.begins), initial=initial, other=other, skips=skips)
    async with aclosing(chunks(process, topic, span.begins, span.until, say)) as found:
        async for chunk in found:
            run.fold(chunk, span)
    heard = await hear(process, run.homes, run.speakers, topic, span, say)
    name = process.prefix + topic.name
    comparison = run.compared_with(heard, lambda origin: origin.offset >= committed.get((name, origin.partition), 0))
    if any(tally.pending for tally in comparison.tallies.values()):
        notes.append(f"pending: group {process.group!r} has not saved that far; `luminar status` shows how far it is")
    version = None if other is None else version_of(other)
    return Report(name, span, comparison, run.before, run.folded, version, notes)


def chosen_of(topic: str, capability: str | None) -> tuple[Topic, tuple[Capability, ...]]:
    """Return the topic and the capabilities that are meant; raises click.BadParameter for what there is not."""
    by_topic: dict[str, list[Capability]] = {}
    for one in capabilities():
        by_topic.setdefault(one.topic.name, []).append(one)
    if topic not in by_topic:
        raise click.BadParameter(f"no capability reads a topic {topic!r}; {near(topic, list(by_topic))}")
    readers = {one.name: one for one in by_topic[topic]}
    if capability is not None and capability not in readers:
        raise click.BadParameter(f"no capability {capability!r} reads {topic}; {near(capability, list(readers))}")
    chosen = tuple(readers.values()) if capability is None else (readers[capability],)
    return chosen[0].topic, chosen


def run(
    loaded: Loaded,
    *,
    since: Moment,
    until: Moment,
    settings: Settings | None,
    topic: str,
    capability: str | None,
    as_json: bool,
) -> int:
    """Replay a part of a log and print what came of it.

    Returns 0 where all is as it was, or other settings were asked for; 1 where it is not.
    """
    declared, chosen = chosen_of(topic, capability)
    report: Report = waiting(replay(loaded, declared, chosen, since, until, settings))
    if as_json:
        click.echo(json.dumps(report.as_plain()))
    else:
        for line in report.lines():
            click.echo(line)
    return 0 if settings is not None or report.comparison.is_equal else 1
