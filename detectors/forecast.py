"""Forecasts of load: simple forecasters of one series, weighted by how well each did lately at the wanted horizon."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detectors.compiled import kernel

SLOTS = 288
HORIZON_MOST = 32
LEVELS = 4
DAMPED = 3 * LEVELS
HALF = DAMPED + 1
FORECASTERS = DAMPED + 2
TESTED_LEAST = 20

# How much of the next value each level takes: from nearly the last value to the mean of some 30 steps.
GAINS = np.array([0.6, 0.3, 0.1, 0.03])
_TREND_GAIN = 0.05
_DAMPING = 0.95
_LOSS_GAIN = 0.02
_SPREAD_GAIN = 0.01
_BAND_GAIN = 0.05
_SHARPNESS = 6.0
_SEASON_KEPT = 0.7  # so much of a slot's profile is older than the latest season
_MOST_RATIO = 8.0

# levels, usuals    the series and its profile, each averaged with the same four gains, so that both lag alike
# trend, base       Holt's trend, per step, and the level it belongs to
# losses            how far each forecaster was off lately, at the horizon
# pending, mixed    what each forecaster, and their mix, said for the steps to come; a ring
# profile, known    the usual value at each slot of the season, and how often it was seen
# spread            how far the mix was off lately; above, below: its error's quantiles, in spreads
# steps, learned, tested   steps that passed; those with a value; those with a value and a forecast for it
Forecast = np.dtype(
    [
        ("levels", "f8", LEVELS),
        ("usuals", "f8", LEVELS),
        ("trend", "f8"),
        ("base", "f8"),
        ("losses", "f8", FORECASTERS),
        ("spread", "f8"),
        ("above", "f8"),
        ("below", "f8"),
        ("steps", "i8"),
        ("learned", "i8"),
        ("tested", "i8"),
        ("horizon", "i8"),
        ("season_s", "f8"),
        ("step_s", "f8"),
        ("pending", "f4", (HORIZON_MOST, FORECASTERS)),
        ("mixed", "f4", HORIZON_MOST),
        ("profile", "f4", SLOTS),
        ("known", "f4", SLOTS),
    ]
)


class Outlook(NamedTuple):
    """What is expected at the horizon, and the band it should lie in."""

    expected: float
    lower: float
    upper: float


@kernel
def fit(f, step_s, horizon, season_s):  # type: ignore[no-untyped-def]
    """Put a row into force for these times; what was learned for other ones is forgotten."""
    if f.season_s != season_s:
        f.known[:] = 0.0
        f.profile[:] = 0.0
    if f.season_s != season_s or f.step_s != step_s or f.horizon != horizon:
        f.season_s, f.step_s, f.horizon = season_s, step_s, horizon
        f.steps = f.learned = f.tested = 0
        f.losses[:] = 0.0


@kernel
def slots_of(f):  # type: ignore[no-untyped-def]
    """Return how many slots a season has: one a step, at most SLOTS."""
    return max(1, min(SLOTS, int(f.season_s / f.step_s + 0.5)))


@kernel
def usual(f, at_s):  # type: ignore[no-untyped-def]
    """Return the profile's value at a time, between the middles of two slots; NaN where it was never seen."""
    slots = slots_of(f)
    place = (at_s % f.season_s) / f.season_s * slots - 0.5
    left = math.floor(place)
    share = place - left
    a, b = left % slots, (left + 1) % slots
    if f.known[a] == 0.0:
        return np.nan if f.known[b] == 0.0 else np.float64(f.profile[b])
    if f.known[b] == 0.0:
        return np.float64(f.profile[a])
    return (1.0 - share) * f.profile[a] + share * f.profile[b]


@kernel
def learn_profile(f, value, at_s):  # type: ignore[no-untyped-def]
    """Move the slot of a time towards the value; a season's worth of values leaves `_SEASON_KEPT` of what was known."""
    slots = slots_of(f)
    slot = int((at_s % f.season_s) / f.season_s * slots) % slots
    a_season = max(1.0, f.season_s / (slots * f.step_s))
    gain = max(1.0 - _SEASON_KEPT ** (1.0 / a_season), 1.0 / (f.known[slot] + 1.0))
    f.profile[slot] += gain * (value - f.profile[slot])
    f.known[slot] = min(f.known[slot] + 1.0, 1e6)


@kernel
def learn_level(f, value, at_s):  # type: ignore[no-untyped-def]
    """Move levels and trend towards a value."""
    now = usual(f, at_s)
    if np.isnan(now):
        now = value
    if f.learned == 0:
        f.levels[:] = value
        f.usuals[:] = now
        f.base, f.trend = value, 0.0
    for k in range(LEVELS):
        f.levels[k] += GAINS[k] * (value - f.levels[k])
        f.usuals[k] += GAINS[k] * (now - f.usuals[k])
    before = f.base
    f.base = GAINS[1] * value + (1.0 - GAINS[1]) * (f.base + _DAMPING * f.trend)
    f.trend = _TREND_GAIN * (f.base - before) + (1.0 - _TREND_GAIN) * _DAMPING * f.trend
    f.learned += 1


