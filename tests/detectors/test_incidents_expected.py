"""What people expect: it is held back until then, said as such, and nothing else is."""

from __future__ import annotations

import pytest

from detectors.incidents import IncidentsBank
from tests.contract import check
from tests.detectors.test_incidents import T, at, calm, log_of, odd, states, threat, ticks, told
from tests.fakes import Entry, fold_into, shard_of
from topics.control import Feedback
from topics.signals import SIGNALS, Anomaly

UNTIL = 400


def says(second: float, verdict: str, subject: str, until: float | None = None) -> Entry:
    until_s = None if until is None else T + until
    feedback = Feedback(verdict=verdict, subject=subject, author="ann", until_s=until_s)  # type: ignore[arg-type]
    return int(1000 * (T + second)), feedback


@pytest.mark.parametrize("subject", ["shop", "shop/latency_s"])
def test_what_is_expected_is_held_back_until_then(subject: str) -> None:
    log = [says(0, "expected", subject, UNTIL), odd(10), odd(20), odd(30), calm(300), *ticks(1, 600)]
    assert told(log) == []
    assert states(told(log[1:], resend_s=1000.0)) == [(20, "firing"), (360, "resolved")]


@pytest.mark.parametrize("subject", ["shop", "shop/latency_s"])
def test_what_is_not_over_by_then_is_said_then_with_who_expected_it(subject: str) -> None:
    log = [says(0, "expected", subject, UNTIL), odd(10), odd(20), *ticks(1, 600)]
    fired = told(log)[0]
    assert (fired.at_s - T, fired.state) == (UNTIL + 60, "firing"), "as if it had begun then"
    assert fired.evidence[0].text == (
        "latency_s 2.00, expected 0.10–0.40 (expected by ann until 2023-11-14 22:20 UTC, and not over)"
    )


def test_other_series_and_other_services_are_said_all_the_same() -> None:
    log = [says(0, "expected", "shop/latency_s", UNTIL), odd(10), odd(20, "errors"), odd(30, "errors"), threat(40)]
    assert [alert.title for alert in told([*log, *ticks(1, 50)])][:1] == ["shop: errors 2.00, expected 0.10–0.40"]
    other = at(50, Anomaly(series="bank/joint", kind="joint", at_s=T + 50, score=2.0))
    assert [alert.service for alert in told([says(0, "expected", "shop", UNTIL), threat(40), other])] == ["bank"]


def test_hostile_clients_of_a_service_are_held_back_and_over_if_they_were_quiet() -> None:
    quiet = [says(0, "expected", "shop", UNTIL), threat(10), *ticks(1, 600)]
    assert told(quiet) == []
    assert states(told([*quiet, threat(UNTIL - 5)]))[0] == (UNTIL, "firing")


def test_what_fires_and_is_expected_ends_as_such_and_does_not_fire_again_before() -> None:
    log = [odd(0), odd(10), says(20, "expected", "shop/latency_s", UNTIL), odd(100), odd(110), calm(200)]
    alerts = told([*log, *ticks(1, 900)])
    assert states(alerts) == [(10, "firing"), (20, "resolved")]
    assert alerts[-1].title.endswith("(expected by ann until 2023-11-14 22:20 UTC)")


def test_an_incident_goes_on_with_what_is_left_of_it() -> None:
    log = [odd(0), odd(10, "errors"), says(20, "false alarm", "shop/latency_s"), calm(30), *ticks(1, 200)]
    assert states(told(log, resend_s=1000.0)) == [(10, "firing")]
    ended = told([*log, says(100, "false alarm", "shop/errors")], resend_s=1000.0)
    assert states(ended) == [(10, "firing"), (100, "resolved")]
    assert ended[-1].title.endswith("(false alarm, says ann)")


def test_an_alert_names_what_it_is_about() -> None:
    assert told([odd(0), threat(1), *ticks(2, 5)])[-1].subjects == ("shop/latency_s level", "192.0.2.1 rate")


def test_nothing_is_kept_of_what_was_expected_once_it_is_over() -> None:
    shard = shard_of(IncidentsBank, SIGNALS)
    fold_into(shard, SIGNALS, [says(0, "expected", "shop", UNTIL), says(0, "expected", "bank"), *ticks(1, UNTIL - 1)])
    assert len(shard.bank) == 1
    fold_into(shard, SIGNALS, [says(UNTIL, "expected", "shop", 5), *ticks(UNTIL, UNTIL + 1)], start=UNTIL + 1)
    assert len(shard.bank) == 0


def test_the_contract_holds_with_what_is_expected() -> None:
    log = log_of([(k % 7, ("odd", "calm", "threat", "tick")[k * 5 % 4], "abc"[k % 3]) for k in range(40)])
    for k, (verdict, subject) in enumerate([("expected", "shop"), ("expected", "shop/a"), ("false alarm", "shop/b")]):
        log.insert(10 * k, (log[10 * k][0], says(0, verdict, subject, 60 + 20 * k)[1]))
    check(IncidentsBank, SIGNALS, log)
