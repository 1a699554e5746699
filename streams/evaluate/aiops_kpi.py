"""The KPIs of the AIOps challenge 2018: one npz a series, most of one reading a minute, scored from its test half."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from streams.evaluate import labelled_rows
from streams.evaluate.judging import Judged
from streams.evaluate.traces import Trace, named, spans_of

DELAY = 7
"""Rows after the first of a segment within which it must be found."""


def read(folder: Path) -> list[Trace]:
    """Read `data/*.npz`: value, timestamp, and n_train, the first row that is scored."""
    traces = []
    for name, path in named(folder, "*.npz"):
        with np.load(path) as file:
            values = file["value"].astype(np.float64)
            traces.append(Trace(name, file["timestamp"].astype(np.float64), values[:, None], int(file["n_train"])))
    return traces


def evaluate(folder: Path, traces: Sequence[Trace], judged: Sequence[Judged]) -> dict[str, float]:
    """Open the labels and return the figures."""
    spans = []
    for trace in traces:
        with np.load(folder / "data" / trace.name) as file:
            spans.append(spans_of(file["label"]))
    return labelled_rows.evaluate(traces, judged, spans, lambda _: DELAY)
