"""The words: records, and the topics that carry them. Importing them opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Something said on a topic: read-only, encoded as JSON, and only ever grown by fields that have a default."""

    def key(self) -> str:
        """Return the Kafka key, which decides the partition."""
        raise NotImplementedError

    def problem(self) -> str | None:
        """Say what makes this record unusable, if anything does."""
        return None


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Which conclusion about which record this is: the identity of everything derived.

    capability     who said it, "anomaly"
    topic          the log it was concluded from, with `partition` and `offset` of the record that led to it
    subject        (phase, what): phase 0 for what the passing of time brings, 1 for what the record itself brings
    """

    capability: str
    topic: str
    partition: int
    offset: int
    subject: tuple[int, str]


class Derived(Record, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A record concluded from others; every copy of it carries the same origin and the same bytes."""

    origin: Origin | None = None

    def subject(self) -> str:
        """Tell this record from all others that its capability says on the same topic at the same offset."""
        raise NotImplementedError


@dataclass(frozen=True)
class Topic:
    """A declaration, not a connection.

    name           without the prefix a deployment may put before it
    records        what it carries; more than one type are told apart by their tag; none: bytes
    key            what keys its records, in words
    keep_days      how long records stay; None: for ever
    compact        whether only the newest record of a key has to stay
    hot            whether its records go straight into columns; then it carries one type
    """

    name: str
    records: tuple[type[Record], ...]
    key: str
    keep_days: float | None = None
    compact: bool = False
    hot: bool = False

    def decoder(self) -> msgspec.json.Decoder[Any]:
        """Return the judge of this topic's values."""
        kinds: Any = self.records[0]
        for record in self.records[1:]:
            kinds = kinds | record
        return msgspec.json.Decoder(kinds)


encode = msgspec.json.Encoder().encode
