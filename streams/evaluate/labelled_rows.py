"""Sets of single series whose rows are labelled one by one: what is the same in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from detectors.columns import Flags
from streams.evaluate.alarms import THRESHOLDS, begins_at
from streams.evaluate.delays import Counts, count
from streams.evaluate.judging import Judged
from streams.evaluate.rates import pattern_alarms, quiet_alarms
from streams.evaluate.traces import Span, Trace


def evaluate(
    traces: Sequence[Trace], judged: Sequence[Judged], spans: Sequence[list[Span]], k: Callable[[Trace], int]
) -> dict[str, float]:
    """Return delay-F1 at a score above 1, the rate of alarms in quiet times, and the best threshold in hindsight."""

    def pooled(flags: Sequence[Flags]) -> Counts:
        total = Counts(0, 0, 0)
        for trace, of_trace, detected in zip(traces, spans, flags, strict=True):
            total = total.plus(count(detected, of_trace, k(trace), trace.scored_from))
        return total

    said = [one.begins[:, 0] for one in judged]
    at_one = pooled(said)
    figures = {"delay_f1_at_1": at_one.f1, "false_rows_at_1": at_one.false}
    figures["quiet_alarms_at_1"] = quiet_alarms(traces, spans, said)
    figures |= pattern_alarms(traces, spans, judged)
    reached = []
    for threshold in THRESHOLDS:
        flags = [begins_at(threshold, one.views[:, 0], trace.at_s) for trace, one in zip(traces, judged, strict=True)]
        reached.append((pooled(flags).f1, threshold))
    figures["delay_f1_best"], figures["threshold_best"] = max(reached)
    return figures
