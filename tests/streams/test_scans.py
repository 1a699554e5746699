"""The agent that judges connections: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities
from streams.scans import watch
from tests.fakes import fold
from topics.connections import CONNECTIONS, Connection
from topics.proposals import BLOCKLIST_KEY, PROPOSALS
from topics.signals import SIGNALS


def test_it_reads_connections_and_says_signals_and_proposals() -> None:
    (scans,) = (capability for capability in capabilities() if capability.name == "scans")
    assert (scans.topic, scans.says, scans.verb) == (CONNECTIONS, (SIGNALS, PROPOSALS), watch)
    tried = [
        Connection(client="192.0.2.1", at_s=k, target="a", port=k, outcome="none", service="edge") for k in range(7)
    ]
    said = fold(scans.bank, CONNECTIONS, [(k * 1000, one) for k, one in enumerate(tried)])
    assert {(type(one).__name__, one.key()) for one in said} == {("Threat", "edge"), ("Proposal", BLOCKLIST_KEY)}
