"""Rates of false alarms: how often something is said where nothing is labelled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.columns import Flags
from streams.evaluate.traces import Span, Trace, quiet

TEN_DAYS_S = 864_000.0
LONGEST_STEP_S = 86_400.0


def quiet_alarms(traces: Sequence[Trace], spans: Sequence[list[Span]], begins: Sequence[Flags]) -> float:
    """Return the alarms a series and ten quiet days, pooled over the series; NaN where there is no quiet time."""
    alarms, quiet_s = 0, 0.0
    for trace, of_trace, flags in zip(traces, spans, begins, strict=True):
        calm = quiet(trace, of_trace)
        steps_s = np.clip(np.diff(trace.at_s, prepend=trace.at_s[:1]), 0.0, LONGEST_STEP_S)
        alarms += int((flags & calm).sum())
        quiet_s += float(steps_s[calm].sum())
    return alarms * TEN_DAYS_S / quiet_s if quiet_s else float("nan")
