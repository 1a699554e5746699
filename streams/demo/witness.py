"""The witness: an independent reader of what Luminar says; it belongs to no group, and all it keeps is its marks."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import msgspec

from streams.client import Message, read
from streams.demo.facts import Facts
from streams.demo.marks import Marks
from streams.settings import Process
from topics import Derived, Origin, Record, Topic
from topics.alerts import ALERTS, Alert
from topics.blocklist import BLOCKLIST, Block
from topics.commands import COMMANDS, Command
from topics.metrics import METRICS, Reading
from topics.proposals import REFUSALS, Refusal
from topics.requests import REQUESTS, Request
from topics.signals import SIGNALS, Anomaly

READ = (ALERTS, COMMANDS, BLOCKLIST, REFUSALS, METRICS, REQUESTS, SIGNALS)


class Witness:
    """Reads the outputs, takes each conclusion once, and keeps count.

    asked          requests that stand in the log; counted: those that `traffic` says there were, both by service
    concluded      conclusions taken; concluded_ms: when the latest came into the log
    marks          how often one was said again, and whether keeping marks was enough
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.marks = Marks()
        self.asked: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.concluded = 0
        self.concluded_ms = 0
        self.news = asyncio.Event()
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {topic.name: topic.decoder() for topic in READ}

    async def watch(self, process: Process, topic: Topic, since_s: float) -> None:
        """Follow a topic from a time on, until cancelled."""
        async for message in read(process, topic, since=since_s, until=None):
            self.take(topic.name, message)

    def take(self, topic: str, message: Message) -> None:
        """Take in a record as it stands in the log; control records say nothing to us."""
        if message.value is None:
            self._take_tombstone(topic, message)
        else:
            try:
                record: Record = self._decoders[topic].decode(message.value)
            except msgspec.ValidationError:
                return
            if self._is_new(topic, message, record.origin if isinstance(record, Derived) else None):
                self._take_record(record)
        self.news.set()

    def _take_tombstone(self, topic: str, message: Message) -> None:
        if topic == BLOCKLIST.name and message.key is not None and self._is_new(topic, message, origin_of(message)):
            self.facts.take_block(message.key.decode("utf-8", "replace"), None)

    def _is_new(self, topic: str, message: Message, origin: Origin | None) -> bool:
        if origin is None:
            return True
        new = self.marks.is_new((topic, message.partition), origin, message.value or b"")
        self.concluded += new
        self.concluded_ms = max(self.concluded_ms, message.time_ms)
        return new

    def _take_record(self, record: Record) -> None:
        match record:
            case Anomaly():
                self.facts.take_anomaly(record)
            case Alert():
                self.facts.take_alert(record)
            case Block():
                self.facts.take_block(record.client, record)
            case Command():
                self.facts.take_command(record)
            case Refusal():
                self.facts.take_refusal(record)
            case Reading():
                self._take_reading(record)
            case Request():
                self._take_request(record)

    def _take_reading(self, reading: Reading) -> None:
        if reading.origin is None:
            self.facts.take_gauge(reading)
        elif reading.origin.capability == "traffic" and reading.series == f"{reading.service}/requests":
            self.counted[reading.service] += round(reading.value)

    def _take_request(self, request: Request) -> None:
        if request.origin is not None and request.origin.capability == "forward":
            return  # It stood in the log already, in another partition.
        self.asked[request.service] += 1
        self.facts.take_request(request)


def origin_of(message: Message) -> Origin | None:
    """Return the origin of a tombstone, which has no value to say it in."""
    said = dict(message.headers).get("origin")
    return None if said is None else msgspec.json.decode(said, type=Origin)
