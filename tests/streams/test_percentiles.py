"""The agent that merges sketches: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities
from streams.percentiles import merge
from tests.fakes import fold
from topics.control import Tick
from topics.metrics import METRICS, Reading


def test_it_reads_metrics_and_says_metrics() -> None:
    (percentiles,) = (capability for capability in capabilities() if capability.name == "percentiles")
    assert (percentiles.topic, percentiles.says, percentiles.verb) == (METRICS, (METRICS,), merge)
    sketch = Reading(series="shop/latency_s", value=1, at_s=1.0, kind="sketch", buckets={160: 1})
    said = fold(percentiles.bank, METRICS, [(2100, sketch), (4000, Tick())])
    assert [r.series for r in said if isinstance(r, Reading)] == [f"shop/latency_s_p{share}" for share in (50, 95, 99)]
