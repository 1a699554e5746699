"""Forecasts of load: simple forecasters of one series, weighted by how well each did at the wanted horizon."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from detectors.compiled import kernel

SLOTS = 288
WEEK_SLOTS = 7 * 96
HORIZON_MOST = 60
LEVELS = 5
HALF = 5 * LEVELS
DAMPED = HALF + 2
FORECASTERS = DAMPED + 1
TESTED_LEAST = 20

# How much of the next value each level takes: from the last value itself to the mean of some hundred steps.
GAINS = np.array([1.0, 0.5, 0.1, 0.03, 0.01])
_TREND_LEVEL, _TREND_GAIN = 0.3, 0.05
_DAMPING = 0.95
_LOSS_GAIN = 0.005
_SPREAD_GAIN = 0.01
_REGRET_GAIN = 0.003
_BAND_GAIN = 1.0
_SHARPNESS = 16.0
_SEASON_KEPT = 0.7  # so much of a slot's profile is older than the latest season
_MOST_RATIO = 8.0

# levels            the series, averaged with each of the gains
# by_day, by_week   its profiles, averaged likewise, so that they lag as the series does
# trend, base       Holt's trend, per step, and the level it belongs to
# losses            how far each forecaster was off lately, at the horizon
# pending, mixed    what each forecaster, and their mix, said for the steps to come; a ring; lower, upper: the band said
# day, day_known    the usual value at each slot of the season, and how often it was seen; week: of seven seasons
# spread            how far the mix was off lately; above, below: its error's quantiles, in spreads
# size, bias, cover  lately: the mean size of values, the mean error with its sign, the share of values in their band
# steps, learned, tested   steps that passed; those with a value; those with a value and a forecast for it
Forecast = np.dtype(
    [
        ("levels", "f8", LEVELS),
        ("by_day", "f8", LEVELS),
        ("by_week", "f8", LEVELS),
        ("trend", "f8"),
        ("base", "f8"),
        ("losses", "f8", FORECASTERS),
        ("spread", "f8"),
        ("above", "f8"),
        ("below", "f8"),
        ("size", "f8"),
        ("bias", "f8"),
        ("cover", "f8"),
        ("steps", "i8"),
        ("learned", "i8"),
        ("tested", "i8"),
        ("horizon", "i8"),
        ("season_s", "f8"),
        ("step_s", "f8"),
        ("pending", "f4", (HORIZON_MOST, FORECASTERS)),
        ("mixed", "f4", HORIZON_MOST),
        ("lower", "f4", HORIZON_MOST),
        ("upper", "f4", HORIZON_MOST),
        ("day", "f4", SLOTS),
        ("week", "f4", WEEK_SLOTS),
        ("day_known", "u2", SLOTS),
        ("week_known", "u2", WEEK_SLOTS),
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
        f.day_known[:] = 0
        f.week_known[:] = 0
    if f.season_s != season_s or f.step_s != step_s or f.horizon != horizon:
        f.season_s, f.step_s, f.horizon = season_s, step_s, horizon
        f.steps = f.learned = f.tested = 0
        f.losses[:] = 0.0


@kernel
def slots_of(season_s, step_s, most):  # type: ignore[no-untyped-def]
    """Return how many slots a season has: one a step, at most `most`."""
    return max(1, min(most, int(season_s / step_s + 0.5)))


@kernel
def usual(profile, known, slots, season_s, at_s):  # type: ignore[no-untyped-def]
    """Return a profile's value at a time, between the middles of two slots; NaN where it was never seen."""
    place = (at_s % season_s) / season_s * slots - 0.5
    left = math.floor(place)
    share = place - left
    a, b = left % slots, (left + 1) % slots
    if known[a] == 0:
        return np.nan if known[b] == 0 else np.float64(profile[b])
    if known[b] == 0:
        return np.float64(profile[a])
    return (1.0 - share) * profile[a] + share * profile[b]


@kernel
def usuals(f, at_s):  # type: ignore[no-untyped-def]
    """Return what is usual in the step that begins at a time, by the day and by the week; NaN: not known."""
    middle_s, week_s = at_s + 0.5 * f.step_s, 7.0 * f.season_s
    by_day = usual(f.day, f.day_known, slots_of(f.season_s, f.step_s, SLOTS), f.season_s, middle_s)
    by_week = usual(f.week, f.week_known, slots_of(week_s, f.step_s, WEEK_SLOTS), week_s, middle_s)
    return by_day, by_day if np.isnan(by_week) else by_week


@kernel
def learn_profile(profile, known, slots, season_s, step_s, value, at_s):  # type: ignore[no-untyped-def]
    """Move the slot of a time towards the value; a season's worth of values leaves `_SEASON_KEPT` of what was known."""
    slot = int((at_s % season_s) / season_s * slots) % slots
    a_season = max(1.0, season_s / (slots * step_s))
    gain = max(1.0 - _SEASON_KEPT ** (1.0 / a_season), 1.0 / (known[slot] + 1.0))
    profile[slot] = value if known[slot] == 0 else profile[slot] + gain * (value - profile[slot])
    known[slot] = min(known[slot] + 1, 60_000)


