"""What a person says becomes records in the logs of whom it concerns."""

from __future__ import annotations

import pytest

from streams.bus import capabilities
from streams.feedback import ACCUSERS, FeedbackRefused, Verdict, Wish, wishes
from topics.alerts import Alert
from topics.control import Feedback
from topics.metrics import METRICS
from topics.proposals import PROPOSALS
from topics.signals import SIGNALS

ALERT = Alert(
    id="shop-1700000000000", state="firing", severity="info", service="shop", title="shop: …", at_s=1.0, since_s=0.0,
    subjects=("shop/latency_s level", "shop/errors{route=/a b} missing", "192.0.2.1 rate", "shop/latency_s missing"),
)  # fmt: skip


def said(verdict: Verdict, subject: str, until_s: float | None = None, kind: str = "") -> Feedback:
    return Feedback(verdict=verdict, subject=subject, author="ann", until_s=until_s, kind=kind)


def test_a_false_alarm_teaches_the_models_of_all_its_series_and_ends_the_alert() -> None:
    assert wishes("false alarm", ALERT.id, "ann", None, ALERT) == [
        Wish(METRICS, "shop", said("false alarm", "shop/latency_s", kind="level")),
        Wish(METRICS, "shop", said("false alarm", "shop/errors{route=/a b}", kind="missing")),
        Wish(METRICS, "shop", said("false alarm", "shop/latency_s", kind="missing")),
        Wish(SIGNALS, "shop", said("false alarm", ALERT.id)),
    ]


def test_what_is_confirmed_ends_nothing() -> None:
    assert {wish.topic for wish in wishes("confirmed", ALERT.id, "ann", None, ALERT)} == {METRICS}
    assert wishes("confirmed", "shop/x", "ann", None, None) == [Wish(METRICS, "shop", said("confirmed", "shop/x"))]


def test_what_is_expected_teaches_no_model() -> None:
    assert wishes("expected", "shop", "ann", 9.0, None) == [Wish(SIGNALS, "shop", said("expected", "shop", 9.0))]
    assert wishes("expected", ALERT.id, "ann", 9.0, ALERT) == [
        Wish(SIGNALS, "shop", said("expected", "shop/latency_s", 9.0)),
        Wish(SIGNALS, "shop", said("expected", "shop/errors{route=/a b}", 9.0)),
        Wish(SIGNALS, "shop", said("expected", ALERT.id)),
    ]


@pytest.mark.parametrize("verdict", ["false alarm", "confirmed"])
def test_of_a_service_alone_no_model_can_learn(verdict: Verdict) -> None:
    with pytest.raises(FeedbackRefused, match="the id of an alert that names a series, or a series, got 'shop'"):
        wishes(verdict, "shop", "ann", None, None)


def test_a_lift_is_heard_by_whoever_proposes_blocks() -> None:
    """All who propose anything but `scaling`, which proposes no blocks."""
    proposing = {one.topic.name for one in capabilities() if PROPOSALS in one.says and one.name != "scaling"}
    assert {topic.name for topic in ACCUSERS} == proposing
