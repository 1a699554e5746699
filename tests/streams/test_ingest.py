"""Whatever bytes come, every format gives usable records or a reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest import FORMATS
from tests.streams.ingest.border import outcome

NAMES = (
    "series value at_s kind buckets client path status fields tags name timestamp metrics message log remote_addr msec "
    "request_uri request time_local time_iso8601 request_time service host target port outcome protocol ts "
    "conn_state proto id.orig_h id.resp_h id.resp_p id orig_h resp_h resp_p source destination ip bytes packets "
    "network transport event type action @timestamp srcaddr dstaddr srcport dstport start end log-status MESSAGE"
)
WORDS = st.sampled_from(NAMES.split())
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1", "-", "a/b", "::1", "10/Oct/2026:13:55:36 +0000", "2026-10-10T00:00:00Z", "GET / HTTP/1.1"])
    | st.sampled_from(["tcp", "REJ", "ACCEPT", "REJECT", "denied", "192.0.2.7", 22, 1.7e9])
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=6),
    max_leaves=15,
)
LINE = (
    rb'192\.0\.2\.1 - [a-z -]{1,6} \[1[0-9]/Oct/20[0-9]{2}:1[0-9]:[0-9]{2}:36 [+-][0-9]{4}\] "[^"\n]*" [0-9]{3} [0-9-]+'
)
FLOW = (
    rb"2 1 e (192\.0\.2\.1|::1|-) (a|-) [0-9]{1,6} ([0-9]{1,6}|-) (6|17|1|-) [0-9]{1,3} [0-9-]{1,5} 1700000000 "
    rb"17000000[0-9]{2} (ACCEPT|REJECT|-) (OK|NODATA)"
)
PACKET = (
    rb"(2026-01-01T00:00:00Z|Jan 1) gw (drop )?IN=[a-z]{0,3} OUT= SRC=(192\.0\.2\.1|) DST=[a-z0-9:.]{0,9} "
    rb"LEN=[0-9x]{0,3} PROTO=(TCP|UDP|ICMP|47)( SPT=[0-9]{1,6})?( DPT=[0-9-]{1,6})?( TYPE=[0-9])?( ACK| SYN)?"
)


def lines_of(pattern: bytes) -> st.SearchStrategy[bytes]:
    return st.from_regex(pattern, fullmatch=True)


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(value=st.binary(max_size=200) | st.sampled_from([LINE, FLOW, PACKET]).flatmap(lines_of))
def test_any_bytes_are_records_or_refused(name: str, value: bytes) -> None:
    outcome(name, value)


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(document=DOCUMENTS)
def test_any_json_is_records_or_refused(name: str, document: object) -> None:
    outcome(name, json.dumps(document).encode("utf-8", "surrogatepass"))


BAD = {
    "nothing": b"",
    "blanks": b" \n ",
    "no JSON": b"{",
    "no UTF-8": b'{"a": "\xff"}',
    "bytes": b"\x00\xff\xfe",
    "a number": b"7",
    "null": b"null",
    "nesting": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "another's object": b'{"a": 1}',
    "a lone surrogate": b'{"series": "a/\\ud800", "client": "\\ud800", "name": "\\ud800"}',
    "a megabyte": b"x" * 1_000_000,
    "quotes": b"1 - - [" + b'"\\' * 100_000,
}


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("what", BAD)
def test_what_is_no_record_of_any_format_is_refused_with_a_short_reason(name: str, what: str) -> None:
    said = outcome(name, BAD[what])
    assert isinstance(said, str)
    assert len(said.split()) > 3
    assert len(said) < 400
