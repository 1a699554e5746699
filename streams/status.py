"""Status: who works, how far the group is behind the logs, and what is saved of every shard."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from streams.admin import newest_settings
from streams.bus import Capability, capabilities
from streams.cli_options import waiting
from streams.connection import name_of, partition_counts
from streams.group import Group, group_of
from streams.reader import bounds
from streams.settings import Loaded
from streams.status_state import State, read_state
from streams.tables import spans, table
from topics import Topic
from topics.catalogue import ALL
from topics.settings import SettingsRecord
from topics.state import STATE

REGRETS = ("service", "short", "idle", "had it obeyed: short", "idle", "had it reacted: short", "idle")
"""Shares of a service's load: what had no replica, and the capacity that lay idle beside it."""
PATIENCE_S = 4.0


@dataclass(frozen=True)
class Lag:
    """How far the group is behind one partition: its first offset, the next one, and what is committed, if anything."""

    topic: str
    partition: int
    begin: int
    end: int
    committed: int | None

    @property
    def records(self) -> int:
        """Return how many records are not yet folded and saved."""
        return max(0, self.end - max(self.begin, self.committed or 0))


@dataclass
class Status:
    """All that `luminar status` says.

    put            the settings that were put last; in force: versions of the shards' settings, with how many have them
    problems       what keeps the deployment from working, each with its remedy
    """

    group: Group
    lags: list[Lag] = field(default_factory=list)
    state: State = field(default_factory=State)
    put: SettingsRecord | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def in_force(self) -> Counter[str]:
        """Return the versions of the settings that shards have, with how many have them."""
        return Counter(shard.settings or "defaults" for shard in self.state.shards)

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        lag: Counter[str] = Counter()
        for one in self.lags:
            lag[one.topic] += one.records
        return {
            "group": self.group.name,
            "state_of_group": self.group.state,
            "members": [asdict(member) for member in self.group.members],
            "lag": dict(lag),
            "partitions": [{**asdict(one), "lag": one.records} for one in self.lags],
            "shards": [asdict(shard) for shard in self.state.shards],
            "rows": sum(shard.rows for shard in self.state.shards),
            "state_bytes": self.state.size_bytes,
            "state_records": self.state.records,
            "scaling": self.state.figures,
            "settings_put": self.put.version if self.put else None,
            "settings_in_force": dict(self.in_force),
            "problems": self.problems,
        }

    def lines(self) -> list[str]:
        """Return it as lines for a terminal."""
        lines = [f"group {self.group.name}: {self.group.state}, {len(self.group.members)} members"]
        for member in self.group.members:
            held = "; ".join(f"{topic} {spans(parts)}" for topic, parts in sorted(member.partitions.items()))
            lines.append(f"  {member.name} from {member.host}: {held or 'nothing'}")
        if self.lags:
            lines += ["", *table(("topic", "partitions", "records", "lag"), _lag_rows(self.lags))]
        if self.state.shards:
            heads = ("capability", "partition", "pages", "rows", "bytes", "lowest", "highest", "settings")
            rows = [
                (
                    s.capability,
                    s.partition,
                    s.pages,
                    s.rows,
                    s.size_bytes,
                    s.lowest,
                    s.highest,
                    s.settings or "defaults",
                )
                for s in self.state.shards
            ]
            lines += ["", *table(heads, rows)]
        if self.state.figures:
            lines += ["", *table(REGRETS, [_regret_row(*one) for one in sorted(self.state.figures.items())])]
        if self.lags:
            lines += ["", *self._summary()]
        return lines + [f"! {problem}" for problem in self.problems]

    def _summary(self) -> list[str]:
        shards, state = self.state.shards, self.state
        in_force = ", ".join(f"{version} in {count} shards" for version, count in self.in_force.most_common())
        lines = [
            f"state: {sum(s.rows for s in shards)} rows in {sum(s.pages for s in shards)} pages, "
            f"{state.size_bytes} bytes; its topic holds {state.records} records",
            f"settings: {self.put.version if self.put else 'none'} put last; "
            + (f"in force: {in_force}" if in_force else "no shard is saved yet"),
        ]
        if stale := sum(shard.stale for shard in shards):
            lines.append(f"{stale} pages cannot be taken over: workers of this version learn them again from the log")
        if newer := sum(shard.newer for shard in shards):
            lines.append(f"{newer} pages are of a newer version: workers of this one leave them, and wait for theirs")
        if state.unknown:
            found = ", ".join(f"{name} ({count} records)" for name, count in sorted(state.unknown.items()))
            lines.append(f"state of capabilities that this program does not have: {found}")
        return lines


def _regret_row(service: str, figures: Mapping[str, float]) -> tuple[object, ...]:
    """Return how a service was provided for: as it was, had it obeyed, and had it reacted to the load of now alone.

    >>> _regret_row("shop", {"ours_short": 0.004, "ours_idle": 0.5})
    ('shop', '-', '-', '0.4%', '50.0%', '-', '-')
    """
    names = (f"{rule}{what}" for rule in ("", "ours_", "reactive_") for what in ("short", "idle"))
    return (service, *(f"{figures[name]:.1%}" if name in figures else "-" for name in names))


def _lag_rows(lags: Sequence[Lag]) -> list[tuple[object, ...]]:
    by_topic: dict[str, list[Lag]] = {}
    for lag in lags:
        by_topic.setdefault(lag.topic, []).append(lag)
    return [
        (topic, len(found), sum(one.end - one.begin for one in found), sum(one.records for one in found))
        for topic, found in by_topic.items()
    ]


async def look(loaded: Loaded, known: tuple[Capability, ...] | None = None) -> Status:
    """Ask the broker; raises ConnectionError when it does not answer within a few seconds."""
    process = loaded.process
    counts = await partition_counts(process, _quiet, PATIENCE_S)
    group = await group_of(process, _quiet, PATIENCE_S)
    status, known = Status(group), capabilities() if known is None else known
    absent = [name for name in (name_of(process, topic) for topic in ALL) if name not in counts]
    if absent:
        status.problems.append(f"{_these(absent)} not there; `luminar topics` makes what is missing")
    foreign = [source.topic for source in loaded.settings.sources]
    status.problems += [
        f"topic {name} of the settings' sources is not there; whoever writes it makes it"
        for name in foreign
        if name not in counts
    ]
    if not group.members:
        status.problems.append(f"group {process.group} has no members: nobody works; `luminar worker` starts one")
    read_by_us: tuple[Topic | str, ...] = tuple(dict.fromkeys((*(c.topic for c in known), *foreign)))
    for topic in read_by_us:
        name = name_of(process, topic)
        if name in counts:
            for partition, (begin, end) in (await bounds(process, topic, _quiet, PATIENCE_S)).items():
                status.lags.append(Lag(name, partition, begin, end, group.committed.get((name, partition))))
    if not absent:
        status.state = await read_state(process, known, counts[name_of(process, STATE)], _quiet)
        status.put = await newest_settings(process, _quiet)
    return status


def _these(names: list[str]) -> str:
    return f"topic {names[0]} is" if len(names) == 1 else f"topics {', '.join(names)} are"


def _quiet(text: str) -> None:
    """Say nothing: waiting is short here, and what came of it is said in the end."""


def run(loaded: Loaded, *, as_json: bool) -> int:
    """Print how a deployment is; returns 1 where something keeps it from working, else 0."""
    status: Status = waiting(look(loaded))
    if as_json:
        click.echo(json.dumps(status.as_plain()))
    else:
        for line in status.lines():
            click.echo(line)
    return 1 if status.problems else 0
