"""Scaling: readings in; forecasts, and proposals to scale, out."""

from __future__ import annotations

from detectors.bank import Finding
from detectors.columns import Run
from detectors.scaling import ScalingBank
from streams.bus import agent
from topics.metrics import METRICS
from topics.proposals import PROPOSALS


@agent(METRICS, bank=ScalingBank, says=(PROPOSALS, METRICS))
def size(run: Run, bank: ScalingBank) -> list[Finding]:
    """Weigh each service's need against its replicas; a repeated delta without origin counts twice, a late one not."""
    return bank.fold(run)
