"""Percentiles: sketches in, the percentiles of each second out."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.percentiles import PercentilesBank
from streams.bus import agent
from topics.metrics import METRICS


@agent(METRICS, bank=PercentilesBank, says=(METRICS,))
def merge(run: Run, bank: PercentilesBank) -> list[Finding]:
    """Merge sketches of a second; one repeated (same origin) counts once; one too late is counted, and says nothing."""
    return bank.fold(run)
