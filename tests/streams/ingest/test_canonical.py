"""Records that are ours already."""

import json

import msgspec
import pytest

from tests.streams.ingest.border import outcome, parse, request
from topics import Origin, encode
from topics.connections import Connection
from topics.metrics import Reading
from topics.requests import Request

READING = Reading(series="shop/latency_s{route=/pay}", value=0.25, at_s=12.5, kind="delta")
REQUEST = Request(client="192.0.2.7", at_s=3.0, path="/a?b=%2e", status=404, headers={"x": "y"}, body="z")
CONNECTION = Connection(client="192.0.2.7", at_s=3.0, target="198.51.100.1", port=22, outcome="none", service="edge")


def test_what_we_say_is_what_comes() -> None:
    assert parse("canonical", encode(READING)) == [READING]
    assert parse("canonical", encode(REQUEST)) == [REQUEST]
    assert parse("canonical", encode(CONNECTION)) == [CONNECTION]


def test_several_come_as_lines_or_as_a_list() -> None:
    both = [READING, REQUEST, CONNECTION, CONNECTION]
    assert parse("canonical", b"\n\n".join(map(encode, both)) + b"\n") == both
    assert parse("canonical", msgspec.json.encode(both)) == both
    assert parse("canonical", json.dumps(json.loads(encode(READING)), indent=2)) == [READING]


def test_a_request_that_names_no_service_is_one_of_the_sources() -> None:
    assert request("canonical", encode(REQUEST), "shop").service == "shop"
    named = msgspec.structs.replace(REQUEST, service="till")
    assert request("canonical", encode(named), "shop").service == "till"


@pytest.mark.parametrize(
    ("written", "one"),
    [("192.0.2.7:4711", "192.0.2.7"), ("[2001:db8:0:1::2]:443", "2001:db8:0:1::/64"), ("key:7f3a", "key:7f3a")],
)
def test_a_client_has_one_name(written: str, one: str) -> None:
    assert request("canonical", json.dumps({"client": written, "at_s": 1, "path": "/"})).client == one


def test_an_origin_from_outside_means_nothing_here() -> None:
    origin = Origin("ingest", "t", 0, 7, (1, "x"))
    assert parse("canonical", encode(msgspec.structs.replace(READING, origin=origin))) == [READING]


def test_two_requests_of_a_client_in_one_record_are_refused_rather_than_one_lost() -> None:
    twice = [msgspec.structs.replace(REQUEST, client=client) for client in ("192.0.2.7:1", "192.0.2.7:2")]
    assert "at most one request of a client" in str(outcome("canonical", msgspec.json.encode(twice)))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (
            '{"value": 1}',
            "expected a reading (series, value, at_s), a request (client, path, at_s) or a connection (client, target, "
            "at_s), found none of them",
        ),
        ('{"series": "a/b", "value": "1", "at_s": 1}', "Expected `float`, got `str` - at `$.value`"),
        ('{"series": "a/b", "value": 1}', "Object missing required field `at_s`"),
        ('{"series": "a/b", "value": null, "at_s": 1}', "Expected `float`, got `null` - at `$.value`"),
        ('{"series": "a/b", "value": 1e308, "at_s": 1}', "value must be finite and at most 1e+30 in size, got 1e+308"),
        ('{"series": "a/b", "value": NaN, "at_s": 1}', "JSON is malformed: invalid character (byte 27)"),
        ('{"series": "b", "value": 1, "at_s": 1}', "series must have 3 to 512 bytes, got 1"),
        ('{"series": "a/b", "value": 1, "at_s": -1}', "at_s must be seconds since 1970, got -1.0"),
        ('{"client": "a", "path": "/", "at_s": 1, "status": 1000}', "status must be 0 to 999, got 1000"),
        ("[]", "expected a reading, a request or a connection, found nothing"),
        ('[{"series": "a/b", "value": 1, "at_s": 1}, 7]', "Expected `object`, got `int`"),
    ],
)
def test_what_is_wrong_is_said(value: str, reason: str) -> None:
    assert outcome("canonical", value.encode()) == reason
