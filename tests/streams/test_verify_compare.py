"""The first difference between two pages, in words."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from detectors.anomaly import AnomalyBank
from detectors.anomaly_rows import ROW
from detectors.rows import BESIDE, SavedRows
from streams.engine.pages import Page, Statement, decode_page, page_key
from streams.engine.shard import Shard
from streams.verify_compare import Deviation, Found, compare_page, compare_rows, first_difference
from streams.verify_pages import Claim
from tests.fakes import fold_into, shard_of
from tests.streams.engine.counting import Counting
from topics.control import SettingsChange
from topics.metrics import METRICS, Reading
from topics.settings import Settings


@pytest.mark.parametrize(
    ("expected", "found", "first"),
    [
        ({"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 2]}, None),
        ({"a": math.nan}, {"a": math.nan}, None),
        ({"a": {"b": [0, 1]}}, {"a": {"b": [0, 2]}}, Found("a.b[1]", 1, 2)),
        ({"a": 1}, {}, Found("a", 1, "nothing")),
        ({}, {"a": 1}, Found("a", "nothing", 1)),
        ([1, 2], [1], Found("length of ", 2, 1)),
        ((1, 2), [1, 2], None),
        ({"a": b"xyz"}, {"a": b"xyw"}, Found("a, byte 2", b"z", b"w")),
        ({"a": b"xy"}, {"a": b"xyw"}, Found("a, byte 2", b"", b"w")),
        (1.0, math.nan, Found("", 1.0, math.nan)),
    ],
)
def test_the_first_place_where_two_values_differ_is_found(expected: Any, found: Any, first: Found | None) -> None:
    differs = first_difference(expected, found)
    assert repr(differs) == repr(first)


def log() -> list[tuple[int, Any]]:
    """Return settings, and readings of three series of one service."""
    readings = [(1000 * i, Reading(series=f"s/m{i % 3}", value=float(i), at_s=float(i))) for i in range(30)]
    return [(0, SettingsChange("v1", Settings(late_s=9.0))), *readings]


def folded(bank: type[Any]) -> tuple[Shard, int, dict[bytes, bytes]]:
    """Return a shard that has folded the log, its one filled page, and what it saves."""
    shard = shard_of(bank, METRICS)
    fold_into(shard, METRICS, log())
    table = dict(shard.snapshot(float("inf"))[0])
    (number,) = [n for n in range(64) if page_key(bank.capability, 0, n) in table]
    return shard, number, table


def test_rows_that_differ_are_named_with_their_field() -> None:
    shard, number, _ = folded(AnomalyBank)
    ours = shard.bank.take(number)
    saved = msgspec.msgpack.decode(ours, type=SavedRows)
    assert list(AnomalyBank.shown(ours))[:3] == ["s/m0", "s/m1", "s/m2"]

    def but(rows: bytes = saved.rows, extra: bytes = saved.extra, names: list[bytes] = saved.names) -> bytes:
        return msgspec.msgpack.encode(SavedRows(names, saved.heard_ms, rows, extra))

    def flipped(at: int) -> bytes:
        rows = bytearray(saved.rows)
        rows[at] ^= 0x40
        return bytes(rows)

    views = 2 * ROW.itemsize + ROW.fields["views"][1] + 4 * 3  # type: ignore[index]
    assert compare_rows(AnomalyBank, ours, but()) is None
    first = compare_rows(AnomalyBank, ours, but(flipped(views + 3)))
    assert first is not None
    assert first.what == "row s/m2, views[3]"
    assert compare_rows(AnomalyBank, ours, but(names=[b"s/m0", b"s/m1", b"s/x"])) == Found(
        "row s/m2", "there", "not there"
    )
    assert compare_rows(AnomalyBank, ours, but(saved.rows[:-1])).what == "the page as a whole"  # type: ignore[union-attr]
    beside = compare_rows(AnomalyBank, ours, but(extra=msgspec.msgpack.encode([1])))
    assert beside is not None
    assert beside.what.startswith(f"row {BESIDE}")


def test_the_same_values_in_other_bytes_are_told_with_the_byte() -> None:
    shard, number, _ = folded(Counting)
    ours = shard.bank.take(number)
    wider = ours.replace(b"\xa5count\x0a", b"\xa5count\xcc\x0a", 1)
    assert wider != ours
    first = compare_rows(Counting, ours, wider)
    assert first is not None
    assert first.what.startswith("the same values in other bytes, byte ")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({}, None),
        ({"clock_ms": 5}, "the log's clock in ms"),
        ({"settings_at": -1}, "where the settings in force stand"),
    ],
)
def test_what_a_page_states_is_compared(change: dict[str, int], what: str | None) -> None:
    shard, number, table = folded(Counting)
    page = decode_page(table[page_key("counting", 0, number)])
    claim = Claim(msgspec.structs.replace(page.statement, **change), page)
    settings = {0: table[page_key("counting", 0, "settings/0")]}
    found = compare_page(shard, number, claim, settings, b"\x80")
    assert (found and found.what) == what


def test_marks_and_settings_that_differ_are_named() -> None:
    shard, number, table = folded(Counting)
    page = decode_page(table[page_key("counting", 0, number)])
    marked = msgspec.structs.replace(page, marks=[("traffic", "requests", 1, 7, 1, "x")])
    found = compare_page(shard, number, Claim(page.statement, marked), {}, b"\x80")
    assert found == Found("mark of traffic, requests[1]", "none", (7, 1, "x"))
    other = msgspec.msgpack.encode(("v1", Settings(late_s=8.0)))
    for settings, first in (
        ({}, Found("the settings of @0", "v1", "not saved")),
        ({0: other}, Found("the settings of @0, late_s", 9.0, 8.0)),
        ({0: b"\xc1"}, None),
    ):
        found = compare_page(shard, number, Claim(page.statement, page), settings, b"\x80")
        assert found is not None
        assert (found == first) if first else str(found.found).startswith("unreadable")


def test_a_page_that_was_never_written_must_be_empty() -> None:
    shard, number, table = folded(Counting)
    here = Statement(b"", shard.next, shard.clock_ms, 0)
    settings = {0: table[page_key("counting", 0, "settings/0")]}
    empty = shard_of(Counting, METRICS).bank.take(0)
    found = compare_page(shard, number, Claim(here, None), settings, empty)
    assert found == Found("row s/m0", "there", "not there")
    assert compare_page(shard, (number + 1) % 64, Claim(here, None), settings, empty) is None


def test_a_deviation_is_a_line_and_plain_data() -> None:
    one = Deviation("anomaly", 2, 17, 4711, Found("row a/\x1b[2J, level", math.nan, b"\xff"))
    assert one.in_words() == ("state: anomaly[2] page 17 at 4711: row a/\\x1b[2J, level: expected nan, found ff")
    assert one.as_plain()["found"] == "ff"
    assert msgspec.json.encode(one.as_plain())
    assert isinstance(Page(1, Statement(), [], b""), Page)
