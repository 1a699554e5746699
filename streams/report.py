"""Reports: what the topics tell of a stretch of time, added up for people."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import click
import msgspec

from streams.cli_words import say
from streams.connection import TopicMissing
from streams.reader import Message, Since, read
from streams.settings import Process
from streams.tables import table
from streams.tail import clock, plain, text_of
from topics import Derived, Origin, Topic
from topics.blocklist import BLOCKLIST, Block
from topics.proposals import REFUSALS, Refusal
from topics.signals import SIGNALS, Threat

Read = Callable[[Topic], AsyncIterator[Message]]
DRY_RUN = "dry run"


@dataclass
class Client:
    """What one client did, and what was done about it.

    threats        how many, by family; services: by service; first_s, last_s: between which times
    blocks         how often a block began, or was made longer; until_s: when the last one ends, or ended
    lifted         why its block ended, where it did
    refused        proposed blocks that were not carried out, by the rule that was against them
    """

    threats: Counter[str] = field(default_factory=Counter)
    services: Counter[str] = field(default_factory=Counter)
    first_s: float = 0.0
    last_s: float = 0.0
    blocks: int = 0
    until_s: float | None = None
    lifted: str | None = None
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def fate(self) -> str:
        """Return in words what was done about the client."""
        if self.lifted is not None:
            return f"lifted: {self.lifted}" if self.lifted else "lifted"
        if self.until_s is not None:
            return f"blocked until {clock(self.until_s)}"
        if self.refused[DRY_RUN]:
            return "would have been blocked (dry run)"
        return f"not blocked: {', '.join(sorted(self.refused))}" if self.refused else "watched"


@dataclass
class Threats:
    """What was hostile in a stretch of time. clients: by name; seen: the origins that were counted."""

    clients: dict[str, Client] = field(default_factory=dict)
    families: dict[str, tuple[Counter[str], Counter[str]]] = field(default_factory=dict)
    seen: set[Origin] = field(default_factory=set)

    def _client(self, name: str) -> Client:
        return self.clients.setdefault(name, Client())

    def take(self, topic: Topic, message: Message) -> None:
        """Count what a record says; what cannot be read is nothing that one of ours has said."""
        if topic is BLOCKLIST and message.value is None:
            self._client(text_of(message.key)).lifted = text_of(dict(message.headers).get("why") or b"")
            return
        try:
            record = None if message.value is None else topic.decoder().decode(message.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if isinstance(record, Derived) and record.origin is not None:
            if record.origin in self.seen:
                return
            self.seen.add(record.origin)
        if isinstance(record, Threat):
            self._threat(record)
        elif isinstance(record, Block):
            client = self._client(record.client)
            client.blocks, client.until_s, client.lifted = client.blocks + 1, record.until_s, None
        elif isinstance(record, Refusal) and record.action == "block":
            self._client(record.target).refused[record.rule] += 1

    def _threat(self, record: Threat) -> None:
        client = self._client(record.client)
        client.first_s = min(client.first_s or record.at_s, record.at_s)
        client.last_s = max(client.last_s, record.at_s)
        client.threats[record.family] += 1
        client.services[record.service] += 1
        by_client, by_service = self.families.setdefault(record.family, (Counter(), Counter()))
        by_client[record.client] += 1
        by_service[record.service] += 1

    def ranked(self) -> list[tuple[str, Client]]:
        """Return the clients, those with the most threats first."""
        return sorted(self.clients.items(), key=lambda one: (-one[1].threats.total(), one[0]))

    def services(self) -> dict[str, tuple[int, int]]:
        """Return, by service, how many threats there were, and of how many clients."""
        names = sorted({name for client in self.clients.values() for name in client.services})
        having = {name: [client.services[name] for client in self.clients.values()] for name in names}
        return {name: (sum(counts), sum(count > 0 for count in counts)) for name, counts in having.items()}

    def blocked(self) -> list[str]:
        """Return the clients whose block began in this time, whether or not it has ended."""
        return [name for name, client in self.ranked() if client.blocks or client.lifted is not None]

    def rehearsed(self) -> list[str]:
        """Return the clients that would have been blocked, but for the dry run."""
        return [name for name, client in self.ranked() if client.refused[DRY_RUN]]


async def collect(read_topic: Read) -> Threats:
    """Return what was hostile, by what each topic holds; one that is not there holds nothing."""
    found = Threats()
    for topic in (SIGNALS, REFUSALS, BLOCKLIST):
        try:
            async for message in read_topic(topic):
                found.take(topic, message)
        except TopicMissing as why:
            say(str(why))
    return found


async def run(process: Process, since: Since, top: int, as_json: bool) -> None:
    """Print what was hostile since a time."""
    now_s = time.time()
    found = await collect(lambda topic: read(process, topic, since=since, say=say))
    since_s = since if isinstance(since, float) else 0.0 if since == "beginning" else now_s
    if as_json:
        click.echo(json.dumps(as_plain(found, since_s, now_s)))
        return
    for line in lines_of(found, since_s, top):
        click.echo(plain(line))


def as_plain(found: Threats, since_s: float, now_s: float) -> dict[str, Any]:
    """Return a report as plain data."""
    return {
        "since_s": since_s,
        "until_s": now_s,
        "threats": sum(client.threats.total() for client in found.clients.values()),
        "families": {
            name: {"threats": clients.total(), "clients": len(clients), "services": len(services)}
            for name, (clients, services) in sorted(found.families.items())
        },
        "services": {
            name: {"threats": count, "clients": clients} for name, (count, clients) in found.services().items()
        },
        "clients": [
            {
                "client": name, "threats": client.threats.total(), "families": dict(sorted(client.threats.items())),
                "services": dict(sorted(client.services.items())), "first_s": client.first_s, "last_s": client.last_s,
                "blocks": client.blocks, "until_s": client.until_s, "lifted": client.lifted,
                "refused": dict(sorted(client.refused.items())), "fate": client.fate,
            }
            for name, client in found.ranked()
        ],
        "blocked": found.blocked(),
        "dry_run": found.rehearsed(),
    }  # fmt: skip


def lines_of(found: Threats, since_s: float, top: int) -> list[str]:
    """Return a report as lines for a terminal."""
    since = f"since {clock(since_s)}" if since_s else "since the beginning"
    hostile = [(name, client) for name, client in found.ranked() if client.threats]
    total = sum(client.threats.total() for _, client in hostile)
    lines = [f"{_counted(total, 'threat')} {since}, {_counted(len(hostile), 'client')}"]
    if found.families:
        rows = [
            (name, clients.total(), len(clients), len(to)) for name, (clients, to) in sorted(found.families.items())
        ]
        lines += ["", *table(("family", "threats", "clients", "services"), rows)]
        rows_of_services = [(name, *numbers) for name, numbers in found.services().items()]
        lines += ["", *table(("service", "threats", "clients"), rows_of_services)]
        lines += ["", *_clients(hostile[:top])]
        lines += [f"and {len(hostile) - top} more clients; --json tells all"] if len(hostile) > top else []
    lines += [
        "",
        _named("blocked", found.blocked(), top),
        _named("would be, but for the dry run", found.rehearsed(), top),
    ]
    refused = sum((client.refused for client in found.clients.values()), Counter[str]())
    rules = ", ".join(f"{rule} {count}" for rule, count in sorted(refused.items()))
    return [*lines, f"blocks not carried out: {rules or 'none'}"]


def _clients(hostile: Iterable[tuple[str, Client]]) -> list[str]:
    rows = [
        (name, client.threats.total(), " ".join(sorted(client.threats)), clock(client.last_s), client.fate)
        for name, client in hostile
    ]
    return table(("client", "threats", "families", "last", "what came of it"), rows)


def _named(what: str, names: list[str], top: int) -> str:
    shown = ", ".join(names[:top]) + (", …" if len(names) > top else "")
    return f"{what}: {len(names)}" + (f" ({shown})" if names else "")


def _counted(count: int, word: str) -> str:
    """Return a count with its word.

    >>> _counted(1, "threat"), _counted(2, "threat")
    ('1 threat', '2 threats')
    """
    return f"{count} {word}" + ("" if count == 1 else "s")
