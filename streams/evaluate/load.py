"""Load: how well it is forecast, and what sizing by the forecast gives, on traces `NAME.csv` with timestamp and value.

Errors are told as MASE: the mean absolute error in units of what the same time yesterday is off by (Hyndman and Koehler
2006). The first week is read, and not scored. `m4_hourly_train.csv` holds series, one a row, whose last 48 values are
forecast one by one from those before; where `m4_hourly_test.csv` is beside it, its values are.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detectors.columns import Floats
from detectors.compiled import kernel
from detectors.forecast import HORIZON_MOST, Forecast, expect, fit, learn
from streams.evaluate.replicas import LAGS_MIN, sized
from streams.evaluate.traces import DataError, read_csv, seconds
from topics.settings import Scaling

DAY_S = 86_400.0
WEEK = 7
HORIZONS = (5, 15, 60)
BANDS = {"cover_80": 0.9, "cover_95": 0.975}
TRAIN, TEST, AHEAD = "m4_hourly_train.csv", "m4_hourly_test.csv", 48


class Load(NamedTuple):
    """A trace: when each step began (s), how much was asked in it, and how long a step is (s)."""

    at_s: Floats
    values: Floats
    step_s: float

    @property
    def day(self) -> int:
        """Return the steps of a day."""
        return round(DAY_S / self.step_s)


@kernel
def run_through(row, values, at_s, quantile, said):  # type: ignore[no-untyped-def]
    """Fill said [n, 3] with what is expected a horizon after each step: the middle, and both ends of the band."""
    for i in range(len(values)):
        learn(row, values[i], at_s[i], quantile)
        said[i, 0], said[i, 1], said[i, 2] = expect(row)


@kernel
def run_ahead(rows, values, step_s, quantile, said):  # type: ignore[no-untyped-def]
    """Fill said [n] with what the n rows, one a horizon, expect after the last value."""
    for k in range(len(rows)):
        for i in range(len(values)):
            learn(rows[k], values[i], i * step_s, quantile)
        said[k] = expect(rows[k])[0]


def forecast(load: Load, horizon: int, quantile: float) -> Floats:
    """Return [n, 3] what the shipped forecaster says of the step `horizon` after each, in one pass."""
    rows, said = np.zeros(1, Forecast), np.full((len(load.values), 3), np.nan)
    fit(rows[0], load.step_s, horizon, DAY_S)
    run_through(rows[0], load.values, load.at_s, quantile, said)
    return said


def read(path: Path) -> Load:
    """Read a trace."""
    columns = read_csv(path)
    if not {"timestamp", "value"} <= set(columns):
        raise DataError(f"expected the columns timestamp and value in {path.name}, found {', '.join(columns)}")
    at_s = seconds(columns["timestamp"])
    values = np.array([float(value) if value.strip() else np.nan for value in columns["value"]])
    load = Load(at_s, values, float(np.median(np.diff(at_s))) if len(at_s) > 1 else DAY_S)
    if len(values) <= WEEK * load.day + max(HORIZONS):
        raise DataError(f"expected more than {WEEK} days in {path.name}, found {len(values)} rows")
    return load


def errors(load: Load, said: Floats, horizon: int) -> float:
    """Return the MASE of what was said, after the first week."""
    day, first = load.day, WEEK * load.day
    scale = np.nanmean(np.abs(load.values[day:] - load.values[:-day]))
    return float(np.nanmean(np.abs(load.values[first:] - said[first - horizon : -horizon])) / scale)


def covered(load: Load, said: Floats, horizon: int) -> float:
    """Return the share of the values after the first week that lay in their band, ends included."""
    first = WEEK * load.day
    values, bands = load.values[first:], said[first - horizon : -horizon]
    known = ~np.isnan(values)
    return float(np.mean((values >= bands[:, 1])[known] & (values <= bands[:, 2])[known]))


def figures_of(load: Load) -> dict[str, float]:
    """Return all figures of a trace."""
    figures: dict[str, float] = {}
    for horizon in HORIZONS:
        said = {name: forecast(load, horizon, quantile) for name, quantile in BANDS.items()}
        figures |= {f"{name}_{horizon}": covered(load, bands, horizon) for name, bands in said.items()}
        figures[f"mase_{horizon}"] = errors(load, said["cover_95"][:, 0], horizon)
        figures[f"mase_{horizon}_naive"] = errors(load, load.values, horizon)
    for name in BANDS:
        figures[name] = figures[f"{name}_15"]
    began_s = time.perf_counter()
    forecast(load, HORIZONS[0], 0.9)
    figures["us_per_reading"] = 1e6 * (time.perf_counter() - began_s) / len(load.values)
    figures |= _provisions(load)
    return figures


def _provisions(load: Load) -> dict[str, float]:
    """Return what sizing by the forecast gives, with the shipped settings, and what reacting gives."""
    figures: dict[str, float] = {}
    shipped = Scaling(load="trace/load").quantile
    for lag_min in LAGS_MIN:
        lag = max(1, round(lag_min * 60 / load.step_s))
        upper = forecast(load, min(HORIZON_MOST, lag + 1), shipped)[:, 2]
        for what, ceiling in (("", upper), ("_reactive", np.full_like(upper, np.nan))):
            found = sized(load.values, ceiling, load.step_s, lag, WEEK * load.day)
            figures[f"beyond_{lag_min}min{what}"] = found.beyond_percent
            figures[f"changes_{lag_min}min{what}"] = float(found.changes)
    return figures


def many_series(folder: Path) -> dict[str, float]:
    """Return how far off the next 48 values of each of many series are, on average: sMAPE in percent, and MASE."""
    train = _rows(folder / TRAIN)
    test = _rows(folder / TEST) if (folder / TEST).exists() else [row[-AHEAD:] for row in train]
    if not (folder / TEST).exists():
        train = [row[:-AHEAD] for row in train]
    smape, mase = [], []
    for past, future in zip(train, test, strict=True):
        rows, said = np.zeros(AHEAD, Forecast), np.zeros(AHEAD)
        for k in range(AHEAD):
            fit(rows[k], 3600.0, k + 1, DAY_S)
        run_ahead(rows, past, 3600.0, 0.5, said)
        off = np.abs(said - future)
        smape.append(200 * np.mean(off / np.maximum(np.abs(said) + np.abs(future), 1e-12)))
        yesterday = float(np.mean(np.abs(past[24:] - past[:-24])))
        mase.append(
            float(np.mean(off)) / yesterday if yesterday else np.nan
        )  # A series that repeats exactly has no scale.
    return {"smape_48": float(np.mean(smape)), "mase_48": float(np.nanmean(mase))}


def _rows(path: Path) -> list[Floats]:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [np.array([float(value) for value in row[1:] if value]) for row in rows]


def evaluate(folder: Path) -> dict[str, float]:
    """Return the figures of every trace in a folder, `TRACE.measure`."""
    figures: dict[str, float] = {}
    for path in sorted(folder.glob("*.csv")):
        if path.name == TRAIN:
            figures |= {f"m4_hourly.{name}": value for name, value in many_series(folder).items()}
        elif path.name != TEST:
            figures |= {f"{path.stem}.{name}": value for name, value in figures_of(read(path)).items()}
    if not figures:
        raise DataError(f"expected traces NAME.csv in {folder}, found none")
    return figures
