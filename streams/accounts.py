"""Accounts: uses of accounts in, threats out."""

from __future__ import annotations

from detectors.accounts import AccountsBank
from detectors.bank import Finding
from detectors.columns import Run
from streams.bus import agent
from topics.accounts import ACCOUNTS
from topics.signals import SIGNALS


@agent(ACCOUNTS, bank=AccountsBank, says=(SIGNALS,))
def watch(run: Run, bank: AccountsBank) -> list[Finding]:
    """Count each account's uses, whatever clients they come from; one repeated counts once, a late one only teaches."""
    return bank.fold(run)
