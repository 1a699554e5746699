"""Whatever stands in a log: nothing crashes, nothing vanishes, and what cannot be used is kept with the reason."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.storm.judge import Judge
from streams.client import Publisher
from streams.connection import partition_of
from streams.reader import Message
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, WorkerProcess, counted, reason_of, until
from topics import Topic
from topics.dead_letters import DEAD_LETTERS
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request

PARTITIONS = 4
NOW = int(time.time())
KEPT, LONG = "", "x" * 10_000


@dataclass(frozen=True)
class Case:
    """A record, and the reason for which it is a dead letter; KEPT: it is none, and is folded or forwarded.

    key            of the record; its service's or client's own where it is Ellipsis
    """

    name: str
    topic: Topic
    value: bytes | None
    reason: str
    key: Any = ...
    headers: tuple[tuple[str, bytes], ...] = ()


def reading(name: str, **more: str) -> bytes:
    """Return a reading as JSON, with fields as they are written here."""
    fields = {"series": f'"bad/{name}"', "value": "1", "at_s": str(NOW)} | more
    return ("{" + ",".join(f'"{field}":{text}' for field, text in fields.items() if text) + "}").encode(
        "utf-8", "surrogateescape"
    )


def request(**more: str) -> bytes:
    """Return a request as JSON, with fields as they are written here."""
    fields = {"client": '"198.51.100.1"', "path": '"/"', "at_s": str(NOW), "service": '"bad"'} | more
    return ("{" + ",".join(f'"{field}":{text}' for field, text in fields.items() if text) + "}").encode(
        "utf-8", "surrogateescape"
    )


def origin(capability: str = "traffic", topic: str = "requests", offset: str = "7", what: str = "x") -> str:
    """Return an origin that nobody gave."""
    return f'{{"capability":"{capability}","topic":"{topic}","partition":0,"offset":{offset},"subject":[1,"{what}"]}}'


DEEP = "[" * 100_000 + "]" * 100_000
BOMB = '"/' + "a" * 50_000 + "%20" * 20_000 + "(((((.*)*)*)*)*)!" + "../" * 10_000 + '"'
HUGE = reading("huge", kind='"sketch"', buckets="{" + ",".join(f'"{10_000_000 + i}":1' for i in range(79_000)) + "}")

READINGS = [
    ("invalid JSON", b'{"series":"bad/x","value":1', "truncated"),
    ("invalid UTF-8", b'{"series":"bad/\xff\xfe","value":1,"at_s":%d}' % NOW, "utf-8"),
    ("a list", b'["bad/x",1,2]', "Expected `object`, got `array`"),
    ("a number instead of a text", reading("x", series="5"), "Expected `str`, got `int` - at `$.series`"),
    ("a text instead of a number", reading("x", value='"high"'), "Expected `float`, got `str` - at `$.value`"),
    ("a number as text", reading("x", value='"1.5"'), "Expected `float`, got `str` - at `$.value`"),
    ("a missing field", reading("x", value=""), "missing required field `value`"),
    ("an unknown kind", reading("x", kind='"guess"'), "Invalid enum value 'guess'"),
    ("NaN", reading("x", value="NaN"), "malformed"),
    ("Infinity", reading("x", value="Infinity"), "malformed"),
    ("minus Infinity", reading("x", value="-Infinity"), "malformed"),
    ("1e308", reading("x", value="1e308"), "value must be finite and at most 1e+30"),
    ("1e400", reading("x", value="1e400"), "out of range"),
    ("a denormal", reading("denormal", value="5e-324"), KEPT),
    ("another denormal", reading("denormal", value="-2.2e-310"), KEPT),
    ("a negative time", reading("x", at_s="-1"), "at_s must be seconds since 1970, got -1.0"),
    ("a far future time", reading("x", at_s=str(NOW + 10**6)), "s ahead of the append time, at most"),
    ("a time without bounds", reading("x", at_s="1e300"), "s ahead of the append time"),
    ("a time long past", reading("past", at_s="0", kind='"delta"'), KEPT),
    ("a record of 1 MB", reading("megabyte", note='"' + "m" * 1_000_000 + '"'), KEPT),
    ("1 MB of nothing", b"{" * 1_000_000, "malformed"),
    ("an empty value", b"", "an empty value"),
    ("a null value", None, "no value: a tombstone means nothing on this topic"),
    ("a name of 10 kB", reading(LONG), "series must have 3 to 512 bytes, got 10004"),
    ("a name without a service", reading("x", series='"/load"'), "series must read service/metric"),
    ("a lone surrogate", reading("\\ud800"), "surrogate pair"),
    ("two halves that do not fit", reading("\\ud800\\ud800x"), "surrogate pair"),
    ("an escaped NUL", reading("nul\\u0000nul"), KEPT),
    ("a NUL byte", reading("nul\0nul"), "invalid"),
    ("deep nesting", reading("x", note=DEEP), "recursion"),
    ("deep nesting in control", b'{"control":' + DEEP.encode() + b"}", "recursion"),
    ("no such control", b'{"control":"stop"}', "missing required field"),
    ("settings that are none", b'{"control":"settings","settings":{"late_s":-1}}', "missing required field"),
    ("a count beyond 64 bits", reading("x", kind='"sketch"', buckets='{"5":1%s}' % ("0" * 30)), "a bucket must count"),
    ("an origin of nobody", reading("x", origin=origin("mallory")), "origin.capability must be one of"),
    ("an origin beyond 64 bits", reading("x", origin=origin(offset="1" + "0" * 30)), "cannot be carried on"),
    ("an origin of the past", reading("x", origin=origin(offset="-9")), "origin must name an offset of a partition"),
    ("an origin of a topic too long", reading("x", origin=origin(topic="t" * 300)), "origin.topic must have"),
    ("an origin with a subject too long", reading("x", origin=origin(what="w" * 5000)), "origin.topic must have"),
    ("an origin that may be ours", reading("forged", origin=origin(topic="nowhere")), KEPT),
]  # fmt: skip
REQUESTED = [
    ("a regular expression bomb", request(path=BOMB), KEPT),
    ("a NUL in a path", request(path='"/\\u0000/%00"'), KEPT),
    ("a lone surrogate in a path", request(path='"/\\udc00\\ud800x"'), "surrogate"),
    ("a status that is none", request(status="-7"), "status must be 0 to 999"),
    ("a status as text", request(status='"200"'), "Expected `int`, got `str` - at `$.status`"),
    ("a duration without end", request(duration_s="1e300"), "duration_s must be 0 to 1e9 seconds"),
    ("a size beyond 64 bits", request(bytes_in="1" + "0" * 400), "cannot be carried on"),
    ("a service with a slash", request(service='"a/b"'), "service must not contain a slash"),
    ("a client of 10 kB", request(client=f'"{LONG}"'), "client must have 1 to 256 bytes, got 10000"),
    ("a client that is no address", request(client='"\\u0001\\u001b[31m"'), KEPT),
    ("headers of a strange kind", request(headers='{"":"","\\u0000":"\\u0000"}'), KEPT),
    ("headers that are none", request(headers="[1]"), "Expected `object | null`, got `array` - at `$.headers`"),
]
CASES = (
    [Case(name, METRICS, value, reason) for name, value, reason in READINGS]
    + [Case(name, REQUESTS, value, reason) for name, value, reason in REQUESTED]
    + [
        Case("a null key", METRICS, reading("nokey"), KEPT, None),
        Case("a null key and nonsense", METRICS, b"nonsense", "malformed", None),
        Case("an empty key and nonsense", METRICS, b"nonsense", "malformed", b""),
        Case("a key that is no text", METRICS, reading("key"), KEPT, b"\xff\x00"),
        Case("a key of another service", METRICS, reading("elsewhere"), KEPT, b"other"),
        Case("a key of another client", REQUESTS, request(), KEPT, b"other"),
        Case("a forged forward", METRICS, reading("x", origin=origin("forward")), "key belongs elsewhere", b"other"),
        Case("1 MB and the wrong key", METRICS, HUGE, "too many to forward", b"other"),
        Case("strange headers", METRICS, reading("headers"), KEPT, ..., (("", b""), ("\u00e9" * 50, b"\xff" * 99)) * 9),
        Case("headers on nonsense", METRICS, b"nonsense", "malformed", ..., (("topic", b"\xff"), ("", b"mine"))),
    ]
)  # fmt: skip


@dataclass
class Outcome:
    """What a worker made of all cases, sent one after another, with good records after them."""

    site: Site
    worker: WorkerProcess
    places: dict[str, tuple[str, int, int]]
    letters: dict[tuple[str, int, int], list[Message]]

    def of(self, case: Case) -> list[Message]:
        """Return the dead letters of a case."""
        return self.letters.get(self.places[case.name], [])


def elsewhere() -> bytes:
    """Return a key that is of another partition than `bad` and its client."""
    mine = {partition_of(b"bad", PARTITIONS), partition_of(b"198.51.100.1", PARTITIONS)}
    return next(key for key in (b"k%d" % i for i in range(99)) if partition_of(key, PARTITIONS) not in mine)


async def send(site: Site) -> dict[str, tuple[str, int, int]]:
    """Send every case, then good records to every partition; return where the cases came to stand."""
    places = {}
    async with Publisher(site.loaded.process) as publisher:
        for case in CASES:
            usual = b"bad" if case.topic is METRICS else b"198.51.100.1"
            key = {...: usual, b"other": elsewhere()}.get(case.key, case.key)
            where = partition_of(b"bad" if key is None else key, PARTITIONS)
            at = await publisher.publish_now(case.topic, case.value, key=key, partition=where, headers=case.headers)
            places[case.name] = (site.name_of(case.topic), at.partition, at.offset)
        for i in range(200):
            await publisher.publish(METRICS, Reading(series=f"good{i % 20}/load", value=1.0, at_s=float(NOW)))
            await publisher.publish(REQUESTS, Request(client=f"192.0.2.{i}", at_s=float(NOW), path="/", service="good"))
    return places


@pytest.fixture(scope="module")
def outcome(module_site: MakeSite) -> Outcome:
    """Send all cases to one worker."""
    site = module_site(partitions=PARTITIONS, settings={"worker": {"save_every_s": 0.2}}).make_topics()
    worker = site.start().until_ready()
    places = asyncio.run(send(site))
    site.until_folded(METRICS, REQUESTS)
    letters: dict[tuple[str, int, int], list[Message]] = {}
    for log in site.records(DEAD_LETTERS):
        for letter in log:
            head = reason_of(letter)
            letters.setdefault((head["topic"], int(head["partition"]), int(head["offset"])), []).append(letter)
    return Outcome(site, worker, places, letters)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_cannot_be_used_is_kept_with_place_and_reason(case: Case, outcome: Outcome) -> None:
    letters = outcome.of(case)
    if case.reason == KEPT:
        assert [reason_of(letter) for letter in letters] == []
        return
    assert len(letters) == 1
    assert case.reason in reason_of(letters[0])["reason"]
    assert reason_of(letters[0])["stage"] == "bus"
    assert letters[0].value == case.value


def test_the_worker_works_on_and_has_said_nothing_of_faults(outcome: Outcome) -> None:
    assert outcome.worker.process.poll() is None
    assert outcome.worker.ask("/ready")[0] == 200
    assert outcome.worker.meter("luminar_faults_total") == 0
    assert "Traceback" not in outcome.worker.said()


def test_nothing_vanishes_every_record_is_folded_once_or_forwarded_or_kept(outcome: Outcome) -> None:
    """Compared with a fold of its logs; and traffic, good records after bad ones, counts every request."""
    usable = sum(case.topic is REQUESTS and case.reason == KEPT for case in CASES)
    wanted = {"good/requests": 200.0, "bad/requests": float(usable)}
    until(lambda: counted(outcome.site) == wanted, "traffic counts every request once")
    assert outcome.worker.stop() == 0
    forged = {outcome.places[case.name] for case in CASES if b'"origin"' in (case.value or b"")}
    counts = Judge(outcome.site, forged=forged).judge()
    assert counts["forward -> metrics"] == 2
    assert counts["forward -> requests"] == 2
    assert counts["letters"] == sum(case.reason != KEPT for case in CASES)
