"""Incidents: signals in, alerts out."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.incidents import IncidentsBank
from streams.bus import agent
from topics.alerts import ALERTS
from topics.signals import SIGNALS


@agent(SIGNALS, bank=IncidentsBank, says=(ALERTS,))
def group(run: Run, bank: IncidentsBank) -> list[Finding]:
    """Group each service's signals into an incident; a repeated signal is counted once, a late one alarms nobody."""
    return bank.fold(run)
