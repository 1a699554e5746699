"""The agent that counts uses of accounts: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.accounts import watch
from streams.bus import capabilities
from tests.fakes import fold
from topics.accounts import ACCOUNTS, Use
from topics.signals import SIGNALS


def test_it_reads_uses_of_accounts_and_says_signals() -> None:
    (accounts,) = (capability for capability in capabilities() if capability.name == "accounts")
    assert (accounts.topic, accounts.says, accounts.verb) == (ACCOUNTS, (SIGNALS,), watch)
    log = [(k * 1000, Use(account="ann", client=f"192.0.2.{k}", at_s=k, service="shop", failed=True)) for k in range(6)]
    assert [(type(one).__name__, one.key()) for one in fold(accounts.bank, ACCOUNTS, log)] == [("Threat", "shop")]
