"""The scanner and the judge are one: on any bytes the columns say what msgspec alone says."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.chunks import chunk_of
from streams.engine.columns import Decoder
from tests.streams.engine.judged import agree, columns_of
from topics import Origin, Topic
from topics.connections import CONNECTIONS
from topics.control import SettingsChange, Tick
from topics.metrics import METRICS
from topics.requests import REQUESTS
from topics.settings import Settings
from topics.signals import SIGNALS, Anomaly

NOW = 1_700_000_000
Numbers = st.one_of(
    st.integers(-(10**21), 10**21).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["-0", "-0.0", "0", "00", "01", "1.", ".5", "+1", "1e400", "5e-324", "NaN", "Infinity", "-"]),
)
Plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
Texts = st.one_of(Plain, Plain.map(lambda text: "shop/" + text), st.text(max_size=8), st.just("x" * 600))
Quoted = st.one_of(
    Texts.map(json.dumps), Texts.map(lambda text: json.dumps(text, ensure_ascii=False)), st.just(r'"\ud800"')
)
Anything = st.recursive(
    st.one_of(Quoted, Numbers, st.sampled_from(["true", "false", "null", '"gauge"', '"total"', '"sketch"'])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]"),
        st.lists(st.tuples(Quoted, inner), max_size=3).map(
            lambda parts: "{" + ",".join(f"{name}:{value}" for name, value in parts) + "}"
        ),
    ),
    max_leaves=4,
)
Origins = st.builds(
    Origin,
    st.sampled_from(["ingest", "traffic", "forward", ""]),
    st.sampled_from(["telegraf", "größe", 'a"b', ""]),
    st.one_of(st.integers(0, 70), st.integers(-3, 10**12)),
    st.one_of(st.integers(0, 10**6), st.integers(-3, 10**20)),
    st.tuples(st.integers(0, 2), Texts),
).map(lambda origin: json.dumps(msgspec.to_builtins(origin), ensure_ascii=False, separators=(",", ":")))
Gaps = st.sampled_from(["", "", "", " ", "  ", "\t", "\n"])
FIELDS = {
    METRICS.name: ("series", "value", "at_s", "kind", "buckets", "origin", "control", "note"),
    CONNECTIONS.name: ("client", "at_s", "target", "port", "protocol", "outcome", "bytes", "service", "x", "origin"),
    REQUESTS.name: (
        "client",
        "at_s",
        "path",
        "status",
        "duration_s",
        "service",
        "bytes_in",
        "agent",
        "headers",
        "x",
        "origin",
    ),
}
USUAL: dict[str, dict[str, Any]] = {
    METRICS.name: {"series": '"shop/load"', "value": "1.5", "at_s": str(NOW), "kind": '"delta"'},
    REQUESTS.name: {"client": '"198.51.100.7"', "path": '"/cart"', "at_s": str(NOW), "status": "200"},
    CONNECTIONS.name: {
        "client": '"192.0.2.7"',
        "at_s": str(NOW),
        "target": '"a::1"',
        "port": "22",
        "outcome": '"none"',
    },
}


@st.composite
def objects(draw: st.DrawFn, topic: str) -> bytes:
    """Draw an object with the fields of a record, most as they usually are, in any order, one or the other twice."""
    names = draw(st.permutations(FIELDS[topic]))[: draw(st.integers(2, len(FIELDS[topic])))]
    parts = []
    for name in [*USUAL[topic], *names] if draw(st.booleans()) else names:
        usual = name in USUAL[topic] and draw(st.integers(0, 3))
        other = st.one_of(Origins, Anything) if name == "origin" else st.one_of(Numbers, Quoted, Anything)
        value = USUAL[topic][name] if usual else draw(other)
        gap = draw(Gaps)
        parts.append(f'{gap}"{name}"{draw(Gaps)}:{gap}{value}{draw(Gaps)}')
    return ("{" + ",".join(parts) + "}" + draw(Gaps)).encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn, topic: str) -> bytes:
    """Draw an object with some bytes changed, left out or put in."""
    raw = bytearray(draw(objects(topic)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw) - 1))
        raw[at : at + draw(st.integers(0, 2))] = draw(
            st.sampled_from([b"", b'"', b"\\", b"\xff", b"\0", b",", b"{", b"9", b" "])
        )
        if not raw:
            break
    return bytes(raw)


def values(topic: str) -> st.SearchStrategy[list[bytes]]:
    """Give logs of all kinds of values."""
    one = st.one_of(objects(topic), objects(topic), damaged(topic), Anything.map(str.encode), st.binary(max_size=40))
    return st.lists(one, min_size=1, max_size=12)


@settings(max_examples=150)
@given(log=values("metrics"))
def test_on_any_bytes_a_reading_is_what_the_judge_says(log: list[bytes]) -> None:
    agree(METRICS, log)


@settings(max_examples=150)
@given(log=values("requests"))
def test_on_any_bytes_a_request_is_what_the_judge_says(log: list[bytes]) -> None:
    agree(REQUESTS, log)


@settings(max_examples=150)
@given(log=values("connections"))
def test_on_any_bytes_a_connection_is_what_the_judge_says(log: list[bytes]) -> None:
    agree(CONNECTIONS, log)


@settings(max_examples=100)
@given(numbers=st.lists(Numbers, min_size=1, max_size=30))
def test_a_number_is_the_nearest_double(numbers: list[str]) -> None:
    agree(METRICS, [b'{"series":"a/b","at_s":1,"value":%s}' % number.encode() for number in numbers])


Long = st.tuples(st.integers(10**15, 10**18 - 1), st.integers(0, 17))


@settings(max_examples=100)
@given(numbers=st.lists(Long, min_size=1, max_size=50))
def test_a_number_of_many_digits_is_the_nearest_double(numbers: list[tuple[int, int]]) -> None:
    """Digits beyond 53 bits are where a scanner of one division is wrong in the last bit."""
    texts = [f"{whole:d}" if not cut else f"{str(whole)[:-cut] or '0'}.{str(whole)[-cut:]}" for whole, cut in numbers]
    columns = columns_of(METRICS, [b'{"series":"a/b","at_s":1,"value":%s}' % text.encode() for text in texts])
    assert columns.number["value"].tolist() == [float(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    ["9007199254740993", "9007199254740993.5", "0.1", "123456789012345678", "1.00000000000000011", "4503599627370497.5",
     "1700000000.123456789", "999999999999999999", "0.00000000000000001", "9007199254740992.5"],
)  # fmt: skip
def test_a_number_at_the_edge_of_what_the_scanner_takes(text: str) -> None:
    assert columns_of(METRICS, [b'{"series":"a/b","at_s":1,"value":%s}' % text.encode()]).number["value"][0] == float(
        text
    )


UNUSABLE = [
    (METRICS, b'{"series":"a/b","at_s":1,"value":1,"x":' + b"[" * 5000 + b"]" * 5000 + b"}", "recursion"),
    (METRICS, b'{"control":' + b"[" * 5000, "recursion"),
    (REQUESTS, b'{"client":"a","at_s":1,"path":"/","bytes_in":1' + b"0" * 400 + b"}", "cannot be carried on"),
    (METRICS, b'{"series":"a/b","at_s":1,"value":1,"buckets":{"1' + b"0" * 30 + b'":1}}', "cannot be carried on"),
    (
        METRICS,
        b'{"series":"a/b","at_s":1,"value":1,"buckets":{"5":5000000000}}',
        "a bucket must count at most 4294967296",
    ),
    (
        METRICS,
        b'{"series":"a/b","at_s":1,"value":1,"origin":{"capability":"traffic","topic":"requests","partition":0,'
        b'"offset":100000000000000000000,"subject":[1,"x"]}}',
        "cannot be carried on",
    ),
]


@pytest.mark.parametrize(("topic", "raw", "reason"), UNUSABLE)
def test_what_could_be_read_but_not_carried_on_or_saved_is_refused(topic: Topic, raw: bytes, reason: str) -> None:
    columns = columns_of(topic, [raw, b"", raw])
    assert not columns.good.any()
    assert reason in columns.wrong[0]
    assert columns.wrong[2] == columns.wrong[0]


def test_settings_that_could_not_be_saved_are_no_settings() -> None:
    raw = b'{"control":"settings","version":"x","settings":{"incidents":{"fire_after":100000000000000000000}}}'
    columns = columns_of(
        METRICS, [raw, msgspec.json.encode(SettingsChange("y", Settings())), msgspec.json.encode(Tick())]
    )
    assert columns.control == {1: SettingsChange("y", Settings()), 2: Tick()}
    assert list(columns.wrong) == [0]


def test_a_cold_topic_has_records_and_their_times() -> None:
    anomaly = Anomaly(series="shop/load", kind="level", at_s=7.0)
    columns = columns_of(SIGNALS, [msgspec.json.encode(anomaly), b"{", None, msgspec.json.encode(Tick())])
    assert columns.records == {0: anomaly}
    assert columns.number["at_s"][0] == 7.0
    assert sorted(columns.wrong) == [1, 2]
    assert columns.control == {3: Tick()}


def test_columns_are_made_once_for_all_who_read_a_chunk() -> None:
    chunk, decoder = chunk_of("metrics", 0, 0, [(None, b'{"series":"a/b","at_s":1,"value":1}', 1)]), Decoder(METRICS)
    assert decoder.columns(chunk) is decoder.columns(chunk)


def test_texts_stand_in_bytes_that_nobody_may_write_whatever_the_log_holds() -> None:
    """Kernels are compiled for read-only bytes; writable ones would compile all of them anew, at work."""
    for log in ([b'{"series":"a/b","at_s":1,"value":1}'], [b'{"series":"\\u00e9/b","at_s":1,"value":1}']):
        assert not columns_of(METRICS, log).text["series"].buf.flags.writeable
