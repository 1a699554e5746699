"""Every benchmark, small: its outputs are what its reference says. No time is looked at."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.harness import Setup

SMALL = {
    "noop": (20_000, None, 1),
    "windows": (150_000, None, 1),
    "metrics": (100_000, 500, 1),
    "requests": (4_000, None, 1),
    "latency": (5_000, 100, 1),
    "little": (2_000, 100, 1),
    "recovery": (None, 200, 1),
    "scale": (50_000, 200, 2),
    "memory": (10_000, 500, 3),
}
"""How many records, of how many series, and how many of a benchmark's results."""


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name in SMALL])
def test_the_outputs_are_what_the_reference_says(broker: str, name: str) -> None:
    """A run with few records is right, and has something to say."""
    records, series, count = SMALL[name]
    results = list(islice(BENCHMARKS[name](Setup(broker, 1, records, series)), count))
    assert len(results) == count
    assert all(result["correct"] for result in results)
    assert {result.get("records") for result in results} == {records}
    # What has waited is of many series, and each is still learned silently.
    assert name in ("noop", "memory") or any(result["outputs"] for result in results)
