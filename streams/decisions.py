"""Decisions: proposals in; commands, blocks and refusals out."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.decisions import DecisionsBank
from streams.bus import agent
from topics.blocklist import BLOCKLIST
from topics.commands import COMMANDS
from topics.metrics import METRICS
from topics.proposals import PROPOSALS, REFUSALS


@agent(PROPOSALS, bank=DecisionsBank, says=(COMMANDS, BLOCKLIST, REFUSALS, METRICS))
def decide(run: Run, bank: DecisionsBank) -> list[Finding]:
    """Decide each proposal by the rules; a repeated one finds its wish fulfilled, a late one is refused as expired."""
    return bank.fold(run)
