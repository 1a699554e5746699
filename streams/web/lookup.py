"""What a click asks of Kafka: the raw record at a place in the log, the end of a block, what is said of an alert."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any

from aiokafka.errors import KafkaError

from streams.client import Publisher, TopicMissing
from streams.feedback import FeedbackRefused, Verdict, let_go, publish, wishes
from streams.reader import Message, bounds, read
from streams.settings import Process
from streams.web.model import View
from streams.web.rings import Shelf
from topics.catalogue import ALL

Row = dict[str, Any]
SHOWN_CHARACTERS = 20_000
LIMIT_S = 6.0
PLACES_MOST = 50
EXPECTED_S = 7200.0
AUTHOR = "page"
FAILURES = (KafkaError, OSError, TimeoutError, TopicMissing)


class Lookup:
    """Reads single records, and publishes what people decide on the page.

    Only topics that Luminar knows can be opened, and those that a record shown before named as its origin: the page is
    no way into the rest of a shared cluster.
    """

    def __init__(self, process: Process, view: View, now: Callable[[], float] = time.time) -> None:
        self._process = process
        self._view = view
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._openable: Shelf[bool] = Shelf(1_000)

    async def record(self, topic: str, partition: int, offset: int) -> Row:
        """Return the record at a place in the log as plain data, or why it cannot be shown."""
        place: Row = {"topic": topic, "partition": partition, "offset": offset}
        name = self._full_name(topic)
        if name is None:
            return {**place, "problem": f"{topic!r} is no topic of Luminar, and no record shown here came from it"}
        try:
            async with self._one_at_a_time, asyncio.timeout(LIMIT_S):
                message = await self._read_one(name, partition, offset)
        except FAILURES as error:
            return {**place, "problem": f"Kafka did not give it: {str(error) or 'no answer'}"}
        if message is None:
            return {
                **place,
                "problem": "it is gone: a newer record of its key replaced it, or it was older than is kept",
            }
        row = describe(message)
        for found in row["places"]:
            self._openable.put(found["topic"], True)
        return {**place, **row}

    def _full_name(self, topic: str) -> str | None:
        """Return a topic's name on the broker; origins may name our topics with or without the prefix."""
        prefix = self._process.prefix
        for declared in ALL:
            if topic in (declared.name, prefix + declared.name):
                return prefix + declared.name
        return topic if topic in self._openable else None

    async def _read_one(self, name: str, partition: int, offset: int) -> Message | None:
        kept = await bounds(self._process, name, patience_s=LIMIT_S)
        first, end = kept.get(partition, (0, 0))
        if not first <= offset < end:
            return None  # Reading there would wait for a record that nobody may ever write.
        since, until = {partition: offset}, {partition: offset + 1}
        found = read(self._process, name, since=since, until=until, partitions=[partition], patience_s=LIMIT_S)
        async with aclosing(found):
            return await anext(found, None)

    async def lift(self, client: str) -> str | None:
        """Ask for the end of a client's block; return what went wrong, if anything did."""
        if client not in self._view.blocks:
            return f"{client} is not blocked any more"
        try:
            async with asyncio.timeout(LIMIT_S), Publisher(self._process, patience_s=LIMIT_S) as publisher:
                await let_go(publisher, client, AUTHOR)
        except FAILURES as error:
            return f"the wish did not reach Kafka: {str(error) or 'no answer'}"
        self._view.ask_lift(client, self._now())
        return None

    async def feedback(self, verdict: Verdict, name: str) -> str | None:
        """Say what an alert was, expected for two hours from now; return what went wrong, if anything did."""
        said = self._view.alerts.get(name)
        if said is None:
            return f"alert {name} is shown no more"
        until_s = self._now() + EXPECTED_S if verdict == "expected" else None
        try:
            async with asyncio.timeout(LIMIT_S), Publisher(self._process, patience_s=LIMIT_S) as publisher:
                await publish(publisher, wishes(verdict, name, AUTHOR, until_s, said.record))
        except FeedbackRefused:
            return f"alert {name} names no series whose model could learn from that"
        except FAILURES as error:
            return f"the wish did not reach Kafka: {str(error) or 'no answer'}"
        return None


def describe(message: Message) -> Row:
    """Return a record as plain data: its time, key, headers, value, and the places in the log it names."""
    value, places = None, []
    text, kind = _text(message.value)
    if message.value is not None:
        try:
            value = json.loads(message.value)
        except (ValueError, RecursionError):
            value = None
        if value is not None:
            text, kind = json.dumps(value, indent=2, ensure_ascii=False), "JSON"
            places = list(places_in(value))[:PLACES_MOST]
    return {
        "at_s": message.time_ms / 1000,
        "key": _text(message.key)[0],
        "headers": [f"{name}: {_text(content)[0]}" for name, content in message.headers],
        "bytes": len(message.value or b""),
        "kind": kind,
        "text": text[:SHOWN_CHARACTERS] + ("\n…" if len(text) > SHOWN_CHARACTERS else ""),
        "places": places,
    }


def _text(content: bytes | None) -> tuple[str, str]:
    """Return bytes as text a person can read, and what they are."""
    if content is None:
        return "", "a tombstone"
    try:
        return content.decode(), "text"
    except UnicodeDecodeError:
        return content[: SHOWN_CHARACTERS // 3].hex(" "), "bytes"


def places_in(value: Any) -> Iterator[Row]:
    """Yield every origin inside a record's value, however deep: each is a place in the log to go on to.

    >>> list(places_in({"origin": {"capability": "anomaly", "topic": "metrics", "partition": 1, "offset": 7}}))
    [{'topic': 'metrics', 'partition': 1, 'offset': 7, 'capability': 'anomaly'}]
    """
    if isinstance(value, list):
        for item in value:
            yield from places_in(item)
    elif isinstance(value, dict):
        topic, partition, offset = (value.get(name) for name in ("topic", "partition", "offset"))
        if isinstance(topic, str) and type(partition) is int and type(offset) is int:
            yield {
                "topic": topic,
                "partition": partition,
                "offset": offset,
                "capability": str(value.get("capability", "")),
            }
        for item in value.values():
            yield from places_in(item)
