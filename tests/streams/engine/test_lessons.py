"""Which lesson is in force in a shard, wherever in the log it begins, and whatever was saved of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streams.engine.lessons import Lessons, lesson_of
from streams.engine.pages import Statement, encode, page_key
from streams.engine.shard import Shard
from tests.fakes import Entry, fold_into, shard_of
from tests.streams.engine.counting import Counting, Tally
from topics import Derived, Record
from topics.control import Lesson
from topics.metrics import METRICS, Reading

KEY = page_key("taught", 0, "lesson")


class Taught(Counting):
    """Counts readings in steps of the lesson in force."""

    capability = "taught"
    step = 1

    def lesson(self) -> bytes | None:
        """Return a lesson."""
        return b"5"

    def learn(self, lesson: bytes) -> None:
        """Count in other steps from now on."""
        self.step = int(lesson)

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Count a reading."""
        assert isinstance(record, Reading)
        entries.setdefault(record.series, Tally()).count += self.step
        return []


def reading(series: str, second: int) -> Entry:
    return second * 1000, Reading(series=series, value=1.0, at_s=second)


def taught(content: bytes, second: int, capability: str = "taught") -> Entry:
    return second * 1000, Lesson(capability, content)


LOG: list[Entry] = [
    reading("a/x", 0), reading("b/x", 1), taught(b"10", 2), reading("a/x", 3), taught(b"100", 4), reading("b/x", 5),
    taught(b"1000", 6, "another"), taught(b"none", 7), reading("a/x", 8), reading("b/x", 9),
]  # fmt: skip


def shard() -> Shard:
    return shard_of(Taught, METRICS)


def counts(of: Shard) -> dict[str, int]:
    pages = [msgspec.msgpack.decode(raw, type=dict[str, Tally]) for raw, _ in of.contents()]
    return {name: tally.count for page in pages for name, tally in page.items()}


def test_a_lesson_is_in_force_from_the_next_record_on_and_what_is_none_is_passed_over() -> None:
    whole = shard()
    assert fold_into(whole, METRICS, LOG) == []
    assert counts(whole) == {"a/x": 1 + 10 + 100, "b/x": 1 + 100 + 100}
    assert (whole.lessons.at, whole.lessons.content) == (4, b"100")


@pytest.mark.parametrize("at", range(len(LOG) + 1))
def test_whoever_loads_the_pages_goes_on_under_the_lesson_of_the_page(at: int) -> None:
    first, second = shard(), shard()
    fold_into(first, METRICS, LOG[:at])
    records, position = first.snapshot(float("inf"))
    assert second.load(dict(records)) == position == at
    assert second.lessons.at == first.lessons.at
    fold_into(second, METRICS, LOG, start=0)
    assert counts(second) == {"a/x": 111, "b/x": 201}


@pytest.mark.parametrize("older", [True, False])
def test_where_another_lesson_is_saved_than_the_page_names_the_fold_begins_at_the_one_it_names(older: bool) -> None:
    """So it is where a worker that was given up writes late."""
    first, other, second = shard(), shard(), shard()
    fold_into(first, METRICS, LOG[:4])
    table = dict(first.snapshot(float("inf"))[0])
    if older:
        table[KEY] = encode((1, b"7"))
    else:
        fold_into(other, METRICS, LOG)
        table[KEY] = dict(other.snapshot(float("inf"))[0])[KEY]
    assert second.load(table, 0, len(LOG)) == 2, "where the lesson stands that is named, before the page's position"
    fold_into(second, METRICS, LOG)
    assert counts(second) == {"a/x": 111, "b/x": 201}


def test_a_lesson_stays_saved_until_the_lowest_page_names_another_and_the_fold_never_begins_further_back() -> None:
    whole = shard()
    fold_into(whole, METRICS, LOG[:4])
    table = dict(whole.snapshot(float("inf"))[0])
    fold_into(whole, METRICS, LOG[4:], start=4)
    records, position = whole.snapshot(0.0)
    assert KEY not in dict(records)
    assert shard().load(table | dict(records)) == position == 4
    records, position = whole.snapshot(float("inf"))
    assert lesson_of(dict(records)[KEY]) == (4, b"100")
    assert position == len(LOG)
    for arrived in range(len(records)):  # of those that were sent, in their order
        table |= dict(records[:arrived])
        assert shard().load(table) >= 4


def test_a_page_is_dropped_whose_lesson_is_neither_saved_nor_in_the_log() -> None:
    first, second = shard(), shard()
    fold_into(first, METRICS, LOG[:4])
    table = {key: raw for key, raw in first.snapshot(float("inf"))[0] if key != KEY}
    second.load(table, 3, len(LOG))
    assert second.fates["dropped"] == 2


def test_a_dropped_page_is_learned_again_under_the_last_lesson_before_the_log_begins() -> None:
    first, second = shard(), shard()
    fold_into(first, METRICS, LOG[:4])
    table = dict(first.snapshot(float("inf"))[0])
    broken = next(key for key, raw in table.items() if b"a/x" in raw)
    assert second.load(table | {broken: b"\xc1"}, 3, len(LOG)) == 3
    assert second.bank.step == 10  # type: ignore[attr-defined]


def test_a_saved_lesson_beyond_the_end_of_the_log_is_none() -> None:
    lessons = Lessons("taught", 0)
    lessons.read({KEY: encode((9, b"7"))}, 9)
    assert lessons.saved_at == -1
    lessons.read({KEY: encode((8, b"7"))}, 9)
    assert (lessons.saved_at, lessons.before(Statement(position=9))) == (8, b"7")
    assert lessons.before(Statement(position=8)) is None


def test_what_cannot_be_read_is_no_lesson(caplog: pytest.LogCaptureFixture) -> None:
    assert (lesson_of(None), lesson_of(encode((3, b"x")))) == (None, (3, b"x"))
    assert lesson_of(b"\xc1") is None
    assert "unreadable" in caplog.text
