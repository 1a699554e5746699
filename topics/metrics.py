"""Readings: what was measured."""

from __future__ import annotations

import math
from typing import Literal

from topics import Derived, Topic

LARGEST = 1e30
LONGEST_NAME = 512
MOST_IN_BUCKET = 1 << 32
KINDS = ("gauge", "delta", "total", "sketch")


class Reading(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One measurement of one series.

    series         `service/metric{label=value}`, ending in its unit, "checkout/latency_s{route=/pay}"; the service keys
                   the topic
    value          finite, at most 1e30 in size, in that unit
    at_s           seconds since the Unix epoch, on the clock of whoever measured
    kind           gauge: the value itself; delta: added up in its bucket; total: a counter, becomes a rate;
                   sketch: `value` measurements counted in `buckets`, to be merged before anything is concluded
    buckets        of a sketch: how many measurements fell into which logarithmic bucket (`detectors.sketch.bucket_of`)
    """

    series: str
    value: float
    at_s: float
    kind: Literal["gauge", "delta", "total", "sketch"] = "gauge"
    buckets: dict[int, int] | None = None

    @property
    def service(self) -> str:
        """Return the text before the first slash."""
        return self.series.split("/", 1)[0]

    def key(self) -> str:
        """Return the service."""
        return self.service

    def subject(self) -> str:
        """Return series and time: one capability says a series once for a time."""
        return f"{self.series} {self.at_s!r}"

    def problem(self) -> str | None:
        """Say what makes this reading unusable, if anything does."""
        size = len(self.series.encode("utf-8", "surrogatepass"))
        if not 3 <= size <= LONGEST_NAME:
            return f"series must have 3 to {LONGEST_NAME} bytes, got {size}"
        service, slash, metric = self.series.partition("/")
        if not (service and slash and metric):
            return f"series must read service/metric, got {self.series!r}"
        if not abs(self.value) <= LARGEST:
            return f"value must be finite and at most {LARGEST:g} in size, got {self.value!r}"
        if not (math.isfinite(self.at_s) and self.at_s >= 0):
            return f"at_s must be seconds since 1970, got {self.at_s!r}"
        if self.buckets and max(self.buckets.values()) > MOST_IN_BUCKET:
            return f"a bucket must count at most {MOST_IN_BUCKET} measurements, got {max(self.buckets.values())}"
        return None


METRICS = Topic("metrics", (Reading,), key="service", keep_days=7, hot=True)
