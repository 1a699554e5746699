"""What a replay compares, and how it says so: logs in memory, no Kafka."""

from typing import Any

import msgspec
import pytest

from streams.bus import capabilities
from streams.engine.chunks import chunk_of
from streams.replay import Report, chosen_of
from streams.replay_compare import (
    LIFTED,
    Comparison,
    Difference,
    Identity,
    Tally,
    Word,
    compare,
    differing_fields,
    in_words,
)
from streams.replay_logs import Heard, Span, marked
from streams.replay_shards import Replay
from tests.fakes import fold, log_chunk
from topics import Origin
from topics.alerts import ALERTS
from topics.blocklist import BLOCKLIST
from topics.control import SettingsChange
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, Scaling, Service, Settings
from topics.signals import SIGNALS, Anomaly

EAGER = Settings(anomaly=AnomalySettings(warmup=12, bucket_s=1, alarm=6.0))
DEAF = Settings(anomaly=AnomalySettings(warmup=12, bucket_s=1, alarm=1000.0))


def identity(offset: int, what: str = "shop/load level", home: str = "signals") -> Identity:
    return Identity(home, Origin("anomaly", "metrics", 0, offset, (1, what)))


def word(content: bytes, key: bytes = b"shop", time_ms: int = 1000) -> Word:
    return Word(key, content, time_ms)


# Comparing -----------------------------------------------------------------------------------------------------------


def test_every_word_is_counted_once_and_every_difference_is_kept_in_the_order_of_the_log() -> None:
    now = {identity(n): word(b"%d" % n) for n in (1, 2, 3, 4, 5)}
    then = {identity(1): (b"1",), identity(2): (b"two",), identity(9): (b"9",), identity(0): (b"0",)}
    found = compare(
        now,
        then,
        folded={"anomaly": 10},
        is_pending=lambda origin: origin.offset >= 5,
        is_gone=lambda identity, word: identity.origin.offset == 4,
    )
    assert found.tallies == {
        "anomaly": Tally(folded=10, said=5, same=1, different=1, only_now=1, only_then=2, gone=1, pending=1)
    }
    assert [(one.kind, one.identity.origin.offset) for one in found.differences] == [
        ("only then", 0),
        ("different", 2),
        ("only now", 3),
        ("only then", 9),
    ]
    assert not found.is_equal


def test_words_that_are_pending_or_gone_are_no_difference() -> None:
    now = {identity(1): word(b"1"), identity(2): word(b"2")}
    found = compare(
        now, {}, folded={"anomaly": 2}, is_pending=lambda o: o.offset == 1, is_gone=lambda i, w: i.origin.offset == 2
    )
    assert (found.is_equal, found.differences) == (True, [])


def test_copies_that_are_not_alike_are_a_difference_even_if_one_is_right() -> None:
    found = compare({identity(1): word(b"1")}, {identity(1): (b"1", b"one")}, folded={})
    assert [(one.kind, one.now, one.then) for one in found.differences] == [("different", b"1", b"one")]


def test_a_difference_names_the_record_that_led_to_it_and_what_is_said() -> None:
    said = Anomaly(series="shop/load", kind="level", at_s=1.0, value=9.0, expected=5.0, score=2.0)
    other = msgspec.structs.replace(said, score=3.0)
    one, two = msgspec.json.encode(said), msgspec.json.encode(other)
    line = in_words(Difference("different", identity(7), one, two, 1_000))
    assert line == (
        "different: 1970-01-01 00:00:01.000 metrics[0]@7 → anomaly on signals: "
        "level shop/load: 9, expected 5, score 2.00; score: 3.0 → 2.0"
    )
    line = in_words(Difference("only then", identity(7), None, one, 0))
    assert line == "only then: metrics[0]@7 → anomaly on signals: level shop/load: 9, expected 5, score 2.00"


def test_a_lift_is_told_with_its_reason_and_nothing_moves_the_cursor() -> None:
    lift = Identity("blocklist", Origin("decisions", "proposals", 0, 7, (0, "192.0.2.7\x1b[2J")))
    line = in_words(Difference("only now", lift, LIFTED + b"its time is over", None, 0))
    assert line == "only now: proposals[0]@7 → decisions on blocklist: 192.0.2.7\\x1b[2J lifted: its time is over"


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        (b'{"a": 1}', b'{"a": 1, "b": 2}', "b: 2 → not there"),
        (b'{"a":1}', b'{"a": 1}', "the same values in other bytes"),
        (b"lifted: over", b"lifted: by ann", "lifted: by ann → lifted: over"),
    ],
)
def test_what_differs_is_named_field_by_field(now: bytes, then: bytes, said: str) -> None:
    assert differing_fields(now, then) == said


