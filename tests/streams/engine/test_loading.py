"""What becomes of saved pages: kept, migrated, dropped and learned again, or left for a newer worker."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

from streams.engine import pages
from streams.engine.loading import Ground, later, look
from streams.engine.pages import Page, Statement, page_key
from streams.engine.shard import Shard
from tests.fakes import fold_into, shard_of
from tests.recorded import log, recorded
from tests.streams.engine.versions import VERSIONS, Second, split_count
from topics.metrics import METRICS

SAVED = Statement(b"s", 5, 6, 7)


def ground(version: int = 1, *, relearn: bool = False, has: bool = True) -> Ground:
    return Ground(VERSIONS[version], 3, 9, lambda at: has, relearn)


def page(version: int = 1, statement: Statement = SAVED, payload: bytes = b"\x80") -> bytes:
    return pages.encode(Page(version, statement, [("traffic", "requests", 0, 1, 1, "x")], payload))


def test_a_page_of_this_version_is_kept_with_its_marks() -> None:
    found = look(page(), Statement(), ground())
    assert (found.fate, found.statement, found.said_to, found.payload, found.why) == ("kept", SAVED, 5, b"\x80", "")
    assert list(found.marks) == [("traffic", "requests", 0, 1, 1, "x")]


def test_a_later_statement_counts_only_if_it_is_about_the_same_writing() -> None:
    same, other = Statement(b"s", 8, 9, 7), Statement(b"another", 8, 9, 7)
    assert later(same, SAVED) == same
    assert later(other, SAVED) == later(Statement(b"s", 4, 4, 7), SAVED) == SAVED
    assert look(page(), same, ground()).statement == same


@pytest.mark.parametrize(
    ("raw", "why", "said_to"),
    [
        (page(statement=Statement(b"s", 2)), "standing at 2, the log has 3..9", 2),
        (page(statement=Statement(b"s", 10)), "standing at 10, the log has 3..9", 0),
        (page(version=0), "of version 0, this is version 1", 5),
        (b"\xc1", "unreadable: MessagePack data is malformed: invalid opcode '\\xc1' (byte 0)", 0),
    ],
)
def test_what_cannot_be_taken_over_is_dropped_and_what_it_led_to_is_not_said_again(
    raw: bytes, why: str, said_to: int
) -> None:
    """But where the log ends before the page: then other records may stand there, of which nothing was said."""
    found = look(raw, Statement(), ground())
    assert (found.fate, found.why, found.said_to, found.payload) == ("dropped", why, said_to, b"")
    assert found.statement == Statement(position=3)


def test_a_page_learned_under_settings_that_were_not_saved_is_dropped() -> None:
    assert look(page(), Statement(), ground(has=False)).why == "learned under the settings of @7, which were not saved"


def test_a_page_that_was_never_written_is_dropped_without_a_word() -> None:
    found = look(None, Statement(b"", 2), ground())
    assert (found.fate, found.why, found.statement.position) == ("dropped", "", 3)
    assert look(None, Statement(b"", 4), ground()).statement == Statement(b"", 4)


def test_a_page_of_a_newer_version_is_left_alone_unless_told_otherwise() -> None:
    left, told = look(page(2), Statement(), ground()), look(page(2), Statement(), ground(relearn=True))
    assert (left.fate, left.payload, left.statement) == ("newer", b"", SAVED)
    assert (told.fate, told.payload, told.statement, told.said_to) == ("dropped", b"", Statement(position=3), 5)
    assert left.why == told.why == "of version 2, this is version 1"


def test_migrations_lead_from_version_to_version_or_nowhere() -> None:
    assert [VERSIONS[n].path_from(1) for n in (1, 2, 3)] == [(), (split_count,), None]
    assert (Second.path_from(2), Second.path_from(3), Second.path_from(0)) == ((), None, None)

    class Fourth(Second):
        version = 3
        migrations = {1: split_count, 2: bytes}  # noqa: RUF012

    assert Fourth.path_from(1) == (split_count, bytes)


@pytest.mark.parametrize("raw", [b"\xc1", b"\x91\x01", b"\x81\xa6s1/load\x81\xa5count\xa1x"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_page_that_does_not_fit_is_dropped_and_learned_again_and_all_others_are_kept(
    raw: bytes, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One that was made by a change of layout without a new version must not keep a worker from starting for ever."""
    history, table = log(), recorded()
    key = page_key("versioned", 0, 48)
    table[key] = pages.encode(msgspec.structs.replace(pages.decode_page(table[key]), payload=raw))
    one, whole = shard_of(VERSIONS[version], METRICS), shard_of(VERSIONS[version], METRICS)
    assert one.load(table, 0, len(history)) == 0
    assert one.fates == Counter({"kept" if version == 1 else "migrated": 6, "dropped": 1})
    assert "versioned/0: page 48 is dropped and learned again from the log: unreadable: " in caplog.text
    fold_into(one, METRICS, history)
    fold_into(whole, METRICS, history)
    assert one.contents() == whole.contents()


