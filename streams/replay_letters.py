"""The dead letters of a replay: what a log's records were refused for, told apart as all other words are."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from streams.connection import Say, name_of
from streams.engine.letters import letter_headers
from streams.reader import Message, read
from streams.settings import Process
from topics import Origin, Topic
from topics.dead_letters import DEAD_LETTERS

BORDER = "bus"
"""The stage of what is refused before any capability sees it."""
SHOWN_BYTES = 200


class _Content(msgspec.Struct, frozen=True):
    """What is compared of a dead letter: of its value the checksum, and for people how it begins."""

    reason: str
    value: str | None
    size: int
    checksum: int


def content_of(value: bytes | None, reason: str) -> bytes:
    """Return what is compared of a dead letter.

    >>> content_of(b"{", "malformed")
    b'{"reason":"malformed","value":"{","size":1,"checksum":366298937}'
    """
    begins = None if value is None else value[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    return msgspec.json.encode(_Content(reason, begins, len(value or b""), zlib.crc32(value or b"")))


def expected(
    topic: Topic, partition: int, offset: int, value: bytes | None, reason: str, stage: str
) -> tuple[Origin, bytes]:
    """Return which dead letter a record leads to, and what it holds."""
    kept, headers = letter_headers(value, topic.name, partition, offset, reason, stage)
    return _origin(topic, partition, offset, stage), content_of(
        kept, dict(headers)["reason"].decode("utf-8", "replace")
    )


def heard(message: Message, process: Process, topic: Topic) -> tuple[Origin, bytes] | None:
    """Return which record of a log a dead letter is about, and what it holds; None for another log's."""
    head = _head(message.headers)
    place = (head.get("partition", ""), head.get("offset", ""))
    if head.get("topic") != name_of(process, topic) or not all(number.isdecimal() for number in place):
        return None
    origin = _origin(topic, int(place[0]), int(place[1]), head.get("stage", BORDER))
    return origin, content_of(message.value, head.get("reason", ""))


def _origin(topic: Topic, partition: int, offset: int, stage: str) -> Origin:
    return Origin(stage, topic.name, partition, offset, (1, "refused"))


def _head(headers: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    return {name: content.decode("utf-8", "replace") for name, content in headers}


async def isolated(process: Process, topic: Topic, say: Say) -> dict[tuple[str, int], dict[int, str]]:
    """Return what workers isolated as faults: offsets of the log, and reasons, by capability and partition."""
    found: dict[tuple[str, int], dict[int, str]] = {}
    async for message in read(process, DEAD_LETTERS, say=say):
        letter = heard(message, process, topic)
        if letter is not None and letter[0].capability != BORDER:
            origin = letter[0]
            reason = _head(message.headers).get("reason", "")
            found.setdefault((origin.capability, origin.partition), {})[origin.offset] = reason
    return found
