"""The agent that decides: declared where it belongs, and what it is handed reaches its bank."""

from __future__ import annotations

from streams.bus import capabilities
from streams.decisions import decide
from tests.fakes import fold
from topics.blocklist import BLOCKLIST, Block
from topics.commands import COMMANDS
from topics.metrics import METRICS
from topics.proposals import PROPOSALS, REFUSALS, Proposal, Refusal


def test_it_reads_proposals_and_says_commands_blocks_refusals_and_replicas() -> None:
    (decisions,) = (capability for capability in capabilities() if capability.name == "decisions")
    assert (decisions.topic, decisions.says) == (PROPOSALS, (COMMANDS, BLOCKLIST, REFUSALS, METRICS))
    assert decisions.verb is decide
    block = Proposal(action="block", target="192.0.2.1", wanted=60.0, why="flood", at_s=5.0, expires_at_s=99.0)
    own = Proposal(action="block", target="127.0.0.1", wanted=60.0, why="flood", at_s=5.0, expires_at_s=99.0)
    blocked, refused = fold(decisions.bank, PROPOSALS, [(5000, block), (5000, own)])
    assert isinstance(blocked, Block)
    assert isinstance(refused, Refusal)
    assert (blocked.client, refused.target, refused.rule) == ("192.0.2.1", "127.0.0.1", "allow-list")
