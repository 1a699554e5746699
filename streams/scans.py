"""Scans: connections in, threats and proposed blocks out."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.scans import ScansBank
from streams.bus import agent
from topics.connections import CONNECTIONS
from topics.proposals import PROPOSALS
from topics.signals import SIGNALS


@agent(CONNECTIONS, bank=ScansBank, says=(SIGNALS, PROPOSALS))
def watch(run: Run, bank: ScansBank) -> list[Finding]:
    """Test each client's first contacts; a connection repeated is none, and a late one only teaches."""
    return bank.fold(run)
