"""Rates of false alarms: how often something is said where nothing is labelled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.columns import Flags
from detectors.patterns_series import SHAPES
from streams.evaluate.judging import Judged
from streams.evaluate.shapes import NAMELESS
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


def pattern_alarms(traces: Sequence[Trace], spans: Sequence[list[Span]], judged: Sequence[Judged]) -> dict[str, float]:
    """Return the patterns said, all together and each, a series and ten quiet days; nothing where none was looked for.

    Each series counts by itself, also where a trace has several.
    """
    each = [
        (trace, of_trace, one.shapes[:, metric])
        for trace, of_trace, one in zip(traces, spans, judged, strict=True)
        for metric in range(one.shapes.shape[1])
    ]
    if not each:
        return {}
    of_metric, of_trace, shapes = zip(*each, strict=True)

    def rate(*which: int) -> float:
        return quiet_alarms(of_metric, of_trace, [said[:, which].any(axis=1) for said in shapes])

    return {"pattern_alarms": rate(*NAMELESS)} | {f"{SHAPES[k]}_alarms": rate(k) for k in NAMELESS}
