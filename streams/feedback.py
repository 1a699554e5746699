"""Feedback: which records a person's words about an alert, a series or a service become, and in whose logs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal, NamedTuple

import msgspec

from streams.client import Publisher, TopicMissing, partition_of, read
from streams.connection import Say, partition_counts, say_in_log
from streams.settings import Process
from topics import Topic
from topics.alerts import ALERTS, Alert
from topics.clients import client_of
from topics.compositions import COMPOSITIONS
from topics.connections import CONNECTIONS
from topics.control import EVERYBODY, Feedback
from topics.metrics import METRICS
from topics.proposals import BLOCKLIST_KEY, PROPOSALS
from topics.requests import REQUESTS
from topics.signals import SIGNALS

Verdict = Literal["false alarm", "confirmed", "expected"]
VERDICTS: tuple[Verdict, ...] = ("false alarm", "confirmed", "expected")


ACCUSERS = (REQUESTS, CONNECTIONS, COMPOSITIONS)
"""The logs of those who propose blocks of clients, and keep what is held against them."""


class FeedbackRefused(Exception):
    """What a person says is about nothing that is known; the text says what was expected."""


class Wish(NamedTuple):
    """A record of a person's words: on which topic, in the partition of which key."""

    topic: Topic
    key: str
    feedback: Feedback


def wishes(verdict: Verdict, subject: str, author: str, until_s: float | None, alert: Alert | None) -> list[Wish]:
    """Return what is to be published, in this order; the models hear it before the incident ends.

    subject        a series, a service, or the id of the `alert`

    Raises FeedbackRefused where a service alone, or an alert without a series, does not say which model is meant.

    >>> [(wish.topic.name, wish.key) for wish in wishes("false alarm", "shop/latency_s", "ann", None, None)]
    [('metrics', 'shop'), ('signals', 'shop')]
    """
    about = alert_subjects(alert) if alert is not None else [(subject, "")] if "/" in subject else []
    service = alert.service if alert is not None else subject.partition("/")[0]
    if verdict != "expected" and not about:
        raise FeedbackRefused(f"expected the id of an alert that names a series, or a series, got {subject!r}")
    out = []
    if verdict in ("false alarm", "confirmed"):
        for series, kind in about:
            out.append(Wish(METRICS, service, Feedback(verdict=verdict, subject=series, author=author, kind=kind)))
    if verdict == "expected":
        for named in dict.fromkeys([series for series, _ in about] or [service]):
            feedback = Feedback(verdict=verdict, subject=named, author=author, until_s=until_s)
            out.append(Wish(SIGNALS, service, feedback))
    if verdict == "false alarm" or (verdict == "expected" and alert is not None):
        out.append(Wish(SIGNALS, service, Feedback(verdict=verdict, subject=subject, author=author)))
    return out


def alert_subjects(alert: Alert) -> list[tuple[str, str]]:
    """Return the series that an alert is about, each with the kind of anomaly; clients are no series.

    >>> alert = Alert(id="a", state="firing", severity="info", service="a", title="", at_s=0.0, since_s=0.0,
    ...     subjects=("a/x level", "192.0.2.1 rate"))
    >>> alert_subjects(alert)
    [('a/x', 'level')]
    """
    pairs = [subject.rpartition(" ") for subject in alert.subjects]
    return [(series, kind) for series, _, kind in pairs if series.startswith(f"{alert.service}/")]


async def let_go(publisher: Publisher, client: str, author: str) -> None:
    """Ask for the end of a client's block, or of all ("*"), and that nothing is held against who was blocked.

    `decisions` hears of it first, since it spares them; then whoever proposes blocks, in the partition of the client,
    or in all where that is not known. A log that is not there holds nothing against anybody.
    """
    subject = client_of(client)
    feedback = Feedback(verdict="lift", subject=subject, author=author)
    # All blocks are decided in one partition: that of their common key, not of the client's.
    await publisher.publish_now(PROPOSALS, feedback, key=BLOCKLIST_KEY)
    for topic in ACCUSERS:
        try:
            count = await publisher.partitions(topic)
        except TopicMissing:
            continue
        one = topic.key == "client" and subject != EVERYBODY
        for partition in [partition_of(subject.encode("utf-8", "replace"), count)] if one else range(count):
            await publisher.publish(topic, feedback, key=subject, partition=partition)
    await publisher.flush()


async def find_alert(process: Process, name: str, say: Say = say_in_log) -> Alert | None:
    """Return the latest that was said of an alert; None where there is none of that id."""
    found = None
    async with aclosing(_alerts(process, name, say)) as alerts:
        async for alert in alerts:
            found = alert
    return found


async def _alerts(process: Process, name: str, say: Say) -> AsyncGenerator[Alert, None]:
    count = (await partition_counts(process, say)).get(process.prefix + ALERTS.name, 1)
    decode, key = msgspec.json.Decoder(Alert).decode, name.encode()
    async with aclosing(read(process, ALERTS, partitions=[partition_of(key, count)], say=say)) as messages:
        async for message in messages:
            if message.key == key and message.value is not None:
                yield decode(message.value)


async def give(
    process: Process, verdict: Verdict, subject: str, author: str, until_s: float | None, say: Say = say_in_log
) -> list[Wish]:
    """Publish what a person says, where it is heard; return what was published."""
    alert = None if "/" in subject else await find_alert(process, subject, say)
    said = wishes(verdict, subject, author, until_s, alert)
    async with Publisher(process, say) as publisher:
        await publish(publisher, said)
    return said


async def publish(publisher: Publisher, said: list[Wish]) -> None:
    """Publish wishes, one after the other."""
    for wish in said:
        await publisher.publish_now(wish.topic, wish.feedback, key=wish.key)