@pytest.mark.parametrize("raw", [b"\xc1", pages.encode([Statement()] * 3)])
def test_without_what_was_stated_pages_stand_where_they_were_written(
    raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    history = log()
    one, whole = shard_of(VERSIONS[1], METRICS), shard_of(VERSIONS[1], METRICS)
    at = one.load(recorded() | {page_key("versioned", 0, "pages"): raw}, 0, len(history))
    assert at == 0, "pages that were never written are known to be so by the statements only"
    assert "versioned/0: what is stated of its pages is unreadable: " in caplog.text
    fold_into(one, METRICS, history)
    fold_into(whole, METRICS, history)
    assert one.contents() == whole.contents()


# A state topic that version 1 wrote --------------------------------------------------------------------------------


def upgraded(version: int) -> tuple[Shard, Shard, list[object], list[object]]:
    """Load what version 1 saved, fold the rest of its log; return that, a fold of all of it, and what both say."""
    history = log()
    loaded, whole = shard_of(VERSIONS[version], METRICS), shard_of(VERSIONS[version], METRICS)
    at = loaded.load(recorded(), 0, len(history))
    said = fold_into(loaded, METRICS, history[at:], start=at)
    return loaded, whole, list(said), list(fold_into(whole, METRICS, history))


@pytest.mark.parametrize(
    ("version", "fate", "told"),
    [
        (1, "kept", ""),
        (2, "migrated", "are migrated: from version 1 by split_count"),
        (3, "dropped", "are dropped and learned again from the log: of version 1, this is version 3"),
    ],
)
def test_a_recorded_state_topic_is_taken_over_by_every_later_version(
    version: int, fate: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """State is that of a fold of the whole log; all is said that was not said when it was saved, and nothing twice."""
    loaded, whole, said, all_said = upgraded(version)
    assert loaded.fates == Counter({fate: 7})
    assert (told in caplog.text) if told else not caplog.text
    assert loaded.contents() == whole.contents()
    assert (loaded.version, loaded.clock_ms) == ("v1", whole.clock_ms)
    assert said == [one for one in all_said if one.origin.offset >= loaded.spoken]  # type: ignore[attr-defined]
    assert 0 < len(said) < len(all_said)


def test_a_migrated_page_is_saved_in_its_new_version_once_the_fold_has_come_to_where_it_stands() -> None:
    """Before that, what it holds is not what is true at the shard's position."""
    history = log()
    one = shard_of(Second, METRICS)
    at = one.load(recorded(), 0, len(history))
    ahead = [n for n, statement in enumerate(one.statements) if statement.position > at]
    assert ahead
    table = recorded() | dict(one.snapshot(float("inf"))[0])
    saved = {
        n: pages.decode_page(table[page_key("versioned", 0, n)]).version
        for n in np.flatnonzero(one.bank.dirty).tolist()
    }
    assert (set(saved), set(saved.values())) == (
        {n for n in ahead if one.marks.of_page(n) or len(one.bank.take(n)) > 1},
        {1},
    )
    fold_into(one, METRICS, history[at:], start=at)
    table |= dict(one.snapshot(float("inf"))[0])
    again = shard_of(Second, METRICS)
    assert again.load(table, 0, len(history)) == len(history)
    assert again.fates == Counter({"kept": 7})
    assert again.contents() == one.contents()


def test_a_shard_with_newer_pages_keeps_its_place_and_saves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    history = log()
    newer, older = shard_of(Second, METRICS), shard_of(VERSIONS[1], METRICS)
    fold_into(newer, METRICS, history)
    table = dict(newer.snapshot(float("inf"))[0])
    assert older.load(table, 0, len(history)) == len(history)
    assert older.newer == "of version 2, this is version 1"
    assert "are left alone: of version 2, this is version 1" in caplog.text
    with pytest.raises(AssertionError, match="must not be written over"):
        older.snapshot(float("inf"))
    assert older.load(table, 0, len(history), relearn=True) == 0
    assert (older.newer, older.spoken) == ("", len(history))
    assert fold_into(older, METRICS, history) == []
    whole = shard_of(VERSIONS[1], METRICS)
    fold_into(whole, METRICS, history)
    assert older.contents() == whole.contents()


def test_what_dropped_pages_led_to_is_not_said_again_even_if_no_page_is_left() -> None:
    history = log()
    table = {key: raw for key, raw in recorded().items() if not key.endswith(b"/pages")}
    one = shard_of(VERSIONS[3], METRICS)
    assert one.load(table, 0, len(history)) == 0
    assert int(one.positions.max()) == 0 < one.spoken < len(history)
    whole = fold_into(shard_of(VERSIONS[3], METRICS), METRICS, history)
    assert fold_into(one, METRICS, history) == [
        record for record in whole if record.origin is not None and record.origin.offset >= one.spoken
    ]
