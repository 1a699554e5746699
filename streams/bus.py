"""The bus: the one door between capabilities and Kafka. Here they are declared; the engine moves their chunks."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from detectors.bank import Bank, Finding
from detectors.columns import Run
from topics import Record, Topic
from topics.blocklist import BLOCKLIST, Lift
from topics.signals import SIGNALS, Anomaly

B = TypeVar("B", bound=Bank)
Verb = Callable[[Run, B], list[Finding]]

# In this order: what leads a topic (forwards misplaced records, writes dead letters) is the first placed capability
# that reads it.
MODULES = (
    "anomaly", "scaling", "percentiles", "security", "accounts", "traffic", "composition", "floods", "scans",
    "incidents", "decisions",
)  # fmt: skip

_declared: dict[str, Capability] = {}


@dataclass(frozen=True)
class Capability:
    """One capability: the topic it reads, its bank, what it says where, and the verb that folds a run into the bank."""

    name: str
    topic: Topic
    bank: type[Bank]
    says: tuple[Topic, ...]
    verb: Callable[[Run, Any], list[Finding]]

    @property
    def help(self) -> str:
        """Return what it does, in its author's words."""
        return (self.verb.__doc__ or "").strip()


def agent(topic: Topic, *, bank: type[B], says: tuple[Topic, ...]) -> Callable[[Verb[B]], Verb[B]]:
    """Declare a capability: `verb(run, bank)` is called for every run of every chunk of `topic`."""

    def declare(verb: Verb[B]) -> Verb[B]:
        name = bank.capability
        assert name not in _declared, f"capability {name} is declared twice"
        _declared[name] = Capability(name, topic, bank, says, verb)
        return verb

    return declare


def capabilities() -> tuple[Capability, ...]:
    """Return every capability, in the order of MODULES."""
    for module in MODULES:
        importlib.import_module(f"streams.{module}")
    order = {name: place for place, name in enumerate(MODULES)}
    return tuple(sorted(_declared.values(), key=lambda capability: order.get(capability.name, len(order))))


def leads(capability: Capability, among: tuple[Capability, ...]) -> bool:
    """Say whether a capability does its topic's housekeeping: forwards, and dead letters."""
    return capability is next((c for c in among if c.topic is capability.topic and c.bank.placed), None)


def home_of(capability: Capability, record: Record) -> Topic:
    """Return the topic that a record of a capability goes to."""
    if isinstance(record, Lift):
        return BLOCKLIST  # It becomes a tombstone there, which is no record that the topic could carry.
    for topic in (*capability.says, capability.topic):
        if isinstance(record, topic.records):
            return topic
    if isinstance(record, Anomaly):
        return SIGNALS  # A fault of ours: the engine says it for whatever capability failed.
    raise AssertionError(f"{capability.name} says {type(record).__name__}, which none of its topics carries")