# Words that are gone -------------------------------------------------------------------------------------------------


def test_nothing_is_gone_from_a_topic_that_has_all_its_records() -> None:
    heard = Heard(newest={("alerts", b"shop"): (9, (1, "x"))})
    assert not heard.may_have_had(ALERTS, 0, identity(1, home="alerts"), word(b"1"))


def test_what_is_older_than_all_that_is_left_may_be_gone() -> None:
    heard = Heard(holes={("signals", 0): 500.0})
    assert heard.may_have_had(SIGNALS, 0, identity(1), word(b"1", time_ms=500))
    assert not heard.may_have_had(SIGNALS, 0, identity(1), word(b"1", time_ms=501))
    assert not heard.may_have_had(SIGNALS, 1, identity(1), word(b"1", time_ms=500))
    assert Heard(holes={("signals", 0): float("inf")}).may_have_had(SIGNALS, 0, identity(1), word(b"1"))


def test_compaction_takes_all_but_the_newest_word_of_a_key_and_any_lift() -> None:
    heard = Heard(holes={("alerts", 0): -1.0, ("blocklist", 0): -1.0, ("signals", 0): -1.0})
    for topic in (ALERTS, SIGNALS):
        heard.supersede(topic, b"shop", Origin("incidents", "signals", 0, 5, (1, "b")))
    assert heard.may_have_had(ALERTS, 0, identity(5, "a", "alerts"), word(b"1"))
    assert not heard.may_have_had(ALERTS, 0, identity(5, "b", "alerts"), word(b"1"))
    assert not heard.may_have_had(ALERTS, 0, identity(5, "a", "alerts"), word(b"1", key=b"bank"))
    assert not heard.may_have_had(SIGNALS, 0, identity(1, "a"), word(b"1"))
    assert heard.may_have_had(BLOCKLIST, 0, identity(5, "b", "blocklist"), word(LIFTED))


# Folding -------------------------------------------------------------------------------------------------------------


def readings() -> list[tuple[int, object]]:
    """Give five minutes of a calm series with two excursions."""
    value = [5.0 + (i % 7) / 10 + (20.0 if i % 100 > 90 else 0.0) for i in range(300)]
    return [(i * 1000, Reading(series="shop/load", value=v, at_s=float(i))) for i, v in enumerate(value)]


def replayed(log: list[tuple[int, object]], since: int = 0, until: int | None = None, **more: Any) -> Replay:
    topic, chosen = chosen_of("metrics", "anomaly")
    span = Span({0: 0}, {0: since}, {0: len(log) if until is None else until})
    run = Replay(topic, chosen, 1, **more)
    for low in range(0, len(log), 64):
        run.fold(log_chunk(METRICS, log[low : low + 64], start=low), span)
    return run


def test_a_replay_says_what_a_fold_of_the_log_says() -> None:
    log = [(0, SettingsChange("1", EAGER)), *readings()]
    _, (anomaly,) = chosen_of("metrics", "anomaly")
    said = {r.origin: msgspec.json.encode(r) for r in fold(anomaly.bank, METRICS, log, partition=0) if r.origin}
    assert said
    run = replayed(log)
    assert {i.origin: one.content for i, one in run.now.items()} == said
    assert all(one.time_ms == log[i.origin.offset][0] for i, one in run.now.items())


def test_a_range_is_folded_from_the_beginning_and_only_its_own_words_are_kept() -> None:
    log = [(0, SettingsChange("1", EAGER)), *readings()]
    whole, first, second = replayed(log), replayed(log, until=150), replayed(log, since=150)
    assert (first.before, first.folded, second.before, second.folded) == (0, 150, 150, len(log) - 150)
    assert first.now
    assert second.now
    assert {**first.now, **second.now} == whole.now
    assert replayed(log, since=250, until=150).now == {}


