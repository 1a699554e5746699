"""What a replay compares, and how it says so: logs in memory, no Kafka."""

from typing import Any

import msgspec
import pytest

from streams import replay_letters
from streams.bus import capabilities
from streams.connection import partition_of
from streams.engine.chunks import chunk_of
from streams.engine.letters import letter_headers
from streams.reader import Message
from streams.replay import Report, chosen_of
from streams.replay_compare import (
    LIFTED,
    Comparison,
    Copy,
    Difference,
    Identity,
    Tally,
    Word,
    compare,
    differing_fields,
    in_words,
)
from streams.replay_letters import expected
from streams.replay_logs import Heard, Span, marked
from streams.replay_shards import Replay
from streams.settings import Process
from tests.fakes import fold, log_chunk
from topics import Origin
from topics.alerts import ALERTS
from topics.control import SettingsChange
from topics.dead_letters import DEAD_LETTERS
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, Scaling, Service, Settings
from topics.signals import SIGNALS, Anomaly

EAGER = Settings(anomaly=AnomalySettings(warmup=12, bucket_s=1))
DEAF = Settings(anomaly=AnomalySettings(warmup=10_000, bucket_s=1))


def identity(offset: int, what: str = "shop/load level", home: str = "signals") -> Identity:
    return Identity(home, Origin("anomaly", "metrics", 0, offset, (1, what)))


def copy(content: bytes, key: bytes | None = b"shop", partition: int = 0) -> Copy:
    return Copy(partition, key, content)


def word(content: bytes, key: bytes = b"shop", time_ms: int = 1000) -> Word:
    return Word(copy(content, key), time_ms)


# Comparing -----------------------------------------------------------------------------------------------------------


def test_every_word_is_counted_once_and_every_difference_is_kept_in_the_order_of_the_log() -> None:
    now = {identity(n): word(b"%d" % n) for n in (1, 2, 3, 4, 5)}
    then = {identity(n): (copy(content),) for n, content in ((1, b"1"), (2, b"two"), (9, b"9"), (0, b"0"))}
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
    found = compare({identity(1): word(b"1")}, {identity(1): (copy(b"1"), copy(b"one"))}, folded={})
    assert [(one.kind, one.now, one.then) for one in found.differences] == [("different", copy(b"1"), copy(b"one"))]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (copy(b"1", partition=2), "partition: 2 → 0"),
        (copy(b"1", b"s"), "key: s → shop"),
        (copy(b"1", None), "key: none"),
    ],
)
def test_a_word_in_another_partition_or_under_another_key_is_different(other: Copy, told: str) -> None:
    """Readers keep marks by partition, and so would not take it for the same."""
    found = compare({identity(1): word(b"1")}, {identity(1): (other,)}, folded={})
    assert [one.kind for one in found.differences] == ["different"]
    assert told in in_words(found.differences[0])


def test_a_word_that_stands_behind_later_ones_is_a_difference_though_it_is_there() -> None:
    heard, span = Heard(), Span({0: 0}, {0: 0}, {0: 9})
    for offset in (1, 5, 3, 1, 5):
        heard.hear(SIGNALS, copy(b"%d" % offset), identity(offset).origin, span)
    now = {identity(n): word(b"%d" % n) for n in (1, 3, 5)}
    found = compare(now, heard.words, folded={}, is_behind=heard.is_behind)
    assert [(one.kind, one.identity.origin.offset) for one in found.differences] == [("out of order", 3)]
    assert in_words(found.differences[0]).endswith("it stands behind what comes after it, so readers take it for had")
    heard.holes["signals", 0] = 1.0
    assert compare(now, heard.words, folded={}, is_behind=heard.is_behind).is_equal, "its first copy may be gone"


def test_a_difference_names_the_record_that_led_to_it_and_what_is_said() -> None:
    said = Anomaly(
        series="shop/load", kind="level", at_s=1.0, value=9.0, expected=5.0, lower=4.0, upper=6.0, score=2.0
    )  # fmt: skip
    other = msgspec.structs.replace(said, score=3.0)
    one, two = msgspec.json.encode(said), msgspec.json.encode(other)
    line = in_words(Difference("different", identity(7), copy(one), copy(two), 1_000))
    assert line == (
        "different: 1970-01-01 00:00:01.000 metrics[0]@7 → anomaly on signals: "
        "level shop/load: 9, expected 4–6, score 2.00; score: 3.0 → 2.0"
    )
    line = in_words(Difference("only then", identity(7), None, copy(one), 0))
    assert line == "only then: metrics[0]@7 → anomaly on signals: level shop/load: 9, expected 4–6, score 2.00"


