"""A shard is what the fold of its log is, whatever was saved when and by whom."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from detectors.bank import page_of
from streams.engine import pages
from streams.engine.origins import in_order
from streams.engine.pages import Page, Statement, page_key
from streams.engine.shard import Shard
from tests.contract import check
from tests.fakes import Entry, fold_into, log_chunk, shard_of
from tests.generated import ROOT
from tests.streams.engine.counting import Counting
from tests.streams.engine.fragile import Fragile
from topics import Origin
from topics.control import SettingsChange, Tick
from topics.metrics import METRICS, Reading
from topics.settings import Settings

T0_MS = 1_700_000_000_000
NEW = Settings(late_s=7.0)


def reading(service: str, at_ms: int, origin: Origin | None = None, **more: Any) -> Reading:
    """Return a reading of a service, measured as it is appended."""
    return Reading(**{"series": f"{service}/load", "value": 1.0, "at_s": at_ms / 1000, "origin": origin, **more})


def mixed_log(seed: int = 1, n: int = 300) -> list[Entry]:
    """Return a log with everything in it: readings, repeated words, ticks, settings, what is late, early or wrong."""
    chance, log, at_ms, offset = random.Random(seed), [], T0_MS, 0
    for _ in range(n):
        at_ms += chance.choice((0, 3, 200, 900, 4000 if chance.random() < 0.05 else 20))
        offset += chance.randrange(3)
        word = Origin("traffic", "requests", chance.randrange(2), offset - chance.choice((0, 0, 5)), (1, "x"))
        log.append(
            (
                at_ms,
                chance.choice(
                    [
                        reading(f"s{chance.randrange(30)}", at_ms),
                        reading(f"s{chance.randrange(5)}", at_ms),
                        reading(f"s{chance.randrange(5)}", at_ms, word),
                        reading("s1", at_ms - 400_000),
                        reading("s1", at_ms + 400_000),
                        Tick(),
                        SettingsChange(f"v{chance.randrange(3)}", NEW),
                        b"nonsense",
                        None,
                    ]
                ),
            )
        )
    return log


@pytest.mark.parametrize("seed", range(5))
def test_it_holds_to_the_contract_on_a_log_with_everything_in_it(seed: int) -> None:
    said = check(Counting, METRICS, mixed_log(seed), seed=seed)
    assert {"counted", "silent"} == {record.series.rsplit("_", 1)[1] for record in said if isinstance(record, Reading)}


def shard() -> Shard:
    return Shard(Counting, "metrics", 0)


def saved(one: Shard, budget: float = float("inf")) -> dict[bytes, bytes]:
    return dict(one.snapshot(budget)[0])


def test_a_page_that_nothing_touched_is_not_written_again_and_holds_nothing_back() -> None:
    one = shard()
    fold_into(one, METRICS, [(T0_MS, reading("a", T0_MS)), (T0_MS, reading("b", T0_MS))])
    table = saved(one)
    assert len(table) == 3
    fold_into(one, METRICS, [(T0_MS + 1, reading("a", T0_MS))], start=2)
    records, position = one.snapshot(float("inf"))
    assert [key for key, _ in records] == [page_key("counting", 0, page_of(b"a")), page_key("counting", 0, "pages")]
    assert position == 3
    other = shard()
    assert other.load(table | dict(records)) == 3
    assert set(other.positions.tolist()) == {3}
    assert other.contents() == one.contents()


def test_with_little_room_the_oldest_page_goes_first_and_at_least_one_goes() -> None:
    one = shard()
    services = [f"s{i}" for i in range(4)]
    for i, service in enumerate(services):
        fold_into(one, METRICS, [(T0_MS + i, reading(service, T0_MS))], start=i)
        if i == 1:
            saved(one)
    for i, service in enumerate(services):
        fold_into(one, METRICS, [(T0_MS + i, reading(service, T0_MS))], start=4 + i)
    first = [key for key, _ in one.snapshot(1)[0]]
    older = {page_key("counting", 0, page_of(service.encode())) for service in services[2:]}
    assert len(first) == 2
    assert first[0] in older
    positions = [one.snapshot(1)[1] for _ in services]
    assert positions == sorted(positions)
    assert positions[-1] == 8


def test_a_page_that_a_zombie_wrote_late_only_makes_the_replay_longer() -> None:
    log = [(T0_MS + i, reading("a", T0_MS)) for i in range(40)]
    zombie, owner = shard(), shard()
    fold_into(zombie, METRICS, log[:10])
    fold_into(owner, METRICS, log[:30])
    table = saved(owner)
    late = saved(zombie)
    for key in (page_key("counting", 0, page_of(b"a")), page_key("counting", 0, "pages")):
        third = shard()
        assert third.load(table | {key: late[key]}) <= 30
        fold_into(third, METRICS, log[third.next :], start=third.next)
        whole = shard()
        fold_into(whole, METRICS, log)
        assert third.contents() == whole.contents()


def test_what_all_that_was_saved_led_to_is_not_said_again() -> None:
    log = [(T0_MS + i, reading(service, T0_MS)) for i in range(60) for service in ("a", "b")]
    one = shard()
    said = fold_into(one, METRICS, log[:100])
    table = saved(one)
    one = shard()
    fold_into(one, METRICS, log[:40])
    table |= {key: raw for key, raw in saved(one).items() if key == page_key("counting", 0, page_of(b"a"))}
    two = shard()
    assert two.load(table) == 40
    again = fold_into(two, METRICS, log[40:], start=40)
    assert min(record.origin.offset for record in again if record.origin is not None) >= 100
    assert len(said) + len(again) == 12


def test_a_page_of_another_version_is_dropped_loudly_and_learned_again(caplog: pytest.LogCaptureFixture) -> None:
    log = [(T0_MS + i, reading(service, T0_MS)) for i in range(10) for service in ("a", "b")]
    one = shard()
    fold_into(one, METRICS, log)
    table, key = saved(one), page_key("counting", 0, page_of(b"a"))
    page = pages.decode_page(table[key])
    table[key] = pages.encode(Page(0, page.statement, page.marks, b"of another version"))
    other = shard()
    assert other.load(table) == 0
    assert "counting/0: page" in caplog.text
    assert "is dropped and learned again from the log: of version 0, this is version 1" in caplog.text
    fold_into(other, METRICS, log)
    assert other.contents() == one.contents()


@pytest.mark.parametrize(("first", "end"), [(11, 40), (0, 9)])
def test_a_position_that_the_log_does_not_have_is_said_and_learned_again(
    first: int, end: int, caplog: pytest.LogCaptureFixture
) -> None:
    one = shard()
    fold_into(one, METRICS, [(T0_MS + i, reading("a", T0_MS)) for i in range(10)])
    other = shard()
    assert other.load(saved(one), first, end) == first
    assert f"is dropped and learned again from the log: standing at 10, the log has {first}..{end}" in caplog.text
    assert len(other.bank) == 0


def test_settings_are_those_of_the_log_at_the_position_of_each_page() -> None:
    """A page saved before a change of settings is folded on with those before it, up to the change."""
    log: list[Entry] = [(T0_MS, SettingsChange("old", Settings(late_s=3.0))), (T0_MS, reading("a", T0_MS))]
    one = shard()
    fold_into(one, METRICS, log)
    table = saved(one)
    more: list[Entry] = [(T0_MS, SettingsChange("new", NEW)), (T0_MS, reading("b", T0_MS))]
    fold_into(one, METRICS, more, start=2)
    table |= {key: raw for key, raw in saved(one, 0).items() if not key.endswith(b"pages")}
    two = shard()
    assert two.load(table) == 2
    assert (two.version, two.bank.settings.late_s) == ("old", 3.0)
    fold_into(two, METRICS, more, start=2)
    assert (two.version, two.bank.settings) == ("new", NEW)


def word(offset: int, what: str = "x", capability: str = "traffic") -> Origin:
    return Origin(capability, "requests", 3, offset, (1, what))


def test_how_much_a_takeover_would_fold_again_is_known_by_the_log_s_clock() -> None:
    one = shard()
    assert one.unsaved_ms == 0
    fold_into(one, METRICS, [(T0_MS + 1000 * i, reading(f"s{i}", T0_MS)) for i in range(4)])
    assert one.unsaved_ms == 3000
    one.snapshot(1)
    assert one.unsaved_ms == 3000, "three pages are not saved yet"
    one.snapshot(float("inf"))
    assert one.unsaved_ms == 0
    fold_into(one, METRICS, [(T0_MS + 9000, reading("s1", T0_MS))], start=4)
    assert one.unsaved_ms == 6000


def test_a_word_that_was_had_is_dropped_now_and_after_a_restart() -> None:
    log: list[Entry] = [(T0_MS, reading("a", T0_MS, word(n))) for n in (5, 5, 4, 6, 6)]
    one = shard()
    fold_into(one, METRICS, log)
    assert one.duplicates == 3
    assert one.bank.entries[page_of(b"a")]["a/load"].count == 2  # type: ignore[attr-defined]
    two = shard()
    two.load(saved(one))
    fold_into(two, METRICS, [(T0_MS, reading("a", T0_MS, word(6)))], start=5)
    fold_into(two, METRICS, [(T0_MS, reading("a", T0_MS, word(6, "y")))], start=6)
    assert two.bank.entries[page_of(b"a")]["a/load"].count == 3  # type: ignore[attr-defined]


def letters_of(one: Shard, *entries: Any) -> tuple[list[Any], list[str]]:
    """Fold a log; return what is said and why what was refused."""
    from streams.engine.columns import Decoder

    chunk = log_chunk(METRICS, [(T0_MS, entry) for entry in entries])
    said = one.fold(Decoder(METRICS).columns(chunk), 0, len(chunk), chunk.next)
    return said.records, [letter.reason for letter in said.letters]


def foreign() -> Shard:
    return Shard(Counting, "metrics", 0, owns=lambda key: key == b"mine", known=frozenset({"traffic", "forward"}))


def test_a_misplaced_record_is_forwarded_with_an_origin_of_its_own() -> None:
    records, reasons = letters_of(foreign(), reading("mine", T0_MS), reading("theirs", T0_MS, word(5)))
    assert reasons == []
    assert [record.origin for record in records] == [Origin("forward", "metrics", 0, 1, (1, records[0].subject()))]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (reading("theirs", T0_MS, word(5, capability="forward")), "it says it was forwarded from requests[3] to here"),
        (reading("theirs", T0_MS, buckets=dict.fromkeys(range(10**7, 10**7 + 77_000), 1)), "too many to forward"),
        (reading("mine", T0_MS, word(5, capability="mallory")), "origin.capability must be one of ['forward', "),
        (reading("mine", T0_MS, word(-1)), "origin must name an offset of a partition, got -1 of 3"),
        (reading("mine", T0_MS, word(1, "x" * 5000)), "origin.topic must have at most 249 characters, its"),
        (reading("mine", T0_MS + 9_000_000), "at_s is 9000 s ahead of the append time, at most"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_cannot_be_ours_is_a_dead_letter(record: Reading, reason: str) -> None:
    one = foreign()
    records, reasons = letters_of(one, record)
    assert records == []
    assert len(reasons) == 1
    assert reason in reasons[0]
    assert one.marks.of_page(page_of(b"mine")) == []


def test_who_does_not_lead_a_topic_writes_no_dead_letters_and_forwards_nothing() -> None:
    one = Shard(Counting, "metrics", 0, owns=lambda key: False, leads=False, known=frozenset({"traffic"}))
    assert letters_of(one, reading("a", T0_MS), b"nonsense", reading("a", T0_MS, word(1, "x", "mallory"))) == ([], [])


def test_two_words_with_one_origin_are_a_bug() -> None:
    with pytest.raises(AssertionError, match="two records with one origin"):
        in_order([reading("a", T0_MS, word(1)), reading("b", T0_MS, word(1))])


def test_words_of_one_offset_are_said_in_the_order_of_their_subjects() -> None:
    """However many services fall silent at one tick, in whichever page they live."""
    log: list[Entry] = [(T0_MS, reading(f"s{i}", T0_MS)) for i in range(50)] + [(T0_MS + 60_000, Tick())]
    said = fold_into(shard(), METRICS, log)
    assert len(said) == 50
    origins = [record.origin for record in said if record.origin is not None]
    assert [(one.offset, one.subject) for one in origins] == sorted((50, one.subject) for one in origins)
    assert {one.subject[0] for one in origins} == {0}


def test_an_isolated_record_is_a_dead_letter_and_a_fault_of_ours() -> None:
    one = shard()
    one.skips[1] = "why it failed"
    records, reasons = letters_of(one, reading("a", T0_MS), reading("a", T0_MS), reading("a", T0_MS))
    assert reasons == ["why it failed"]
    (fault,) = records
    assert (fault.kind, fault.series, fault.origin.offset) == ("fault", "luminar/faults{capability=counting}", 1)
    assert one.bank.entries[page_of(b"a")]["a/load"].count == 2  # type: ignore[attr-defined]


def test_a_stamp_is_never_given_twice_and_a_page_survives_its_encoding() -> None:
    stamps = {pages.new_stamp() for _ in range(100)}
    assert len(stamps) == 100
    page = Page(3, Statement(b"s", 5, 6, 7), [("traffic", "requests", 1, 2, 0, "x")], b"\xff")
    assert pages.decode_page(pages.encode(page)) == page
    with pytest.raises(msgspec.ValidationError):
        pages.decode_page(pages.encode(["not", "a", "page"]))


def test_a_forked_process_gives_other_stamps() -> None:
    program = (
        "import os; from streams.engine.pages import new_stamp; new_stamp(); one = os.fork(); "
        "one and os.waitpid(one, 0); print(new_stamp().hex(), flush=True)"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True).stdout
    ours, theirs = said.split()
    assert ours[:16] != theirs[:16]


def test_a_page_whose_settings_were_never_saved_is_learned_again() -> None:
    """A worker may die between the two; the next must not fall over what it left, and all others after it."""
    change = SettingsChange("v2", Settings())
    history = [(1000 * i, Reading(series="shop/load", value=1.0, at_s=float(i))) for i in range(4)]
    log: list[Any] = [*history, (4000, change), *((5000 + when, what) for when, what in history)]
    first, again = shard_of(Fragile, METRICS), shard_of(Fragile, METRICS)
    assert fold_into(first, METRICS, log)
    table = {key: value for key, value in first.snapshot(float("inf"))[0] if b"settings" not in key}
    assert again.load(table, 0, len(log)) == 0
    assert fold_into(again, METRICS, log) == [], "what it led to was said before the page was written"
    assert again.contents() == first.contents()
    assert again.version == "v2"
