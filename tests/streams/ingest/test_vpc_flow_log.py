"""AWS VPC flow logs become connections."""

import json

import pytest

from streams.ingest.vpc_flow_log import FIELDS
from tests.streams.ingest.border import connection, outcome, parse
from topics.connections import Connection

LINE = "2 123456789010 eni-1 192.0.2.7 198.51.100.1 40000 22 6 {} {} 1713484700 1713484760 {} OK"
FOUND = Connection(
    client="192.0.2.7", at_s=1713484760.0, target="198.51.100.1", port=22, outcome="refused", bytes=40, service="edge"
)


def test_a_line_is_a_connection_at_the_end_of_its_span() -> None:
    refused = LINE.format(1, 40, "REJECT")
    assert connection("vpc_flow_log", refused, "edge") == FOUND
    assert connection("vpc_flow_log", json.dumps({"message": refused}), "edge") == FOUND
    assert connection("vpc_flow_log", json.dumps(dict(zip(FIELDS, refused.split(), strict=True))), "edge") == FOUND


@pytest.mark.parametrize(
    ("packets", "size", "outcome_"), [(1, 60, "unknown"), (5, 300, "unknown"), (6, 1200, "answered")]
)
def test_what_was_let_through_was_answered_if_more_was_said_than_hello(packets: int, size: int, outcome_: str) -> None:
    assert connection("vpc_flow_log", LINE.format(packets, size, "ACCEPT")).outcome == outcome_


@pytest.mark.parametrize(
    ("packets", "size", "outcome_"), [(1, 40, "unknown"), (3, 120, "unknown"), (2, 112, "answered")]
)
def test_what_goes_back_is_word_of_the_connection_that_it_answers(packets: int, size: int, outcome_: str) -> None:
    back = f"2 1 eni-1 198.51.100.1 192.0.2.7 22 40000 6 {packets} {size} 1713484700 1713484760 ACCEPT OK"
    found = connection("vpc_flow_log", back)
    assert (found.client, found.target, found.port, found.outcome) == ("192.0.2.7", "198.51.100.1", 22, outcome_)


def test_an_answer_over_udp_is_one() -> None:
    back = "2 1 eni-1 198.51.100.1 192.0.2.7 53 40000 17 1 90 1713484700 1713484760 ACCEPT OK"
    assert connection("vpc_flow_log", back).outcome == "answered"
    there = "2 1 eni-1 192.0.2.7 198.51.100.1 40000 53 17 1 90 1713484700 1713484760 ACCEPT OK"
    assert connection("vpc_flow_log", there).outcome == "unknown"


def test_a_line_that_says_that_there_was_nothing_says_nothing() -> None:
    assert parse("vpc_flow_log", "2 1 eni-1 - - - - - - - 1713484700 1713484760 - NODATA") == []
    assert parse("vpc_flow_log", " ".join(FIELDS)) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2 1 eni-1", "14 fields"),
        (LINE.format(1, 40, "MAYBE"), "action"),
        (LINE.format("x", 40, "ACCEPT"), "packets"),
        ('{"a": 1}', "message"),
    ],
)
def test_what_is_wrong_is_said(line: str, reason: str) -> None:
    said = outcome("vpc_flow_log", line.encode())
    assert isinstance(said, str)
    assert reason in said
