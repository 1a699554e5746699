"""Security: requests in, threats and proposed blocks out."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.security.bank import SecurityBank
from streams.bus import agent
from topics.accounts import ACCOUNTS
from topics.proposals import PROPOSALS
from topics.requests import REQUESTS
from topics.signals import SIGNALS


@agent(REQUESTS, bank=SecurityBank, says=(SIGNALS, PROPOSALS, ACCOUNTS))
def inspect(run: Run, bank: SecurityBank) -> list[Finding]:
    """Judge each request; one repeated (same origin) counts once, without origin twice; a late one only teaches."""
    return bank.fold(run)
