"""Every record of every topic has a line that a person can read, and that cannot move the terminal's cursor."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.reader import Message
from streams.tail import SAY, SHOWN_CHARACTERS, json_of, line_of, plain
from topics import Record, Topic, encode
from topics.accounts import ACCOUNTS, Use
from topics.alerts import ALERTS, Alert
from topics.blocklist import BLOCKLIST, Block
from topics.catalogue import ALL
from topics.commands import COMMANDS, Command
from topics.compositions import COMPOSITIONS, Composition, Mix
from topics.connections import CONNECTIONS, Connection
from topics.control import Feedback, SettingsChange, Tick
from topics.dead_letters import DEAD_LETTERS
from topics.metrics import METRICS, Reading
from topics.proposals import PROPOSALS, REFUSALS, Proposal, Refusal
from topics.requests import REQUESTS, Request
from topics.settings import SETTINGS, Settings, SettingsRecord
from topics.signals import SIGNALS, Anomaly, Threat
from topics.state import STATE


def message(value: bytes | None, key: bytes | None = b"k", headers: tuple[tuple[str, bytes], ...] = ()) -> Message:
    return Message("t", 3, 17, 1_500, key, value, headers)


def said(topic: Topic | None, value: bytes | Record | msgspec.Struct | None, control: bool = False) -> str | None:
    raw = encode(value) if isinstance(value, msgspec.Struct) else value
    line = line_of(topic, message(raw), control)
    return None if line is None else line.removeprefix("1970-01-01 00:00:01.500 t[3]@17 ")


RECORDS: list[tuple[Topic, Record, str]] = [
    (METRICS, Reading(series="shop/load", value=1.5, at_s=1), "shop/load = 1.5"),
    (METRICS, Reading(series="shop/requests", value=3, at_s=1, kind="delta"), "shop/requests = 3 (delta)"),
    (
        REQUESTS,
        Request(client="192.0.2.7", at_s=1, path="/a", status=404, duration_s=0.25, service="shop"),
        "shop: 192.0.2.7 GET /a → 404 in 0.25 s",
    ),
    (
        CONNECTIONS,
        Connection(client="192.0.2.7", at_s=1, target="198.51.100.1", port=22, outcome="none", service="shop"),
        "shop: 192.0.2.7 → 198.51.100.1 22/tcp: none",
    ),
    (
        SIGNALS,
        Anomaly(series="shop/load", kind="level", at_s=1, value=9, expected=1, lower=0, upper=2, score=1.5),
        "level shop/load: 9, expected 0–2, score 1.50",
    ),
    (
        SIGNALS,
        Anomaly(series="shop/load", kind="missing", at_s=1, calm=True, score=0.1),
        "calm again, missing shop/load: nothing, score 0.10",
    ),
    (
        SIGNALS,
        Threat(client="c", service="shop", family="sqli", rule="r1", at_s=1, field="path", excerpt="' or", text="Bad."),
        "sqli by c on shop (r1): Bad.; in path: ' or",
    ),
    (
        SIGNALS,
        Threat(client="*", service="shop", family="flood", rule="application", at_s=1, text="Bad."),
        "flood by many clients on shop (application): Bad.",
    ),
    (
        ACCOUNTS,
        Use(account="ann", client="192.0.2.7", at_s=9.0, service="shop", path="/login", failed=True),
        "ann: failed login from 192.0.2.7 at shop",
    ),
    (
        COMPOSITIONS,
        Composition(
            service="shop",
            at_s=20.0,
            requests=9,
            sources={9: 1},
            asks={9: 1},
            clients=Mix(counts={7: 9}),
            routes=Mix(counts={7: 9}, heavy={"/": 2, "/pay": 7}),
            agents=Mix(counts={7: 9}, heavy={"curl/8": 9}),
        ),
        "shop: 9 requests from 1970-01-01 00:00:20.000 on; /pay (7), curl/8 (9)",
    ),
    (
        ALERTS,
        Alert(id="i1", state="firing", severity="warning", service="shop", title="Slow", at_s=1, since_s=1, signals=2),
        "firing warning shop: Slow (2 signals, i1)",
    ),
    (
        PROPOSALS,
        Proposal(action="scale", target="shop", wanted=4, why="Rush.", at_s=1, expires_at_s=9, current=2),
        "scale shop to 4 (now 2): Rush.",
    ),
    (
        REFUSALS,
        Refusal(action="block", target="c", rule="allow-list", why="Own.", at_s=1),
        "not carried out: block c, allow-list: Own.",
    ),
    (
        COMMANDS,
        Command(id="1", action="scale", target="shop", before=2, after=4, why="Rush.", at_s=1, expires_at_s=2, epoch=7),
        "scale shop 2 → 4: Rush. (epoch 7)",
    ),
    (
        BLOCKLIST,
        Block(client="c", family="rate", until_s=60, why="100 in 60 s", at_s=1),
        "blocked c until 1970-01-01 00:01:00.000 (rate): 100 in 60 s",
    ),
    (SETTINGS, SettingsRecord(version="abc", settings=Settings(), author="ann"), "settings abc by ann"),
]


@pytest.mark.parametrize(("topic", "record", "line"), RECORDS, ids=[line for _, _, line in RECORDS])
def test_a_record_is_said_in_a_line(topic: Topic, record: Record, line: str) -> None:
    assert said(topic, record) == line


def test_every_kind_of_record_has_its_line() -> None:
    assert {kind for topic in ALL for kind in topic.records} == SAY.keys()


def test_control_records_are_hidden_unless_asked_for() -> None:
    controls = [
        (Tick(), "(tick)"),
        (SettingsChange("abc", Settings()), "(settings abc from here on)"),
        (Feedback(verdict="lift", subject="192.0.2.7", author="ann"), "(lift: 192.0.2.7 by ann)"),
    ]
    for control, line in controls:
        assert said(METRICS, control) is None
        assert said(METRICS, control, control=True) == line


def test_a_dead_letter_says_where_and_why() -> None:
    headers = (("topic", b"metrics"), ("partition", b"4"), ("offset", b"81"), ("reason", b"no JSON"), ("stage", b"bus"))
    for value, was in ((b"{\xff", "{\\xff"), (b"", "empty"), (None, "no value")):
        line = line_of(DEAD_LETTERS, message(value, headers=headers))
        assert line is not None
        assert line.endswith(f"metrics[4]@81 refused at bus: no JSON; it was: {was}")


def test_a_page_of_state_is_said_as_its_size() -> None:
    assert said(STATE, b"\x00" * 99) == "k: 99 bytes"
    assert said(STATE, None) == "k: forgotten"


def test_a_tombstone_says_what_it_ends() -> None:
    line = line_of(BLOCKLIST, message(None, b"192.0.2.7", (("why", b"its time is over"),)))
    assert line is not None
    assert line.endswith(" lifted 192.0.2.7: its time is over")
    assert said(COMMANDS, None) == "tombstone k"


def test_what_no_decoder_takes_is_shown_as_it_is() -> None:
    assert said(METRICS, b"{") == "k {"
    assert said(None, b"any \xff") == "k any \\xff"


@given(st.text())
def test_no_text_reaches_the_terminal_as_anything_but_text(text: str) -> None:
    assert plain(text).isprintable()
    assert len(plain(text)) <= SHOWN_CHARACTERS
    line = said(REQUESTS, Request(client="c", at_s=1, path=text.encode("utf-8", "replace").decode()))
    assert line is not None
    assert line.isprintable()


@given(
    st.sampled_from([None, *ALL]), st.none() | st.binary(max_size=50), st.none() | st.binary(max_size=9), st.booleans()
)
def test_any_bytes_have_a_line(topic: Topic | None, value: bytes | None, key: bytes | None, control: bool) -> None:
    headers = (("reason", value or b""),)
    line = line_of(topic, message(value, key, headers), control)
    assert line is None or line.isprintable()
    assert "\n" not in json_of(message(value, key, headers))


def test_json_holds_the_place_and_the_value() -> None:
    found = json.loads(json_of(message(b'{"a": [1]}', None, (("h", b"x"),))))
    assert found == {
        "topic": "t",
        "partition": 3,
        "offset": 17,
        "time_ms": 1500,
        "key": None,
        "headers": {"h": "x"},
        "value": {"a": [1]},
    }
    assert json.loads(json_of(message(b"{")))["value"] == "{"
    assert json.loads(json_of(message(None)))["value"] is None
