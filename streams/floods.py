"""Floods: what requests are made of in, floods and the blocks of heavy hitters out."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.floods import FloodsBank
from streams.bus import agent
from topics.compositions import COMPOSITIONS
from topics.proposals import PROPOSALS
from topics.signals import SIGNALS


@agent(COMPOSITIONS, bank=FloodsBank, says=(SIGNALS, PROPOSALS))
def weigh(run: Run, bank: FloodsBank) -> list[Finding]:
    """Hold each service's rate and composition against its own; one repeated counts once, one too late not at all."""
    return bank.fold(run)
