"""Files, pipes and this machine become records; what cannot be is refused, said and counted."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from streams.client import Publisher
from streams.feed import LONGEST_LINE, REFUSED_SHOWN, Fed, Machine, feed_lines, feed_machine, feed_raw, lines_of
from topics import Topic
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS
from topics.settings import Source

GOOD = b'{"series": "shop/load", "value": 1, "at_s": 1}'


class Noting:
    """A publisher that remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[Topic | str, Any]] = []
        self.flushed = 0

    async def publish(self, topic: Topic | str, record: Any) -> None:
        self.given.append((topic, record))

    async def flush(self) -> None:
        self.flushed = len(self.given)


async def lines(*all_: bytes) -> AsyncIterator[bytes]:
    for line in all_:
        yield line


def noting() -> tuple[Noting, Publisher]:
    noted = Noting()
    return noted, cast(Publisher, noted)


async def taken_apart(stream: io.BufferedIOBase) -> list[bytes]:
    return [line async for line in lines_of(cast(Any, stream))]


class Pipe(io.RawIOBase):
    """A pipe whose writer wrote at these moments."""

    def __init__(self, *writes: bytes) -> None:
        self._writes = list(writes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._writes.pop(0) if self._writes else b""
        buffer[: len(data)] = data
        return len(data)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=8))
def test_lines_are_the_same_however_the_writer_wrote_them(writes: list[bytes]) -> None:
    whole = b"".join(writes)
    expected = [line.rstrip(b"\r") for line in whole.split(b"\n")]
    found = asyncio.run(taken_apart(io.BufferedReader(Pipe(*writes))))
    assert found == (expected if expected[-1] else expected[:-1])


async def test_a_line_without_an_end_takes_no_memory_and_is_refused() -> None:
    data = GOOD + b"\n" + b"x" * (3 * LONGEST_LINE) + b"\n" + GOOD
    found = await taken_apart(io.BytesIO(data))
    assert [len(line) for line in found] == [len(GOOD), LONGEST_LINE + 1, len(GOOD)]
    noted, publisher = noting()
    said: list[str] = []
    fed = Fed()
    await feed_lines(publisher, lines(*found), Source(topic="feed", format="canonical"), said.append, fed)
    assert (fed.refused, len(noted.given)) == (1, 2)
    assert said == [f"line 2 refused: expected at most {LONGEST_LINE} bytes in a line, found more"]


async def test_lines_become_records_on_the_topics_they_belong_to() -> None:
    noted, publisher = noting()
    request = b'{"client": "192.0.2.7:80", "path": "/", "at_s": 1}'
    source = Source(topic="feed", format="canonical", service="shop")
    fed = Fed()
    await feed_lines(publisher, lines(GOOD, b"", request), source, print, fed)
    assert [(topic, record.key()) for topic, record in noted.given] == [(METRICS, "shop"), (REQUESTS, "192.0.2.7")]
    assert noted.given[1][1].service == "shop"
    assert noted.flushed == 2
    assert str(fed) == "3 lines: published 1 to metrics, 1 to requests; refused 0"


async def test_refused_lines_are_said_at_first_and_counted_always() -> None:
    said: list[str] = []
    source = Source(topic="feed", format="canonical")
    fed = Fed()
    await feed_lines(noting()[1], lines(*[b"{"] * 30), source, said.append, fed)
    assert str(fed) == "30 lines: published nothing; refused 30"
    assert len(said) == REFUSED_SHOWN + 1
    assert said[0].startswith("line 1 refused: ")


async def test_raw_lines_go_out_as_they_are() -> None:
    noted, publisher = noting()
    fed = Fed()
    await feed_raw(publisher, lines(b"{", b"", b"\xff"), "metrics", fed)
    assert noted.given == [(METRICS, b"{"), (METRICS, b"\xff")]
    await feed_raw(publisher, lines(b"x"), "telegraf", fed)
    assert noted.given[-1] == ("telegraf", b"x")
    assert str(fed) == "4 lines: published 2 to metrics, 1 to telegraf; refused 0"


def test_a_machine_says_shares_bytes_and_counters() -> None:
    found = {reading.series: reading for reading in Machine("host").readings(12.5)}
    assert {reading.problem() for reading in found.values()} == {None}
    assert {reading.at_s for reading in found.values()} == {12.5}
    assert {"host/cpu_utilisation", "host/load", "host/memory_used_bytes", "host/processes"} <= found.keys()
    assert 0 < found["host/memory_utilisation"].value < 1
    assert found["host/processes"].value >= 1
    assert all((r.kind == "total") == name.endswith(("_read_bytes", "_written_bytes", "_received_bytes", "_sent_bytes"))
               for name, r in found.items())  # fmt: skip


async def test_a_machine_is_asked_as_often_as_told() -> None:
    noted, publisher = noting()
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    fed = Fed("rounds")
    await feed_machine(publisher, Machine(), fed, every_s=7.0, times=3, pause=pause)
    assert pauses == [7.0] * 3
    assert fed.published["metrics"] == len(noted.given) == noted.flushed
    assert all(isinstance(record, Reading) and record.service == "machine" for _, record in noted.given)
