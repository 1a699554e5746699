"""The view is a fold of the topics: what it shows follows from the records, in bounded memory, without a clock."""

import json
from collections.abc import Sized

from streams.web.model import READ, SECTIONS, Group, Heard, Limits, View
from tests.streams.web import story
from topics.alerts import Alert
from topics.blocklist import Block
from topics.metrics import Reading
from topics.signals import Anomaly

NOW_S = 1_800_000_000.0


def block(client: str = "127.0.0.9") -> Block:
    return Block(client=client, family="rate", until_s=NOW_S + 60, why="too many", at_s=NOW_S)


def alert(at_s: float, state: str = "firing") -> Alert:
    return Alert(id="a", state=state, severity="info", service="s", title="t", at_s=at_s, since_s=0)  # type: ignore[arg-type]


def test_a_block_goes_with_its_tombstone() -> None:
    view = View()
    view.take(story.heard("blocklist", block(), NOW_S, 0))
    assert [said.record.client for said in view.blocks] == ["127.0.0.9"]
    view.take(story.heard("blocklist", None, NOW_S, 1, key="127.0.0.9"))
    assert not len(view.blocks)


def test_a_wish_to_lift_stands_until_the_tombstone() -> None:
    view = View()
    view.take(story.heard("blocklist", block(), NOW_S, 0))
    view.ask_lift("127.0.0.9", NOW_S)
    view.ask_lift("nobody", NOW_S)
    assert view.asked == {"127.0.0.9": NOW_S}
    view.take(story.heard("blocklist", None, NOW_S, 1, key="127.0.0.9"))
    assert view.asked == {}


def test_a_late_copy_of_an_alert_does_not_make_it_fire_again() -> None:
    view = View()
    for offset, one in enumerate((alert(1), alert(9, "resolved"), alert(5))):
        view.take(story.heard("alerts", one, NOW_S, offset))
    assert [said.record.state for said in view.alerts] == ["resolved"]


def test_copies_of_one_conclusion_count_once() -> None:
    once, twice = View(), View()
    for one in [*story.anomalies(NOW_S), *story.threats(NOW_S), *story.actions(NOW_S)]:
        once.take(one)
        twice.take(one)
        twice.take(one._replace(offset=one.offset + 10_000))
    for shelf in ("signals", "commands", "refusals", "blocks"):
        assert len(getattr(once, shelf)) == len(getattr(twice, shelf)) > 0


def test_control_records_and_nonsense_change_nothing() -> None:
    view = View()
    before = view.stamps.copy()
    for topic in READ:
        for value in (b'{"control":"tick"}', b"", b"\xff\xfe", b"[1]", b'{"series":"a/b"}', b"null"):
            view.take(Heard(topic.name, 0, 0, NOW_S, b"k", value))
    assert view.stamps == before


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    limits = Limits(series=3, points=10, signals=4, alerts=2, commands=2, blocks=2, refusals=2)
    view = View(limits)
    for number in range(40):
        reading = Reading(series=f"shop/x{number % 8}", value=1.0, at_s=NOW_S + number)
        found = Anomaly(series=f"shop/x{number}", kind="level", at_s=NOW_S)
        view.take(story.heard("metrics", reading, NOW_S, number))
        view.take(story.heard("signals", found, NOW_S, number))
        view.take(story.heard("blocklist", block(f"10.0.0.{number}"), NOW_S, number))
    assert sorted(view.series) == ["shop/x5", "shop/x6", "shop/x7"]
    assert (len(view.signals), len(view.blocks), len(view.unusual)) == (4, 2, 3)
    assert len(view.stamps) <= len(SECTIONS) + limits.series


def test_search_wants_every_word_and_puts_the_unusual_first() -> None:
    view = story.told(NOW_S)
    assert view.search("SHOP per") == ["shop/errors_per_s", "shop/requests_per_s"]
    assert view.search("per_s_forecast lower") == ["shop/requests_per_s_forecast_lower"]
    assert view.search("none such") == []
    assert set(view.search("", most=2)) == {"shop/errors_per_s", "shop/latency_p95_s"}


def test_a_loss_is_dated_once_and_recovery_ends_it() -> None:
    view = View()
    view.stand("following", 1.0)
    view.stand("lost", 5.0, "no broker")
    view.stand("lost", 7.0, "no broker")
    assert (view.link.state, view.link.since_s, view.link.why) == ("lost", 5.0, "no broker")
    view.stand("following", 9.0)
    assert (view.link.state, view.link.since_s, view.link.why) == ("following", 9.0, "")


def test_only_what_changed_is_stamped() -> None:
    view = story.told(NOW_S)
    before = view.stamps.copy()
    view.see_group(view.group)
    view.see_rates(dict(view.rates))
    view.stand("following", NOW_S + 5)
    assert view.stamps == before
    view.see_group(Group("luminar", "Empty"))
    assert {name for name in view.stamps if view.stamps[name] != before[name]} == {"group"}


def test_forgetting_leaves_nothing_of_the_old_log() -> None:
    view = story.told(NOW_S)
    view.forget()
    assert not view.series
    shelves: list[Sized] = [view.signals, view.alerts, view.commands, view.blocks, view.refusals, view.unusual]
    assert [len(shelf) for shelf in shelves] == [0] * 6


def test_the_story_is_told_in_our_own_words() -> None:
    assert {topic.name for topic in READ} == {"metrics", "signals", "alerts", "commands", "blocklist", "refusals"}
    assert json.loads(next(iter(story.threats(NOW_S))).value or b"")["signal"] == "threat"