@kernel
def learn_level(f, value, at_s):  # type: ignore[no-untyped-def]
    """Move levels, profiles and trend towards a value."""
    by_day, by_week = usuals(f, at_s)
    if np.isnan(by_day):
        by_day = value
    if np.isnan(by_week):
        by_week = by_day
    if f.learned == 0:
        f.levels[:] = value
        f.by_day[:] = by_day
        f.by_week[:] = by_week
        f.base, f.trend = value, 0.0
    for k in range(LEVELS):
        f.levels[k] += GAINS[k] * (value - f.levels[k])
        f.by_day[k] += GAINS[k] * (by_day - f.by_day[k])
        f.by_week[k] += GAINS[k] * (by_week - f.by_week[k])
    before = f.base
    f.base = _TREND_LEVEL * value + (1.0 - _TREND_LEVEL) * (f.base + _DAMPING * f.trend)
    f.trend = _TREND_GAIN * (f.base - before) + (1.0 - _TREND_GAIN) * _DAMPING * f.trend
    week_s = 7.0 * f.season_s
    learn_profile(f.day, f.day_known, slots_of(f.season_s, f.step_s, SLOTS), f.season_s, f.step_s, value, at_s)
    learn_profile(f.week, f.week_known, slots_of(week_s, f.step_s, WEEK_SLOTS), week_s, f.step_s, value, at_s)
    f.learned += 1


@kernel
def judge_pending(f, value, quantile):  # type: ignore[no-untyped-def]
    """Hold a value against what was said about it a horizon ago."""
    said = f.pending[f.steps % f.horizon]
    gain = max(_LOSS_GAIN, 1.0 / (f.tested + 1.0))
    for k in range(FORECASTERS):
        f.losses[k] += gain * (abs(value - said[k]) - f.losses[k])
    slot = f.steps % f.horizon
    error, regret_gain = value - f.mixed[slot], max(_REGRET_GAIN, 1.0 / (f.tested + 1.0))
    if f.tested == 0:
        f.above, f.below = 2.0, -2.0
    # A step up is worth so many steps down as the quantile asks for (Robbins and Monro 1951). Held against the band as
    # it was said, so that the band that is said holds what it promises; slower where it is told later how it did.
    step = _BAND_GAIN / (f.horizon + 9.0)
    f.above = max(0.0, f.above + step * (quantile - (1.0 if value <= f.upper[slot] else 0.0)))
    f.below = min(0.0, f.below + step * ((1.0 - quantile) - (1.0 if value < f.lower[slot] else 0.0)))
    f.spread += max(_SPREAD_GAIN, 1.0 / (f.tested + 1.0)) * (abs(error) - f.spread)
    f.size += regret_gain * (abs(value) - f.size)
    f.bias += regret_gain * (error - f.bias)
    f.cover += regret_gain * ((1.0 if f.lower[slot] <= value <= f.upper[slot] else 0.0) - f.cover)
    f.tested += 1


@kernel
def say_pending(f, at_s, floor):  # type: ignore[no-untyped-def]
    """Let every forecaster, and their mix, say what they expect a horizon after `at_s`; none says less than `floor`."""
    by_day, by_week = usuals(f, at_s + f.horizon * f.step_s)
    said = f.pending[f.steps % f.horizon]
    for k in range(LEVELS):
        said[k] = f.levels[k]
    say_seasonal(f, said, LEVELS, HALF, by_day, f.by_day, floor)
    say_seasonal(f, said, 3 * LEVELS, HALF + 1, by_week, f.by_week, floor)
    reach = _DAMPING * (1.0 - _DAMPING**f.horizon) / (1.0 - _DAMPING)
    said[DAMPED] = max(floor, f.base + reach * f.trend)
    mixed = mix(f, said)
    f.mixed[f.steps % f.horizon] = mixed
    f.lower[f.steps % f.horizon] = max(floor, mixed + f.below * f.spread)
    f.upper[f.steps % f.horizon] = mixed + f.above * f.spread
    f.steps += 1


@kernel
def say_seasonal(f, said, first, half, then, now, floor):  # type: ignore[no-untyped-def]
    """Fill in what each level says with the difference, and with the ratio, of a profile between now and then."""
    for k in range(LEVELS):
        level = f.levels[k]
        said[first + k] = said[first + LEVELS + k] = level
        if not np.isnan(then):
            said[first + k] = max(floor, level + then - now[k])
            if now[k] > 0.0 and then >= 0.0:
                said[first + LEVELS + k] = level * min(then / now[k], _MOST_RATIO)
    said[half] = f.levels[1] if np.isnan(then) else max(floor, then + 0.5 * (f.levels[1] - now[1]))


@kernel
def mix(f, said):  # type: ignore[no-untyped-def]
    """Return the forecasters' mean, each weighted by 1 / its recent loss to the sixteenth power."""
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
    if f.learned > 0:
        say_pending(f, at_s, 0.0)


@kernel
def expect(f):  # type: ignore[no-untyped-def]
    """Return expected, lower and upper value a horizon after the last step; NaN before enough forecasts were tested."""
    if f.tested < TESTED_LEAST:
        return np.nan, np.nan, np.nan
    latest = (f.steps - 1) % f.horizon
    return np.float64(f.mixed[latest]), np.float64(f.lower[latest]), np.float64(f.upper[latest])


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