def test_a_range_ends_before_the_record_that_until_names() -> None:
    span = Span({0: 0, 1: 5}, {0: 3, 1: 5}, {0: 8, 1: 6})
    origins = [Origin("anomaly", "metrics", p, offset, (1, "x")) for p in (0, 1, 2) for offset in range(10)]
    assert [(o.partition, o.offset) for o in origins if span.has(o)] == [(0, n) for n in range(3, 8)] + [(1, 5)]
    assert not span.is_whole


def test_other_settings_hold_whatever_the_log_says() -> None:
    log = [(0, SettingsChange("1", EAGER)), *readings()]
    assert replayed(log, other=DEAF).now == {}
    assert replayed(readings(), initial=EAGER).now
    assert replayed(readings(), initial=DEAF).now == {}
    assert replayed(log, initial=DEAF).now == replayed(log).now


def test_a_record_that_workers_isolated_is_passed_over_as_they_did() -> None:
    topic, chosen = chosen_of("metrics", "anomaly")
    log = [(0, SettingsChange("1", EAGER)), *readings()]
    run = Replay(topic, chosen, 1, skips={("anomaly", 0): {40: "it failed"}})
    run.fold(log_chunk(METRICS, log), Span({0: 0}, {0: 0}, {0: len(log)}))
    (fault,) = [i for i in run.now if i.origin.subject[0] == 2]
    assert (fault.origin.offset, fault.home) == (40, "signals")


def test_a_failure_says_where_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("row")

    topic, chosen = chosen_of("metrics", "anomaly")
    monkeypatch.setattr("streams.engine.shard.Shard.fold", fail)
    with pytest.raises(KeyError) as caught:
        Replay(topic, chosen, 1).fold(log_chunk(METRICS, readings()), Span({0: 0}, {0: 0}, {0: 300}))
    assert caught.value.__notes__ == ["while anomaly folded metrics[0]@0..299 again"]


def test_who_leads_a_topic_answers_for_what_is_forwarded() -> None:
    first, second = (Replay(*chosen_of("metrics", name), 4) for name in ("anomaly", "scaling"))
    assert first.speakers == {"anomaly", "forward"}
    assert first.homes == (SIGNALS, METRICS)
    assert second.speakers == {"scaling"}
    every = Replay(*chosen_of("metrics", None), 4)
    assert {c.name for c in every.chosen} == {c.name for c in capabilities() if c.topic is METRICS}


def test_a_misplaced_record_is_forwarded_by_who_leads_alone() -> None:
    log = [(0, Reading(series=f"s{i}/m", value=1.0, at_s=0.0)) for i in range(8)]
    scaled = Settings(services={f"s{i}": Service(scaling=Scaling(load=f"s{i}/m", capacity=1.0)) for i in range(8)})
    said = {}
    for name in ("anomaly", "scaling"):
        run = Replay(*chosen_of("metrics", name), 4, other=scaled)
        run.fold(log_chunk(METRICS, log), Span({0: 0}, {0: 0}, {0: len(log)}))
        said[name] = {(i.home, i.origin.capability) for i in run.now}
    assert said == {"anomaly": {("metrics", "forward")}, "scaling": set()}


def test_records_that_may_have_an_origin_are_found_among_many() -> None:
    plain, derived = b'{"series": "a/b"}', b'{"origin": {"capability": "x"}, "also": "origin"}'
    values = [plain, derived, None, b"", derived, plain, derived]
    chunk = chunk_of("metrics", 0, 10, [(b'"origin"', value, 0) for value in values])
    assert list(marked(chunk)) == [1, 4, 6]
    assert list(marked(chunk_of("metrics", 0, 0, []))) == []


def test_a_report_says_what_was_folded_with_which_settings() -> None:
    comparison = Comparison({"anomaly": Tally(folded=5, said=1, same=1)})
    report = Report("metrics", Span({0: 0}, {0: 3}, {0: 8}), comparison, 3, 5, None)
    assert report.lines() == [
        "folded 5 records of metrics, after 3 before them, with the settings of the log",
        "",
        "capability  folded  said  same  different  only now  only then  gone  pending",
        "anomaly          5     1     1          0         0          0     0        0",
    ]
    assert report.as_plain()["capabilities"]["anomaly"]["same"] == 1
    many = Comparison(differences=[Difference("only now", identity(n), b"{}", None, 0) for n in range(30)])
    assert Report("metrics", Span({}, {}, {}), many, 0, 0, "abc").lines()[-1].startswith("and 10 more differences")
