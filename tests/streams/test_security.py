"""The agent that judges requests: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities
from streams.security import inspect
from tests.fakes import fold
from topics.accounts import ACCOUNTS
from topics.proposals import BLOCKLIST_KEY, PROPOSALS
from topics.requests import REQUESTS, Request
from topics.signals import SIGNALS


def test_it_reads_requests_and_says_signals_proposals_and_uses_of_accounts() -> None:
    (security,) = (capability for capability in capabilities() if capability.name == "security")
    assert (security.topic, security.says, security.verb) == (REQUESTS, (SIGNALS, PROPOSALS, ACCOUNTS), inspect)
    log = [(k * 100, Request(client="192.0.2.1", at_s=k / 10, path="/", service="shop")) for k in range(101)]
    said = fold(security.bank, REQUESTS, log)
    assert {(type(one).__name__, one.key()) for one in said} == {("Threat", "shop"), ("Proposal", BLOCKLIST_KEY)}
