"""A record is shown as it came, with the way on to the records it came from."""

import json

from streams.reader import Message
from streams.settings import Process
from streams.web.lookup import SHOWN_CHARACTERS, Lookup, describe, places_in
from streams.web.model import View
from tests.streams.web import story

NOW_S = 1_800_000_000.0


def message(value: bytes | None, key: bytes | None = b"k") -> Message:
    return Message("signals", 1, 7, int(NOW_S * 1000), key, value, (("trace", b"\xff"),))


def test_a_record_of_ours_is_laid_out_and_names_its_origin() -> None:
    threat = list(story.threats(NOW_S))[3].value
    row = describe(message(threat))
    assert json.loads(row["text"])["excerpt"] == story.SCRIPT
    assert [(place["topic"], place["partition"], place["offset"]) for place in row["places"]] == [("requests", 3, 4003)]
    assert (row["at_s"], row["key"], row["kind"]) == (NOW_S, "k", "JSON")


def test_whatever_is_no_json_is_shown_as_it_is() -> None:
    assert describe(message(b"GET /x"))["text"] == "GET /x"
    assert describe(message(b"\xff\x00"))["text"] == "ff 00"
    assert describe(message(None))["kind"] == "a tombstone"
    assert describe(message(b"1", key=None))["key"] == ""
    assert len(describe(message(b"x" * 1_000_000))["text"]) <= SHOWN_CHARACTERS + 2
    assert describe(message(b"[" * 100_000))["kind"] == "text"


def test_places_are_only_those_that_can_be_opened() -> None:
    assert list(places_in({"topic": "x", "partition": True, "offset": 1})) == []
    assert list(places_in([{"topic": 1, "partition": 0, "offset": 1}, "text", None])) == []


async def test_other_topics_of_a_shared_cluster_stay_closed() -> None:
    row = await Lookup(Process(), View()).record("payroll", 0, 0)
    assert "no topic of Luminar" in row["problem"]


async def test_only_who_is_blocked_can_be_lifted() -> None:
    assert await Lookup(Process(), View()).lift("127.0.0.9") == "127.0.0.9 is not blocked any more"
