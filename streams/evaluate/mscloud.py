"""Microsoft's cloud monitoring counters: `data/domain/file.csv` with TimeStamp, Value and Label, scored after 15 %."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streams.evaluate import labelled_rows
from streams.evaluate.judging import Judged
from streams.evaluate.traces import Trace, named, read_csv, seconds, spans_of

DELAY = 3
PROBATION = 0.15


def filled(path: Path) -> dict[str, list[str]]:
    """Return the columns of a file, without the rows in which nothing was measured."""
    columns = read_csv(path)
    rows = [row for row, value in enumerate(columns["Value"]) if value.strip()]
    return {name: [column[row] for row in rows] for name, column in columns.items()}


def read(folder: Path) -> list[Trace]:
    """Read the series; their labels stay closed."""
    traces = []
    for name, path in named(folder, "*/*.csv"):
        columns = filled(path)
        values = np.array([float(value) for value in columns["Value"]])
        at_s = seconds(columns["TimeStamp"])
        traces.append(Trace(name, at_s, values[:, None], int(PROBATION * len(values))))
    return traces


def evaluate(folder: Path, traces: Sequence[Trace], judged: Sequence[Judged]) -> dict[str, float]:
    """Open the labels and return the figures."""
    spans = []
    for trace in traces:
        labels = filled(folder / "data" / trace.name)["Label"]
        spans.append(spans_of(np.array([int(float(label)) for label in labels], np.int8)))
    return labelled_rows.evaluate(traces, judged, spans, lambda _: DELAY)
