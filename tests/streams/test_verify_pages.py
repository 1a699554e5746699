"""Which of the claims of a state topic a verification holds to the fold, and which it begins from."""

from __future__ import annotations

import pytest

from detectors.bank import PAGES
from streams.engine import pages
from streams.engine.pages import Page, Statement
from streams.engine.shard import Shard
from streams.verify_pages import Claim, Claims, Limits, table_of
from tests.fakes import fold_into, shard_of
from tests.streams.engine.counting import Counting
from topics.metrics import METRICS, Reading


def page(position: int, stamp: bytes = b"s") -> bytes:
    return pages.encode(Page(1, Statement(stamp, position), [], b"\x80"))


def stated(position: int, stamp: bytes = b"") -> bytes:
    return pages.encode([Statement(stamp, position)] * PAGES)


def place(claim: Claim | None) -> int | None:
    return None if claim is None else claim.statement.position


def test_a_statement_moves_a_page_only_if_it_is_about_that_writing_of_it() -> None:
    claims = Claims(Limits())
    claims.take("3", page(5))
    assert (place(claims.last[3]), place(claims.last[4])) == (5, None)
    claims.take("pages", stated(8, b"s"))
    assert place(claims.last[3]) == 8
    claims.take("3", page(9, b"t"))
    claims.take("pages", stated(12, b"s"))
    assert (place(claims.last[3]), place(claims.last[4])) == (9, 0), "page 4 was never written, whatever is stated"
    assert claims.positions == {5, 8, 9, 0}


def test_a_page_that_was_never_written_stands_where_it_is_stated_to() -> None:
    claims = Claims(Limits())
    claims.take("pages", stated(8))
    assert claims.last[0] == Claim(Statement(b"", 8), None)


@pytest.mark.parametrize(
    ("limits", "first", "last"),
    [
        (Limits(), 2, 9),
        (Limits(until=6), 2, 6),
        (Limits(begin=3), 4, 9),
        (Limits(begin=3, since=7), 6, 9),
        (Limits(begin=7, until=3), 9, 2),
        (Limits(begin=10, until=1), None, None),
    ],
)
def test_the_newest_claim_in_the_range_is_compared_and_an_older_one_begun_from(
    limits: Limits, first: int | None, last: int | None
) -> None:
    claims = Claims(limits)
    for position in (2, 4, 6, 9):
        claims.take("0", page(position, b"%d" % position))
    assert (place(claims.first[0]), place(claims.last[0])) == (first, last)


def test_the_last_that_was_written_counts_even_if_a_zombie_wrote_it() -> None:
    claims = Claims(Limits())
    for position in (2, 9, 4):
        claims.take("0", page(position, b"%d" % position))
    assert place(claims.last[0]) == 4


def test_what_cannot_be_read_is_kept_with_the_reason_until_it_is_written_again() -> None:
    claims = Claims(Limits())
    claims.take("5", b"\xc1")
    assert list(claims.unreadable) == [5]
    claims.take("5", page(1))
    claims.take("nonsense", b"\xc1")
    claims.take("99", page(1))
    claims.take("settings/7", b"x")
    assert (claims.unreadable, claims.settings) == ({}, {7: b"x"})
    claims.take("5", None)
    assert claims.last[5] == Claim(Statement(), None), "forgotten: as if it had never been written"


def test_from_claims_a_shard_is_loaded_as_it_was() -> None:
    one, again = shard_of(Counting, METRICS), shard_of(Counting, METRICS)
    fold_into(one, METRICS, [(1000 * i, Reading(series=f"s{i % 5}/load", value=1.0, at_s=float(i))) for i in range(40)])
    claims = Claims(Limits())
    for key, raw in one.snapshot(float("inf"))[0]:
        claims.take(key.decode().split("/", 2)[2], raw)
    assert table_of(("counting", 0), [*claims.last[:-1], None], {}, {}) is None
    table = table_of(("counting", 0), claims.last, claims.settings, {})
    assert table is not None
    again.load(table)
    assert again.contents() == one.contents()
    assert (again.next, again.spoken, again.clock_ms) == (40, 40, one.clock_ms)
    assert isinstance(again, Shard)
