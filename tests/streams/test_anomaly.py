"""The agent that judges readings: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.anomaly import watch
from streams.bus import capabilities
from tests.fakes import fold
from topics.metrics import METRICS, Reading
from topics.signals import SIGNALS, Anomaly


def test_it_reads_metrics_and_says_signals() -> None:
    (anomaly,) = (capability for capability in capabilities() if capability.name == "anomaly")
    assert (anomaly.topic, anomaly.says, anomaly.verb) == (METRICS, (SIGNALS,), watch)
    log = [(k * 1000, Reading(series="shop/load", value=float(k % 7), at_s=float(k))) for k in range(80)]
    spike = (80_000, Reading(series="shop/load", value=1e6, at_s=80.0))
    (said,) = fold(anomaly.bank, METRICS, [*log, spike])
    assert isinstance(said, Anomaly)
    assert (said.series, said.value, said.key()) == ("shop/load", 1e6, "shop")