@kernel
def judge_pending(f, value, quantile):  # type: ignore[no-untyped-def]
    """Hold a value against what was said about it a horizon ago."""
    said = f.pending[f.steps % f.horizon]
    gain = max(_LOSS_GAIN, 1.0 / (f.tested + 1.0))
    for k in range(FORECASTERS):
        f.losses[k] += gain * (abs(value - said[k]) - f.losses[k])
    error = value - f.mixed[f.steps % f.horizon]
    if f.tested == 0:
        f.above, f.below = 2.0, -2.0
    if f.spread > 0.0:
        unit = error / f.spread
        # A step up is worth so many steps down as the quantile asks for (Robbins and Monro 1951).
        f.above += _BAND_GAIN * (quantile - (1.0 if unit <= f.above else 0.0))
        f.below += _BAND_GAIN * ((1.0 - quantile) - (1.0 if unit <= f.below else 0.0))
    f.spread += max(_SPREAD_GAIN, 1.0 / (f.tested + 1.0)) * (abs(error) - f.spread)
    f.tested += 1


@kernel
def say_pending(f, at_s, floor):  # type: ignore[no-untyped-def]
    """Let every forecaster, and their mix, say what they expect a horizon after `at_s`; none says less than `floor`."""
    then = usual(f, at_s + f.horizon * f.step_s)
    said = f.pending[f.steps % f.horizon]
    for k in range(LEVELS):
        level, now = f.levels[k], f.usuals[k]
        said[k] = level
        said[LEVELS + k] = said[2 * LEVELS + k] = level
        if not np.isnan(then):
            said[LEVELS + k] = max(floor, level + then - now)
            if now > 0.0 and then >= 0.0:
                said[2 * LEVELS + k] = level * min(then / now, _MOST_RATIO)
    reach = _DAMPING * (1.0 - _DAMPING**f.horizon) / (1.0 - _DAMPING)
    said[DAMPED] = max(floor, f.base + reach * f.trend)
    said[HALF] = f.levels[1]
    if not np.isnan(then):
        said[HALF] = max(floor, then + 0.5 * (f.levels[0] - f.usuals[0]))
    f.mixed[f.steps % f.horizon] = mix(f, said)
    f.steps += 1


@kernel
def mix(f, said):  # type: ignore[no-untyped-def]
    """Return the forecasters' mean, each weighted by 1 / its recent loss to the sixth power."""
    best = np.min(f.losses)
    if f.tested == 0 or best <= 0.0:
        return np.float64(said[np.argmin(f.losses)])
    weights, total = 0.0, 0.0
    for k in range(FORECASTERS):
        weight = (best / f.losses[k]) ** _SHARPNESS
        weights += weight
        total += weight * said[k]
    return total / weights


@kernel
def learn(f, value, at_s, quantile):  # type: ignore[no-untyped-def]
    """Let one step pass: test what was said about it, learn its value (NaN: there is none), and say what comes."""
    if f.steps >= f.horizon and not np.isnan(value):
        judge_pending(f, value, quantile)
    if not np.isnan(value):
        learn_level(f, value, at_s)
        learn_profile(f, value, at_s)
    if f.learned > 0:
        say_pending(f, at_s, 0.0)


@kernel
def expect(f):  # type: ignore[no-untyped-def]
    """Return expected, lower and upper value a horizon after the last step; NaN before enough forecasts were tested."""
    if f.tested < TESTED_LEAST:
        return np.nan, np.nan, np.nan
    said = np.float64(f.mixed[(f.steps - 1) % f.horizon])
    return said, max(0.0, said + min(f.below, 0.0) * f.spread), said + max(f.above, 0.0) * f.spread


class Forecaster:
    """The forecast of one series of values that are never below 0, one a step.

    step_s         seconds between two values; horizon: how many steps ahead the forecast looks, at most HORIZON_MOST
    season_s       length of the season whose profile is learned
    quantile       of the band's upper end; the lower end is its mirror

    >>> forecaster = Forecaster(step_s=60.0, horizon=5, season_s=3600.0)
    >>> for minute in range(600):
    ...     forecaster.learn_one(100.0 + 50.0 * (minute % 60 >= 30), at_s=60.0 * minute)
    >>> round(forecaster.forecast_one().expected)
    100
    """

    def __init__(self, step_s: float, horizon: int, season_s: float = 86_400.0, quantile: float = 0.95) -> None:
        if not 1 <= horizon <= HORIZON_MOST:
            raise ValueError(f"horizon must be 1 to {HORIZON_MOST} steps, got {horizon!r}; longer steps reach further")
        self.quantile = quantile
        self.row = np.zeros(1, Forecast)
        fit(self.row[0], float(step_s), horizon, float(season_s))

    def learn_one(self, value: float, at_s: float) -> None:
        """Fold the value of the next step, or NaN where there is none."""
        learn(self.row[0], float(value), float(at_s), float(self.quantile))

    def forecast_one(self) -> Outlook:
        """Return what is expected a horizon after the last step; NaN before enough forecasts were tested."""
        return Outlook(*expect(self.row[0]))
