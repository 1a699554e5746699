"""The catalogue: what holds for every topic and every record."""

from __future__ import annotations

import msgspec
import pytest

from topics import Derived, Origin, Record, Topic
from topics.accounts import Use
from topics.alerts import Alert, Evidence
from topics.blocklist import Block
from topics.catalogue import ALL, CONTROLLED, named
from topics.commands import Command
from topics.compositions import Composition, Mix
from topics.connections import Connection
from topics.control import Feedback, SettingsChange, Tick, decode_control
from topics.metrics import Reading
from topics.proposals import Proposal, Refusal
from topics.requests import Request
from topics.settings import Settings, SettingsRecord
from topics.signals import Anomaly, Threat

ORIGIN = Origin("anomaly", "metrics", 3, 17, (1, "shop/errors level"))
RECORDS: tuple[Record, ...] = (
    Reading(series="shop/errors", value=2, at_s=9.0),
    Request(client="192.0.2.7", at_s=9.0, path="/"),
    Connection(client="192.0.2.7", at_s=9.0, target="198.51.100.1", port=22),
    Use(account="ann", client="192.0.2.7", at_s=9.0, failed=True),
    Composition(
        service="shop", at_s=20.0, requests=9, clients=Mix(counts={7: 9}, heavy={"192.0.2.7": 9}), sources={9: 1},
        routes=Mix(counts={7: 9}), agents=Mix(counts={7: 9}), asks={9: 1},
    ),
    Anomaly(series="shop/errors", kind="level", at_s=9.0),
    Threat(client="192.0.2.7", service="shop", family="rate", rule="limit", at_s=9.0),
    Alert(
        id="shop-9", state="firing", severity="warning", service="shop", title="t", at_s=9.0, since_s=8.0,
        evidence=(Evidence("errors", 8.0, ORIGIN),),
    ),
    Proposal(action="block", target="192.0.2.7", wanted=60, why="w", at_s=9.0, expires_at_s=99.0),
    Refusal(action="block", target="192.0.2.7", rule="allow-list", why="w", at_s=9.0),
    Command(id="shop-1", action="scale", target="shop", before=1, after=2, why="w", at_s=9, expires_at_s=9, epoch=1),
    Block(client="192.0.2.7", family="rate", until_s=99.0, why="w", at_s=9.0),
    SettingsRecord(version="v", settings=Settings()),
)  # fmt: skip


def home_of(record: Record) -> Topic:
    (topic,) = (topic for topic in ALL if isinstance(record, topic.records))
    return topic


def test_no_record_is_left_out_here() -> None:
    assert {type(record) for record in RECORDS} == {kind for topic in ALL for kind in topic.records}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_the_same_after_the_wire(record: Record) -> None:
    record = msgspec.structs.replace(record, origin=ORIGIN) if isinstance(record, Derived) else record
    assert home_of(record).decoder().decode(msgspec.json.encode(record)) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_field_of_a_later_version_is_passed_over(record: Record) -> None:
    grown = {**msgspec.json.decode(msgspec.json.encode(record)), "field_of_tomorrow": [1]}
    assert home_of(record).decoder().decode(msgspec.json.encode(grown)) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_has_a_key(record: Record) -> None:
    assert record.key()
    if isinstance(record, Derived):
        assert record.subject()


@pytest.mark.parametrize("topic", CONTROLLED, ids=lambda topic: topic.name)
def test_a_control_record_is_no_record_of_its_topic(topic: Topic) -> None:
    """It is found where decoding fails, so it must fail there; and no record of the topic is taken for one."""
    for control in (Tick(), SettingsChange("v", Settings()), Feedback(verdict="lift", subject="192.0.2.7")):
        raw = msgspec.json.encode(control)
        with pytest.raises(msgspec.ValidationError):
            topic.decoder().decode(raw)
        assert decode_control(raw) == control
    for record in RECORDS:
        with pytest.raises(msgspec.ValidationError):
            decode_control(msgspec.json.encode(record))


def test_topics_are_known_by_their_names() -> None:
    assert len({topic.name for topic in ALL}) == len(ALL)
    assert all(named(topic.name) is topic for topic in ALL)
    assert named("nothing") is None
