"""Composition: requests in, out what they are made of, service by service."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.composition import CompositionBank
from streams.bus import agent
from topics.compositions import COMPOSITIONS
from topics.requests import REQUESTS


@agent(REQUESTS, bank=CompositionBank, says=(COMPOSITIONS,))
def take_apart(run: Run, bank: CompositionBank) -> list[Finding]:
    """Tell who asks for what; one repeated (same origin) counts once, without origin twice; a late one not."""
    return bank.fold(run)
