"""A foreign record that cannot be translated, or that Kafka would refuse as ours, is a dead letter; no worker ends."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from faust.types import TP

from streams.engine.chunks import Chunk, chunk_of
from streams.engine.letters import Letter
from streams.engine.origins import LARGEST_FORWARDED
from streams.ingest import FORMATS
from streams.ingest.translate import translate, translate_one
from tests.streams.engine.fragile import Log, feed
from topics.metrics import Reading
from topics.requests import Request
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


def test_a_record_at_which_translation_fails_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker would read it again, and end at it."""

    def parse(value: bytes, key: bytes | None, source: Source) -> list[Reading | Request]:
        return [Reading(series="shop/load", value=1 / len(value), at_s=1.0)]

    async def go() -> list[tuple[str, Any]]:
        host = await feed(Log([]))
        monkeypatch.setitem(FORMATS, "canonical", parse)
        chunk = chunk_of("foreign", 0, 0, [(None, value, 1000) for value in (b"1", b"", b"1")])
        await translate(host, Source(topic="foreign", format="canonical"), chunk)
        assert host.stateless == {TP("foreign", 0): 3}
        return [(lane.topic, len(lane.waiting)) for lane in host.outbox._lanes.values()]

    assert asyncio.run(go()) == [("metrics", 2), ("dead-letters", 1)]
