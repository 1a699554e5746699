"""The witness takes what stands in the log as often as it stands there, and counts it once."""

import msgspec
import pytest

from streams.client import Message
from streams.demo.facts import Facts
from streams.demo.witness import Witness
from topics import Derived, Origin, Record, encode
from topics.alerts import Alert
from topics.blocklist import Block
from topics.control import Tick
from topics.metrics import Reading
from topics.requests import Request


@pytest.fixture
def witness() -> Witness:
    return Witness(Facts(lambda _: None, lambda: 0.0))


def message(
    topic: str, record: Record | None, offset: int = 0, key: str = "", headers: tuple[tuple[str, bytes], ...] = ()
) -> Message:
    key = key if record is None else record.key()
    return Message(topic, 0, offset, 1_000, key.encode(), None if record is None else encode(record), headers)


def origin(capability: str, topic: str, offset: int, what: str) -> Origin:
    return Origin(capability, topic, 0, offset, (1, what))


def requests_counted(value: float, offset: int) -> Reading:
    said = origin("traffic", "requests", offset, "shop/requests")
    return Reading(series="shop/requests", value=value, at_s=1.0, kind="delta", origin=said)


def test_a_reading_said_again_is_counted_once(witness: Witness) -> None:
    for reading in (requests_counted(7, 10), requests_counted(5, 20), requests_counted(7, 10), requests_counted(5, 20)):
        witness.take("metrics", message("metrics", reading))
    assert witness.counted == {"shop": 12}
    assert (witness.concluded, witness.marks.said_again, witness.marks.taken_twice) == (2, 2, 0)


def test_requests_are_counted_where_they_first_stood(witness: Witness) -> None:
    said: tuple[Derived, ...] = (
        Request(client="127.0.1.1", at_s=1.0, path="/", service="checkout"),
        Request(client="127.0.1.1", at_s=1.0, path="/", service="shop", origin=origin("ingest", "shop-access", 3, "x")),
        Request(client="127.0.1.1", at_s=1.0, path="/", service="shop", origin=origin("ingest", "shop-access", 3, "x")),
        Request(client="127.0.1.1", at_s=1.0, path="/", service="shop", origin=origin("forward", "requests", 9, "x")),
    )
    for request in said:
        witness.take("requests", message("requests", request))
    assert witness.asked == {"checkout": 1, "shop": 1}


def test_control_records_say_nothing(witness: Witness) -> None:
    tick = Message("requests", 0, 0, 1_000, None, msgspec.json.encode(Tick()))
    witness.take("requests", tick)
    assert (witness.asked.total(), witness.concluded) == (0, 0)


def test_a_tombstone_lifts_a_block_once(witness: Witness) -> None:
    block = Block(
        client="127.0.0.66",
        family="rate",
        until_s=9.0,
        why="",
        at_s=1.0,
        origin=origin("decisions", "proposals", 1, "b"),
    )
    lifted = (("origin", msgspec.json.encode(origin("decisions", "proposals", 5, "127.0.0.66"))),)
    witness.take("blocklist", message("blocklist", block))
    witness.facts.refused.add("127.0.0.66")
    for _ in range(2):
        witness.take("blocklist", message("blocklist", None, key="127.0.0.66", headers=lifted))
    assert witness.facts.refused == set()
    assert (witness.concluded, witness.marks.said_again) == (2, 1)


def test_what_an_alert_says_is_a_fact(witness: Witness) -> None:
    alert = Alert(
        id="a", state="firing", severity="warning", service="shop", title="", at_s=1.0, since_s=1.0,
        origin=origin("incidents", "signals", 1, "a firing"),
    )  # fmt: skip
    witness.take("alerts", message("alerts", alert))
    assert "alert_fired" in witness.facts.events
    assert witness.news.is_set()
