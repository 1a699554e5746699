"""A foreign record that would be longer as one of ours than Kafka takes is a dead letter, and ends no worker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from streams.engine.chunks import Chunk, chunk_of
from streams.engine.origins import LARGEST_FORWARDED
from streams.engine.shard import Letter
from streams.ingest.translate import translate_one
from topics.settings import Source

SOURCE = Source(topic="logs", format="canonical")


def outcome(size: int, sign: str) -> tuple[list[Any], list[Letter]]:
    """Translate a request whose path has so many signs; return what is published, and what is refused."""
    published: list[Any] = []
    letters: list[Letter] = []

    def refuse(tp: Any, chunk: Chunk, letter: Letter) -> None:
        letters.append(letter)

    def publish(topic: Any, record: Any) -> None:
        published.append(record)

    host: Any = SimpleNamespace(refuse=refuse, publish_translated=publish)
    raw = msgspec.json.encode({"client": "192.0.2.1", "at_s": 1, "path": sign * size})
    translate_one(host, SOURCE, chunk_of("logs", 0, 7, [(None, raw, 1000)]), 0)
    return published, letters


def test_what_fits_is_published_and_what_does_not_is_kept_with_the_reason() -> None:
    published, letters = outcome(LARGEST_FORWARDED - 1000, "x")
    assert (len(published), letters) == (1, [])
    published, (letter,) = outcome(LARGEST_FORWARDED, "x")
    assert published == []
    assert "bytes, at most 1000000 are allowed" in letter.reason
