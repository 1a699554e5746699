"""Numbers and times as people say them: as many digits as tell them apart, and no more."""

from __future__ import annotations

import math
from datetime import UTC, datetime

SCALES = ((1e12, " T"), (1e9, " G"), (1e6, " M"))
LEAST = 1e-4
DIGITS_MOST = 12
NARROWEST = 1e-3
"""A band narrower than so much of what a value is beyond it is a line: how wide it is need not be told."""
LATEST_S = 253_402_300_799.0


def spoken(value: float, lower: float, upper: float) -> tuple[str, str, str]:
    """Return a value and its band with the same number of decimals: two digits of the band's width.

    More where a value beside its band would not be seen to be; large numbers in millions, or more.

    >>> spoken(2.3123, 0.2049, 0.4121), spoken(91.98, 92.1, 95.9), spoken(5.00021, 4.99, 5.0002)
    (('2.31', '0.20', '0.41'), ('92.0', '92.1', '95.9'), ('5.00021', '4.99000', '5.00020'))
    >>> spoken(3.1e9, 1.02e9, 1.31e9), spoken(7.0, 7.0, 7.0), spoken(18.0, -1e-12, 1e-12)
    (('3.10 G', '1.02 G', '1.31 G'), ('7', '7', '7'), ('18.000', '0.000', '0.000'))
    """
    numbers = (value, lower, upper)
    size = max(map(abs, numbers))
    if not math.isfinite(sum(numbers)) or 0 < size < LEAST or size >= 1e15:
        return tuple(f"{number:.4g}" for number in numbers)  # type: ignore[return-value]
    scale, suffix = next(((scale, suffix) for scale, suffix in SCALES if size >= scale), (1.0, ""))
    scaled = [number / scale for number in numbers]
    beyond = max(scaled[0] - scaled[2], scaled[1] - scaled[0], 0.0)
    width = max(scaled[2] - scaled[1], NARROWEST * beyond)
    decimals = 0 if all(number == int(number) for number in scaled) else _decimals(width or max(map(abs, scaled)))
    while True:
        told = [f"{round(number, decimals) + 0.0:.{decimals}f}" for number in scaled]
        one, low, high = map(float, told)
        apart = one < low if value < lower else one > high
        if apart or lower <= value <= upper or decimals >= DIGITS_MOST:
            return told[0] + suffix, told[1] + suffix, told[2] + suffix
        decimals += 1


def _decimals(width: float) -> int:
    return min(max(1 - math.floor(math.log10(width)), 0), DIGITS_MOST)


def band_of(lower: str, upper: str) -> str:
    """Return a band in words.

    >>> band_of("0.20", "0.41"), band_of("-3", "4")
    ('0.20–0.41', '-3 to 4')
    """
    return f"{lower} to {upper}" if lower.startswith("-") else f"{lower}–{upper}"


def clock_of(at_s: float, seen_from_s: float | None = None) -> str:
    """Return a time of the day in UTC, with its date where that is another than the one it is seen from.

    >>> clock_of(1_700_000_000.0), clock_of(1_700_000_000.0, 1_700_100_000.0)
    ('22:13', '2023-11-14 22:13')
    """
    then = datetime.fromtimestamp(min(max(at_s, 0.0), LATEST_S), UTC)
    seen = then if seen_from_s is None else datetime.fromtimestamp(min(max(seen_from_s, 0.0), LATEST_S), UTC)
    return f"{then:%H:%M}" if then.date() == seen.date() else f"{then:%Y-%m-%d %H:%M}"
