"""The Application Server Dataset: servers of 19 metrics, five minutes apart; the second part is labelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detectors.columns import Flags, Floats
from streams.evaluate.alarms import THRESHOLDS, begins_at, joint_begins_at
from streams.evaluate.delays import Counts, average_precision, count
from streams.evaluate.judging import Judged
from streams.evaluate.rates import pattern_alarms, quiet_alarms
from streams.evaluate.traces import Span, Trace, named, spans_of

DELAY = 3
STEP_S = 300.0
NAMED = 3
"""So many metrics may be named as the cause."""


def read(folder: Path) -> list[Trace]:
    """Read `data/*.npz`, train and test as one stream; times are nominal."""
    traces = []
    for name, path in named(folder, "*.npz"):
        with np.load(path) as file:
            train, test = file["train"].astype(np.float64), file["test"].astype(np.float64)
        values = np.concatenate([train, test])
        traces.append(Trace(name, (STEP_S * np.arange(len(values))).astype(np.float64), values, len(train)))
    return traces


def causes(path: Path) -> list[tuple[Span, set[int]]]:
    """Read lines `first-last:metric,metric`, rows counted from 0 and metrics from 1; return metrics counted from 0."""
    found = []
    for line in path.read_text().split():
        rows, metrics = line.split(":")
        first, last = rows.split("-")
        found.append(((int(first), int(last)), {int(metric) - 1 for metric in metrics.split(",")}))
    return found


def together(judged: Judged) -> Floats:
    """Return one score a row: the joint one where there is any, else the highest of the metrics."""
    return judged.joint if judged.joint.any() else judged.scores.max(axis=1).astype(np.float64)


def said(judged: Judged) -> Flags:
    """Return where an alarm of the whole server began."""
    return judged.joint_begins if judged.joint.any() else np.asarray(judged.begins.any(axis=1))


def said_at(threshold: float, judged: Judged, trace: Trace) -> Flags:
    """Return where an alarm would have begun, had `threshold` been what is anomalous."""
    if judged.joint.any():
        return joint_begins_at(threshold, judged.joint, trace.at_s, trace.values.shape[1])
    metrics = range(judged.views.shape[1])
    begins = np.stack([begins_at(threshold, judged.views[:, metric], trace.at_s) for metric in metrics])
    return np.asarray(begins.any(axis=0))


def blamed(judged: Judged, row: int) -> tuple[int, ...]:
    """Return the metrics named for a row: by the joint alarm, else those with the highest scores."""
    if row in judged.stands_out:
        return judged.stands_out[row][:NAMED]
    order = np.argsort(-judged.scores[row], kind="stable")
    return tuple(int(metric) for metric in order[:NAMED])


def evaluate(folder: Path, traces: Sequence[Trace], judged: Sequence[Judged]) -> dict[str, float]:
    """Open the labels and return the figures; a cause is asked for at each segment's highest row."""
    spans, labels, right, asked = [], [], 0, 0
    for trace, one in zip(traces, judged, strict=True):
        path = folder / "data" / trace.name
        with np.load(path) as file:
            flags = np.concatenate([np.zeros(trace.scored_from, np.int8), file["test_label"].astype(np.int8)])
        labels.append(flags.astype(np.bool_))
        spans.append(spans_of(flags))
        for (first, last), true in causes(path.with_name(f"{path.stem}_causes.txt")):
            rows = slice(trace.scored_from + first, trace.scored_from + last + 1)
            scores = together(one)[rows]
            asked += 1
            right += len(scores) > 0 and bool(true & set(blamed(one, rows.start + int(np.argmax(scores)))))

    def pooled(detected: Sequence[Flags]) -> Counts:
        total = Counts(0, 0, 0)
        for trace, of_trace, flags in zip(traces, spans, detected, strict=True):
            total = total.plus(count(flags, of_trace, DELAY, trace.scored_from))
        return total

    begins = [said(one) for one in judged]
    scored = [together(one)[trace.scored_from :] for trace, one in zip(traces, judged, strict=True)]
    anomalous = [of_trace[trace.scored_from :] for trace, of_trace in zip(traces, labels, strict=True)]
    figures = {"f1_at_1": pooled(begins).f1}
    figures["average_precision"] = average_precision(np.concatenate(scored), np.concatenate(anomalous))
    figures["cause_in_top3"] = right / asked if asked else float("nan")
    figures["quiet_alarms_at_1"] = quiet_alarms(traces, spans, begins)
    figures |= pattern_alarms(traces, spans, judged)
    best = [
        (pooled([said_at(t, one, trace) for trace, one in zip(traces, judged, strict=True)]).f1, t) for t in THRESHOLDS
    ]
    figures["f1_best"], figures["threshold_best"] = max(best)
    return figures
