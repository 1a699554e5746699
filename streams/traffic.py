"""Traffic: requests in, readings about each service out."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.traffic import TrafficBank
from streams.bus import agent
from topics.metrics import METRICS
from topics.requests import REQUESTS


@agent(REQUESTS, bank=TrafficBank, says=(METRICS,))
def count(run: Run, bank: TrafficBank) -> list[Finding]:
    """Count requests per second; one repeated (same origin) counts once, without origin twice; late ones count too."""
    return bank.fold(run)
