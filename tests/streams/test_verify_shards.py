"""A verification's fold looks at every page where it says that it is true, and says what it could not look at."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streams.engine import pages
from streams.replay import chosen_of
from streams.replay_logs import Span
from streams.verify_pages import Claims, Limits
from streams.verify_shards import Verification
from tests.fakes import fold_into, log_chunk, shard_of
from topics import Origin
from topics.control import SettingsChange
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, Settings

EAGER = Settings(anomaly=AnomalySettings(alarms_per_day=10_000, warmup=12, bucket_s=1, joint=False))
SHELF = ("anomaly", 0)
TOPIC, CHOSEN = chosen_of("metrics", "anomaly")


def log() -> list[tuple[int, Any]]:
    """Return a minute of twenty series of as many services, each with two excursions, the second the higher one."""
    value = [5.0 + (k % 7) / 10 + (20.0 * (k // 20) ** 3 if k % 25 > 20 else 0.0) for k in range(60)]
    readings = [Reading(series=f"s{n}/load", value=v, at_s=float(k)) for k, v in enumerate(value) for n in range(20)]
    return [(0, SettingsChange("1", EAGER)), *((50 * i, reading) for i, reading in enumerate(readings))]


def saved(*budgets: float) -> list[tuple[bytes, bytes]]:
    """Fold the log, saving as often, and so much each time; return the records of the state topic."""
    shard, history, records = shard_of(CHOSEN[0].bank, METRICS), log(), []
    share = len(history) // len(budgets)
    for n, budget in enumerate(budgets):
        fold_into(shard, METRICS, history[n * share : (n + 1) * share], start=n * share)
        records += shard.snapshot(budget)[0]
    return records


def claims_of(records: list[tuple[bytes, bytes]], limits: Limits = Limits()) -> dict[tuple[str, int], Claims]:  # noqa: B008
    claims = Claims(limits)
    for key, raw in records:
        claims.take(key.decode().split("/", 2)[2], raw)
    return {SHELF: claims}


def verified(claims: dict[tuple[str, int], Claims], begin: int = 0, **more: Any) -> tuple[Verification, Span]:
    """Fold what is left of the log."""
    history = log()
    run = Verification(TOPIC, CHOSEN, claims, {0: len(history)}, **more)
    span = run.narrowed(Span({0: begin}, {0: begin}, {0: len(history)}))
    for low in range(span.begins[0], span.until[0], 64):
        run.fold(log_chunk(METRICS, history[low : low + 64], start=low), span)
    return run, span


def test_pages_at_different_positions_are_each_compared_where_they_stand() -> None:
    run, span = verified(claims_of(saved(float("inf"), 3000.0, 9000.0, 100.0)))
    outcome = run.finish()
    assert (outcome.deviations, outcome.unchecked, outcome.notes) == ([], [], [])
    assert (outcome.counts["anomaly"]["same"], outcome.counts["anomaly"]["rows"]) == (64, 20)
    assert span.until[0] == 1200
    assert len({claim.statement.position for claim in run.claims[SHELF].last if claim}) > 2
    assert run.now
    assert [run.is_pending(Origin("anomaly", "metrics", 0, at, (1, "x"))) for at in (1199, 1200)] == [False, True]


def test_every_page_that_differs_is_named_once() -> None:
    records = saved(float("inf"))
    for n, (key, raw) in enumerate(records):
        if key.rsplit(b"/", 1)[1].isdigit() and b"settings" not in key:
            page = pages.decode_page(raw)
            records[n] = (key, pages.encode(msgspec.structs.replace(page, marks=[("a", "b", 0, 1, 1, "x")])))
    run, _ = verified(claims_of(records))
    outcome = run.finish()
    filled = sum(claim is not None and claim.page is not None for claim in run.claims[SHELF].last)
    assert len(outcome.deviations) == outcome.counts["anomaly"]["different"] == filled > 10
    assert {one.first.what for one in outcome.deviations} == {"mark of a, b[0]"}
    assert outcome.counts["anomaly"]["same"] == 64 - filled


def test_without_the_log_s_beginning_it_begins_from_the_oldest_pages_that_are_kept() -> None:
    claims = claims_of(saved(float("inf"), float("inf"), float("inf")), Limits(begin=500))
    run, span = verified(claims, 500, starts={SHELF: claims[SHELF].first})
    outcome = run.finish()
    assert (span.begins[0], span.known["anomaly", 0], span.until[0]) == (800, 800, 1200)
    assert (outcome.counts["anomaly"]["same"], outcome.deviations) == (64, [])
    assert outcome.notes == ["anomaly[0] begins from its pages at 800..800"]
    assert outcome.unchecked == [
        "anomaly[0]: what was said of 500..799: the log's beginning is gone",
    ]
    assert run.now
    assert all(identity.origin.offset >= 800 for identity in run.now)


def test_pages_that_have_not_moved_since_are_unchecked_but_where_it_was_asked_what_moves() -> None:
    claims = claims_of(saved(float("inf")), Limits(begin=500))
    for watching, unchecked in ((False, 2), (True, 0)):
        run, span = verified(claims, 500, starts={SHELF: claims[SHELF].first}, watching=watching)
        outcome = run.finish()
        assert (outcome.counts["anomaly"]["unchecked"], len(outcome.unchecked)) == (64, unchecked)
        assert span.begins == span.until == {0: 1201}


def test_where_no_page_is_kept_that_stood_in_the_range_outputs_are_compared_all_the_same() -> None:
    claims = claims_of(saved(float("inf")), Limits(until=900))
    run = Verification(TOPIC, CHOSEN, claims, {0: 1201})
    span = run.narrowed(Span({0: 0}, {0: 0}, {0: 900}))
    run.fold(log_chunk(METRICS, log()), span)
    outcome = run.finish()
    assert outcome.unchecked == ["anomaly[0]: pages 0-63: none is kept that stood before the end of the range"]
    assert (span.until[0], outcome.counts["anomaly"]["unchecked"]) == (900, 64)
    assert run.now
    assert not run.is_pending(Origin("anomaly", "metrics", 0, 899, (1, "x")))


@pytest.mark.parametrize(
    ("records", "limits", "why"),
    [
        ([], Limits(), "anomaly[0]: no page is saved"),
        (
            [one for one in saved(float("inf")) if not one[0].endswith(b"pages")], Limits(begin=1),
            "anomaly[0]: the log begins at 1, and not every page is saved from there on",
        ),
    ],
)  # fmt: skip
def test_a_shard_that_cannot_be_folded_is_left_out_and_said(
    records: list[tuple[bytes, bytes]], limits: Limits, why: str
) -> None:
    claims = claims_of(records, limits)
    run, span = verified(claims, limits.begin, starts={SHELF: claims[SHELF].first} if limits.begin else {})
    assert run.finish().unchecked == [why]
    assert (run.now, run.shards_of(0)) == ({}, [])
    assert not span.has(Origin("anomaly", "metrics", 0, 5, (1, "x")))


def test_pages_of_another_version_and_pages_beyond_the_log_are_told() -> None:
    records = dict(saved(float("inf")))
    keys = [key for key in records if key.rsplit(b"/", 1)[1].isdigit() and b"settings" not in key]
    page = pages.decode_page(records[keys[0]])
    records[keys[0]] = pages.encode(msgspec.structs.replace(page, version=99))
    beyond = msgspec.structs.replace(page.statement, position=10**9)
    records[keys[1]] = pages.encode(msgspec.structs.replace(pages.decode_page(records[keys[1]]), statement=beyond))
    records[keys[2]] = b"\xc1"
    run, span = verified(claims_of(list(records.items())))
    outcome = run.finish()
    numbers = [int(key.rsplit(b"/", 1)[1]) for key in keys[:3]]
    version = CHOSEN[0].bank.version
    assert outcome.unchecked == [f"anomaly[0]: page {numbers[0]}: of another version, this is version {version}"]
    assert {(one.page, one.first.what) for one in outcome.deviations} == {
        (numbers[1], "where it stands"),
        (numbers[2], "the page as a whole"),
    }
    assert span.until == {0: 1201}
    assert outcome.counts["anomaly"]["same"] == 61
