"""Incidents: one alert for what belongs together, said when it must be and not more."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.incidents import IncidentsBank
from tests.contract import check
from tests.fakes import Entry, fold, fold_into, shard_of
from topics import Record
from topics.alerts import Alert
from topics.control import Feedback, SettingsChange, Tick
from topics.settings import IncidentSettings, Maintenance, Settings
from topics.signals import SIGNALS, Anomaly, Threat

T = 1_700_000_000


def at(second: float, record: Record) -> Entry:
    return int(1000 * (T + second)), record


def odd(second: float, metric: str = "latency_s", score: float = 1.5, kind: str = "level") -> Entry:
    anomaly = Anomaly(
        series=f"shop/{metric}", kind=kind, at_s=T + second, value=2.0, expected=0.2, lower=0.1, upper=0.4, score=score
    )
    return at(second, anomaly)


def calm(second: float, metric: str = "latency_s", kind: str = "level") -> Entry:
    return at(second, Anomaly(series=f"shop/{metric}", kind=kind, at_s=T + second, value=0.2, calm=True))


def threat(second: float, client: str = "192.0.2.1", service: str = "shop") -> Entry:
    text = "100 requests in 60 s exceeded"
    return at(second, Threat(client=client, service=service, family="rate", rule="limit", at_s=T + second, text=text))


def test_a_flood_by_many_is_called_by_its_text_alone() -> None:
    flood = Threat(
        client="*", service="shop", family="flood", rule="distributed", at_s=T + 1, text="a distributed flood"
    )
    assert told([at(1, flood)])[0].title == "shop: a distributed flood"


def ticks(first: int, last: int) -> list[Entry]:
    return [(1000 * (T + second), Tick()) for second in range(first, last + 1)]


def told(log: Sequence[Entry], **changes: object) -> list[Alert]:
    settings = Settings(incidents=IncidentSettings(**changes))  # type: ignore[arg-type]
    said = fold(IncidentsBank, SIGNALS, sorted(log, key=lambda entry: entry[0]), settings)
    assert all(isinstance(record, Alert) for record in said)
    return [record for record in said if isinstance(record, Alert)]


def states(alerts: Sequence[Alert]) -> list[tuple[float, str]]:
    return [(alert.at_s - T, alert.state) for alert in alerts]


Story = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from(["odd", "calm", "threat", "tick"]), st.sampled_from("abc")),
    max_size=60,
)


def log_of(story: list[tuple[int, str, str]]) -> list[Entry]:
    log, second = [], 0
    for pause, what, name in story:
        second += pause
        log.append(
            {
                "odd": odd(second, name),
                "calm": calm(second, name),
                "threat": threat(second, service=name),
                "tick": (1000 * (T + second), Tick()),
            }[what]
        )
    return log + ticks(second + 1, second + 5) + ticks(second + 4000, second + 4010)


@given(story=Story)
def test_an_incident_fires_first_and_is_resolved_once(story: list[tuple[int, str, str]]) -> None:
    """Each id goes firing, any number of times, then resolved, then never again; and one service has one at a time."""
    firing: dict[str, str] = {}
    ended = set()
    for alert in told(log_of(story)):
        assert alert.id not in ended
        if alert.state == "firing":
            assert firing.setdefault(alert.service, alert.id) == alert.id
        else:
            assert firing.pop(alert.service) == alert.id
            ended.add(alert.id)
    assert firing == {}, "an hour of silence ends everything"


@given(story=Story)
def test_the_contract_holds(story: list[tuple[int, str, str]]) -> None:
    check(IncidentsBank, SIGNALS, log_of(story[:30]))


@given(story=Story)
def test_a_firing_alert_is_said_again_within_every_period_that_has_a_record(story: list[tuple[int, str, str]]) -> None:
    log = [*log_of(story[:10]), *((1000 * (T + second), Tick()) for second in range(1, 600, 5))]
    last: dict[str, float] = {}
    for alert in told([entry for entry in log if entry[0] < 1000 * (T + 600)], resend_s=20.0):
        if alert.id in last:
            assert alert.at_s - last[alert.id] <= 25.0
        last[alert.id] = alert.at_s


def test_one_short_excursion_is_not_an_incident() -> None:
    assert told([odd(0), calm(10), *ticks(1, 200)]) == []


def test_two_signals_within_the_window_are_one() -> None:
    alerts = told([odd(0), odd(30, "errors"), *ticks(1, 50)])
    assert states(alerts) == [(30, "firing")]
    assert alerts[0].since_s == T
    assert alerts[0].title == "shop: latency_s 2.00, expected 0.10–0.40, and 1 more"


def test_two_signals_further_apart_are_not() -> None:
    assert told([odd(0), calm(1), odd(61, "errors"), calm(62, "errors"), *ticks(1, 300)]) == []


def test_what_came_to_nothing_is_no_part_of_what_comes_next() -> None:
    """Even where the next signal comes within the beat in which it would have been forgotten."""
    alert = told([odd(0), calm(1), *ticks(1, 61), threat(61.5)])[0]
    assert (alert.since_s, alert.signals, alert.id) == (T + 61.5, 1, f"shop-{1000 * T + 61_500}")


def test_an_excursion_that_lasts_is_one() -> None:
    assert states(told([odd(0), *ticks(1, 70)])) == [(60, "firing")]


@pytest.mark.parametrize("signal", [threat(0), odd(0, kind="joint"), odd(0, kind="fault")])
def test_some_signals_are_enough_alone(signal: Entry) -> None:
    assert states(told([signal])) == [(0, "firing")]


def test_it_is_resolved_when_all_is_calm_and_silent_for_long_enough() -> None:
    log = [odd(0), odd(10, "errors"), calm(20), calm(40, "errors"), *ticks(1, 200)]
    assert states(told(log, resend_s=500.0)) == [(10, "firing"), (100, "resolved")]


def test_it_is_not_resolved_while_an_excursion_is_open() -> None:
    log = [odd(0), odd(10, "errors"), calm(20), *ticks(1, 400)]
    assert states(told(log, resend_s=500.0)) == [(10, "firing")]


def test_series_unusual_together_are_an_excursion_too_but_not_one_more_series() -> None:
    log = [odd(0), odd(5, "errors"), odd(6, "joint", kind="joint"), calm(10), calm(11, "errors"), *ticks(12, 200)]
    alerts = told([*log, calm(100, "joint", kind="joint")], resend_s=500.0)
    assert {alert.severity for alert in alerts} == {"warning"}
    assert states(alerts)[-1] == (160, "resolved")


def test_an_excursion_whose_end_is_never_said_ends_after_an_hour() -> None:
    alerts = told([odd(0), odd(10), *ticks(1, 4000)], resend_s=5000.0)
    assert [alert.state for alert in alerts] == ["firing", "resolved"]
    assert 3610 <= alerts[1].at_s - T <= 3620


def test_a_firing_alert_is_said_again_every_minute() -> None:
    assert states(told([odd(0), odd(10), *ticks(1, 200)])) == [(10 + 60 * k, "firing") for k in range(4)]


def test_it_is_said_at_once_when_it_becomes_worse() -> None:
    alerts = told([odd(0), odd(10), odd(20, "errors"), odd(25, "errors"), odd(30, "requests"), threat(31)])
    assert [(alert.at_s - T, alert.severity) for alert in alerts] == [(10, "info"), (20, "warning"), (30, "critical")]


def test_each_return_doubles_the_silence_that_ends_it() -> None:
    """Threats at 0, 100, 300: resolved after 60, 120 and 240 s of silence."""
    alerts = told([threat(0), threat(100), threat(300), *ticks(1, 1000)], resend_s=5000.0)
    assert states(alerts) == [
        (0, "firing"), (60, "resolved"), (100, "firing"), (220, "resolved"), (300, "firing"), (540, "resolved"),
    ]  # fmt: skip


def test_a_return_after_a_long_time_is_a_first_one() -> None:
    alerts = told([threat(0), threat(100), threat(1000), *ticks(1, 1100)], resend_s=5000.0)
    assert states(alerts)[-2:] == [(1000, "firing"), (1060, "resolved")]


def window(from_s: float, until_s: float, service: str = "shop") -> tuple[Maintenance, ...]:
    return (Maintenance(service=service, from_s=T + from_s, until_s=T + until_s),)


def test_in_a_maintenance_nothing_is_said() -> None:
    assert told([threat(10), *ticks(1, 300)], maintenance=window(0, 200)) == []


@pytest.mark.parametrize("service", ["shop", "*"])
def test_what_still_fires_when_the_maintenance_ends_is_said_then(service: str) -> None:
    log = [threat(10), *(threat(second) for second in range(30, 211, 30)), *ticks(1, 215)]
    assert states(told(log, maintenance=window(0, 200.5, service))) == [(201, "firing")]


def test_the_end_of_what_was_said_is_said_in_a_maintenance_too() -> None:
    assert states(told([threat(0), *ticks(1, 100)], maintenance=window(10, 1000))) == [(0, "firing"), (60, "resolved")]


def test_another_services_maintenance_silences_nothing() -> None:
    assert len(told([threat(10)], maintenance=window(0, 200, "other"))) == 1


def test_services_are_kept_apart() -> None:
    alerts = told([threat(0, service="shop"), threat(0, service="bank")])
    assert {alert.id for alert in alerts} == {f"shop-{1000 * T}", f"bank-{1000 * T}"}


def test_evidence_is_bounded_to_the_first_and_the_latest() -> None:
    alerts = told([threat(second, f"192.0.2.{second}") for second in range(100)])
    evidence = alerts[-1].evidence
    assert alerts[-1].signals == 60
    assert [round(e.at_s - T) for e in evidence] == [*range(10), *range(50, 60)]


def test_a_late_signal_alarms_nobody_but_a_late_calm_ends_its_excursion() -> None:
    late_threat = (1000 * (T + 1000), threat(0)[1])
    assert told([late_threat]) == []
    late_calm = (1000 * (T + 400), calm(20, "errors")[1])
    log = [odd(0, "errors"), odd(10, "errors"), late_calm, *ticks(1, 500)]
    assert states(told(log, resend_s=5000.0)) == [(10, "firing"), (460, "resolved")]


@pytest.mark.parametrize("verdict", ["false alarm", "expected"])
def test_a_person_ends_a_false_alarm(verdict: str) -> None:
    feedback = Feedback(verdict=verdict, subject=f"shop-{1000 * T}")  # type: ignore[arg-type]
    log = [threat(0), (1000 * (T + 5), feedback), *ticks(6, 100)]
    assert states(told(log)) == [(0, "firing"), (5, "resolved")]


def test_confirming_ends_nothing() -> None:
    feedback = Feedback(verdict="confirmed", subject=f"shop-{1000 * T}")
    assert states(told([threat(0), (1000 * (T + 5), feedback)])) == [(0, "firing")]


def test_new_settings_hold_for_what_fires_already() -> None:
    change = SettingsChange(version="2", settings=Settings(incidents=IncidentSettings(resend_s=15.0)))
    alerts = told([odd(0), odd(1), (1000 * (T + 5), change), *ticks(6, 40)], resend_s=1000.0)
    assert states(alerts) == [(1, "firing"), (16, "firing"), (31, "firing")]


def test_a_service_that_was_quiet_for_long_is_forgotten() -> None:
    shard = shard_of(IncidentsBank, SIGNALS)
    fold_into(shard, SIGNALS, [threat(0), *ticks(1, 700)])
    assert len(shard.bank) == 0
