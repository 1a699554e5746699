"""The score of NAB, by cases that can be reckoned on paper."""

import math
from pathlib import Path

import numpy as np
import pytest

from detectors.columns import Flags
from streams.evaluate import nab
from streams.evaluate.judging import BankJudge
from streams.evaluate.nab import PROFILES, Case, events, score
from streams.evaluate.traces import DataError, Trace
from tests.streams.evaluate.sets import SPIKES, make_nab
from topics.settings import Settings

TRACE = Trace("made", np.arange(0.0, 60.0 * 1000, 60.0), np.zeros((1000, 1)), 150)
SPANS = [(400, 499), (800, 899)]
CASE = Case.of(TRACE, SPANS)


def flags(*rows: int) -> Flags:
    found = np.zeros(1000, np.bool_)
    found[list(rows)] = True
    return found


def s(y: float) -> float:
    return 2 / (1 + math.exp(5 * y)) - 1


@pytest.mark.parametrize("profile", PROFILES.values())
def test_saying_nothing_is_nought_and_both_left_edges_are_a_hundred(profile: nab.Profile) -> None:
    assert score([CASE], [flags()], profile) == 0.0
    assert score([CASE], [flags(400, 800)], profile) == pytest.approx(100.0)


def test_a_window_is_worth_its_best_row_and_a_false_row_costs_by_its_distance() -> None:
    standard = PROFILES["standard"]
    middle = s(-0.5) / s(-1)
    assert score([CASE], [flags(450, 460, 470)], standard) == pytest.approx(100 * (middle + 1) / 4)
    before = nab.raw_score(CASE, flags(200), standard) - nab.raw_score(CASE, flags(), standard)
    assert before == pytest.approx(-0.11)
    close = nab.raw_score(CASE, flags(510), standard) - nab.raw_score(CASE, flags(), standard)
    assert close == pytest.approx(0.11 * s(11 / 99))
    far = nab.raw_score(CASE, flags(799), standard) - nab.raw_score(CASE, flags(), standard)
    assert far == pytest.approx(-0.11)


def test_the_profiles_weigh_false_rows_and_missed_windows() -> None:
    some = flags(200, 300, 450)
    by_profile = {name: score([CASE], [some], profile) for name, profile in PROFILES.items()}
    assert by_profile["low_fp"] < by_profile["standard"]
    assert score([CASE], [flags(450)], PROFILES["low_fn"]) < score([CASE], [flags(450, 850)], PROFILES["low_fn"])


def test_probation_is_not_scored() -> None:
    assert score([CASE], [flags(0, 100, 149)], PROFILES["standard"]) == 0.0
    assert score([CASE], [flags(150)], PROFILES["standard"]) < 0.0


def test_events_join_false_rows_that_are_close_and_have_no_window_between() -> None:
    assert events([CASE], [flags(200, 205, 215, 300, 450)]) == (1, 2, 4, 2)
    short = Case.of(TRACE, [(400, 402)])
    assert events([short], [flags(398, 404)]).episodes == 2
    assert events([CASE], [flags(450, 850)]).f1 == 1.0


def test_a_made_set_is_read_judged_and_scored(tmp_path: Path) -> None:
    folder = make_nab(tmp_path)
    traces = nab.read(folder)
    assert nab.windows(folder, traces)["made/noise_1.csv"] == [(row - 30, row + 30) for row in SPIKES]
    figures = nab.evaluate(folder, traces, [BankJudge(Settings())(trace) for trace in traces])
    assert figures["windows_at_1"] == figures["windows"] == 4
    assert 50 < figures["standard_at_1"] <= figures["standard_best"] + 1e-9
    assert figures["quiet_alarms_at_1"] < 2


def test_a_window_whose_edge_is_no_stamp_is_refused(tmp_path: Path) -> None:
    folder = make_nab(tmp_path)
    traces = [Trace(trace.name, trace.at_s + 1, trace.values, 0) for trace in nab.read(folder)]
    with pytest.raises(DataError, match="no stamp"):
        nab.windows(folder, traces)
