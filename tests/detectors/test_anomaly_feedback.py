"""What a person says about an excursion: the same is not said again after a false alarm, and is once confirmed."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.anomaly import AnomalyBank
from detectors.anomaly_feedback import take_joint
from detectors.anomaly_rows import VIEWS
from detectors.joint import JOINT
from tests.contract import check
from tests.detectors.test_anomaly import QUICK, START_S, gauges, mixed_log, noise, reading, row_of, said_of
from tests.fakes import Entry
from topics.control import Feedback, Tick
from topics.metrics import METRICS
from topics.settings import AnomalySettings, Settings
from topics.signals import Anomaly

EXCURSION = [*noise(8, 22.0, seed=9)]


def told(verdict: str, second: int, series: str = "shop/load", kind: str = "") -> Entry:
    feedback = Feedback(verdict=verdict, subject=series, author="ann", kind=kind)  # type: ignore[arg-type]
    return (START_S + second) * 1000, feedback


def again(*verdicts: str) -> list[Entry]:
    """Return calm, an excursion, what a person says of it, calm, and the same excursion at second 608."""
    log: list[Entry] = gauges([*noise(300), *EXCURSION])
    for verdict in verdicts:
        log += [told(verdict, 308)]
    return [*log, *gauges([*noise(300, seed=3), *EXCURSION, *noise(20, seed=4)], first=308)]


def alarms(log: list[Entry], from_s: int = 0) -> list[float]:
    return [one.at_s - START_S for one in said_of(log) if not one.calm and one.at_s >= START_S + from_s]


def test_the_same_excursion_is_not_said_again_after_a_false_alarm() -> None:
    assert alarms(again())[0] == 300
    assert alarms(again(), 600) != []
    assert alarms(again("false alarm"), 600) == []


def test_it_is_said_again_once_one_was_confirmed() -> None:
    assert alarms(again("false alarm", "confirmed"), 600) != []
    assert alarms(again("confirmed"), 600) != []


def test_a_larger_excursion_is_said_although_a_smaller_one_is_usual() -> None:
    log = [*again("false alarm")[:-20], *gauges([60.0] * 3, first=616)]
    assert alarms(log, 600) == [616]


def test_a_confirmed_excursion_leaves_thresholds_and_the_count_of_alarms_as_they_were() -> None:
    before, after, untold = (
        row_of(log, "shop/load") for log in (gauges(noise(300)), again("confirmed")[:309], again()[:308])
    )
    assert max(untold["raised"]) > 0.2
    assert untold["alarms"] > 0.99
    assert (list(after["raised"]), after["alarms"]) == (list(before["raised"]), pytest.approx(before["alarms"]))


def test_what_was_called_usual_is_no_less_so_when_something_larger_is_confirmed() -> None:
    log = [*again("false alarm")[:-20], *gauges([60.0] * 3, first=616)]
    row = row_of(log, "shop/load")
    usual = list(row["excused"])
    assert list(row_of([*log, told("confirmed", 620)], "shop/load")["excused"]) == pytest.approx(usual, rel=1e-3)


def test_the_band_says_what_is_usual_now() -> None:
    *_, last = said_of([*again("false alarm")[:-20], *gauges([60.0], first=616)])
    assert last.upper is not None
    assert last.upper > max(EXCURSION)


def test_what_is_usual_is_forgotten_in_the_course_of_months() -> None:
    its = Settings(anomaly=AnomalySettings(warmup=20, joint=False))
    hour = 3600
    values = [*noise(300), *EXCURSION]
    log: list[Entry] = [((START_S + k * hour) * 1000, reading(v, k * hour)) for k, v in enumerate(values)]
    log += [told("false alarm", 308 * hour)]
    fresh = list(row_of(log, "shop/load", its)["excused"])
    log += [((START_S + k * hour) * 1000, reading(v, k * hour)) for k, v in enumerate(noise(24 * 90), 308)]
    later = list(row_of(log, "shop/load", its)["excused"])
    assert [now / then for now, then in zip(later, fresh, strict=True)] == pytest.approx([0.368] * len(VIEWS), rel=0.02)


def silences(*verdicts: str, at: int = 145) -> list[float]:
    """Return when a series is missing that is silent for 30 s from second 100 and from 160."""
    log: list[Entry] = gauges(noise(100))
    for first in (100, 160):
        log += [((START_S + second) * 1000, Tick()) for second in range(first, first + 30)]
        heard = gauges(noise(30, seed=first), first=first + 30)
        log += [*heard[: at - 130], *(told(verdict, at, kind="missing") for verdict in verdicts), *heard[at - 130 :]]
        verdicts = ()
    return [one.at_s - START_S for one in said_of(log) if one.kind == "missing" and not one.calm]


def test_a_silence_that_a_person_lets_be_is_not_said_again() -> None:
    assert [second < 160 for second in silences()] == [True, False]
    assert [second < 160 for second in silences("false alarm")] == [True]
    assert [second < 160 for second in silences("false alarm", at=160)] == [True], "although it was expected sooner"
    assert [second < 160 for second in silences("false alarm", "confirmed")] == [True, False]


def together(*verdicts: str) -> list[float]:
    """Return when two series are unusual together that part ways twice."""
    its, log = Settings(anomaly=AnomalySettings(warmup=20, bucket_s=1.0)), list[Entry]()
    for second, (one, other) in enumerate(zip(noise(900, seed=5), noise(900, seed=6), strict=True)):
        apart = -1 if second % 400 > 390 else 1
        pair = (one, 10 + apart * (one - 10) + (other - 10) / 10 - (4 if apart < 0 else 0))
        for name, value in zip(("a", "b"), (pair[0] + (4 if apart < 0 else 0), pair[1]), strict=True):
            log.append(((START_S + second) * 1000, reading(value, second, f"shop/{name}")))
        if second == 500:
            log += [told(verdict, second, "shop/joint", "joint") for verdict in verdicts]
    said = [one for one in check_said(log, its) if one.kind == "joint" and not one.calm]
    return [one.at_s - START_S for one in said]


def check_said(log: list[Entry], its: Settings) -> list[Anomaly]:
    return [record for record in said_of(log, its) if record.at_s > START_S + 380]


def test_what_is_unusual_together_is_usual_after_a_false_alarm() -> None:
    assert [second < 500 for second in dict.fromkeys(together())].count(False) > 0
    assert [second for second in together("false alarm") if second > 500] == []
    assert [second for second in together("false alarm", "confirmed") if second > 500] != []


def test_a_confirmed_excursion_is_not_held_against_its_service() -> None:
    for verdict, raised in (("confirmed", 0.1), ("false alarm", 0.5)):
        joint = np.zeros(1, JOINT)[0]
        joint["raised"], joint["before"], joint["height"] = 0.5, 0.1, 2.0
        take_joint(joint, Feedback(verdict=verdict, subject="shop/joint"))  # type: ignore[arg-type]
        assert joint["raised"] == raised


def test_feedback_holds_to_the_contract() -> None:
    its = Settings(anomaly=AnomalySettings(warmup=15, bucket_s=2.0, season_s=67.0))
    log: list[Entry] = mixed_log(200, 3)
    for k, verdict in enumerate(["false alarm", "confirmed", "expected", "false alarm"] * 3):
        at = (k + 2) * len(log) // 16
        series = ("a/cpu", "a/joint", "b/beat", "c/unknown")[k % 4]
        log.insert(at, (log[at][0], Feedback(verdict=verdict, subject=series)))  # type: ignore[arg-type]
    check(AnomalyBank, METRICS, log, its)


def test_what_is_said_of_others_changes_nothing() -> None:
    plain = row_of(gauges([*noise(300), *EXCURSION]), "shop/load")
    log = [*gauges([*noise(300), *EXCURSION]), told("false alarm", 308, "shop/other"), told("expected", 308)]
    assert row_of(log, "shop/load").tobytes() == plain.tobytes()
    assert QUICK.anomaly.joint is False