def test_a_lift_is_told_with_its_reason_and_nothing_moves_the_cursor() -> None:
    lift = Identity("blocklist", Origin("decisions", "proposals", 0, 7, (0, "192.0.2.7\x1b[2J")))
    line = in_words(Difference("only now", lift, copy(LIFTED + b"its time is over"), None, 0))
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
    assert not heard.may_have_had(identity(1, home="alerts"), word(b"1"))


def test_what_is_older_than_all_that_is_left_may_be_gone() -> None:
    heard = Heard(holes={("signals", 0): 500.0})
    assert heard.may_have_had(identity(1), word(b"1", time_ms=500))
    assert not heard.may_have_had(identity(1), word(b"1", time_ms=501))
    assert not heard.may_have_had(identity(1), Word(copy(b"1", partition=1), 500))
    assert Heard(holes={("signals", 0): float("inf")}).may_have_had(identity(1), word(b"1"))


def test_compaction_takes_all_but_the_newest_word_of_a_key_and_any_lift() -> None:
    heard = Heard(holes={("alerts", 0): -1.0, ("blocklist", 0): -1.0, ("signals", 0): -1.0})
    for topic in (ALERTS, SIGNALS):
        heard.supersede(topic, b"shop", Origin("incidents", "signals", 0, 5, (1, "b")))
    assert heard.may_have_had(identity(5, "a", "alerts"), word(b"1"))
    assert not heard.may_have_had(identity(5, "b", "alerts"), word(b"1"))
    assert not heard.may_have_had(identity(5, "a", "alerts"), word(b"1", key=b"bank"))
    assert not heard.may_have_had(identity(1, "a"), word(b"1"))
    assert heard.may_have_had(identity(5, "b", "blocklist"), word(LIFTED))


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
    assert {i.origin: one.copy.content for i, one in run.now.items()} == said
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
    (letter,) = [(i, one.copy) for i, one in run.now.items() if i.home == "dead-letters"]
    assert letter[0].origin == Origin("anomaly", "metrics", 0, 40, (1, "refused"))
    assert msgspec.json.decode(letter[1].content)["reason"] == "it failed"


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
    assert first.speakers == {"anomaly", "forward", "bus"}
    assert first.homes == (SIGNALS, METRICS, DEAD_LETTERS)
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


def test_what_is_refused_is_expected_among_the_dead_letters_with_its_reason_and_its_key() -> None:
    topic, chosen = chosen_of("metrics", None)
    chunk = chunk_of("x.metrics", 0, 0, [(b"shop", b"{", 1000), (None, b"\xff", 2000), (b"", None, 3000)])
    chunk.left_out, chunk.next = ((3, 7),), 8
    run = Replay(topic, chosen, 4)
    run.fold(chunk, Span({0: 0}, {0: 0}, {0: 8}))
    letters = [(i.origin.offset, one.copy, msgspec.json.decode(one.copy.content)) for i, one in run.now.items()]
    assert {i.origin.capability for i in run.now} == {"bus"}
    assert [(offset, copy.key, plain["value"]) for offset, copy, plain in letters] == [
        (0, b"shop", "{"), (1, None, "\\xff"), (2, b"", None), (3, None, None),
    ]  # fmt: skip
    assert [copy.partition for _, copy, _ in letters] == [partition_of(b"shop", 4), 0, 0, 0]
    assert letters[3][2]["reason"].startswith("offsets 3 to 7 are a batch that is damaged")


def test_a_dead_letter_says_which_record_of_which_log_it_is_about() -> None:
    process = Process(prefix="x.")
    for value in (b"{", b"\xff" * 1000, None, b""):
        kept, headers = letter_headers(value, "x.metrics", 2, 7, "why", "bus")
        message = Message("dead-letters", 1, 5, 0, b"shop", kept, tuple(headers))
        assert replay_letters.heard(message, process, METRICS) == expected(METRICS, 2, 7, value, "why", "bus")
        assert replay_letters.heard(message, process, SIGNALS) is None
    assert expected(METRICS, 2, 7, b"a" * 500 + b"b", "why", "bus") != expected(METRICS, 2, 7, b"a" * 501, "why", "bus")
    for strange in ((), (("topic", b"x.metrics"),), (("topic", b"x.metrics"), ("partition", b"-1"), ("offset", b"x"))):
        assert replay_letters.heard(Message("dead-letters", 1, 5, 0, None, b"", strange), process, METRICS) is None


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
    many = Comparison(differences=[Difference("only now", identity(n), copy(b"{}"), None, 0) for n in range(30)])
    assert Report("metrics", Span({}, {}, {}), many, 0, 0, "abc").lines()[-1].startswith("and 10 more differences")
