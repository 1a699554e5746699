"""Load: each trace has its figures, nothing of the future is seen, and what does not fit is named."""

from pathlib import Path

import numpy as np
import pytest

from streams.evaluate import load
from streams.evaluate.traces import DataError
from tests.streams.evaluate.sets import make_load


def test_every_trace_has_its_figures(tmp_path: Path) -> None:
    figures = load.evaluate(make_load(tmp_path))
    for name in ("mase_15", "mase_60", "cover_80", "cover_95", "beyond_30min", "beyond_30min_reactive", "changes_5min"):
        assert f"daily.{name}" in figures
    assert figures["daily.mase_15"] < figures["daily.mase_15_naive"]
    assert figures["daily.cover_95"] == pytest.approx(0.95, abs=0.02)
    assert figures["daily.beyond_30min"] <= figures["daily.beyond_30min_reactive"]
    assert {"m4_hourly.smape_48", "m4_hourly.mase_48"} <= set(figures)


def test_the_test_part_is_what_is_forecast_where_it_is_there(tmp_path: Path) -> None:
    """The last value of a series that repeats is known: with the test part it is the one after the training part."""
    folder = make_load(tmp_path)
    ramp = np.tile(np.arange(24.0), 30) + np.random.default_rng(1).uniform(0, 0.01, 720)
    (folder / load.TRAIN).write_text("id,V1\n" + "H1," + ",".join(map(str, ramp)) + "\n")
    assert load.many_series(folder)["smape_48"] < 10
    (folder / load.TEST).write_text("id,V1\n" + "H1," + ",".join(map(str, ramp[:48] + 1000)) + "\n")
    assert load.many_series(folder)["smape_48"] > 100


def test_a_forecast_sees_nothing_of_what_comes() -> None:
    """What is said up to a step is the same whatever follows it."""
    values = np.random.default_rng(1).uniform(0, 10, 600)
    other = np.where(np.arange(600) < 300, values, 99.0)
    at_s = 300.0 * np.arange(600.0)
    said = [load.forecast(load.Load(at_s, these, 300.0), 5, 0.9)[:300] for these in (values, other.astype(np.float64))]
    assert np.array_equal(said[0], said[1], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [("time,load\n1,2\n", "expected the columns timestamp and value"), ("timestamp,value\n2020-01-01,2\n", "7 days")],
)
def test_a_file_that_does_not_fit_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "short.csv").write_text(text)
    with pytest.raises(DataError, match=said):
        load.evaluate(tmp_path)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found none"):
        load.evaluate(tmp_path)
