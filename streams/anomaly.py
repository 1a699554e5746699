"""The agent that judges readings."""

from __future__ import annotations

from detectors.anomaly import AnomalyBank
from detectors.bank import Finding
from detectors.columns import Run
from streams.bus import agent
from topics.metrics import METRICS
from topics.signals import SIGNALS


@agent(METRICS, bank=AnomalyBank, says=(SIGNALS,))
def watch(run: Run, bank: AnomalyBank) -> list[Finding]:
    """Judge every reading against its own series, and every silence against its usual interval.

    A reading that is repeated is judged once where it has an origin, else twice; a late one teaches and raises no
    alarm; a series that is missing is said once, and when it is heard again.
    """
    return bank.fold(run)
