"""The Numenta Anomaly Benchmark v1.1: its layout, its score in three profiles, and what that score hides.

By the published rules (A. Lavin and S. Ahmad, 2015, "Evaluating Real-time Anomaly Detection Algorithms"): with
S(y) = 2 / (1 + e^(5y)) - 1 a window is worth its best detection's S(y) / S(-1), y from -1 at its left edge to 0 at its
right; a window that is missed costs A_fn; a false row costs A_fp, less in the shadow of the window before it. The
score is 100 for all windows at their left edge, 0 for saying nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detectors.columns import Flags, Floats, Ints
from streams.evaluate.alarms import THRESHOLDS, begins_at
from streams.evaluate.judging import Judged
from streams.evaluate.rates import pattern_alarms, quiet_alarms
from streams.evaluate.traces import DataError, Span, Trace, named, read_csv, seconds


class Profile(NamedTuple):
    """What a false row and a missed window cost, in found windows."""

    false_row: float
    missed: float


PROFILES = {"standard": Profile(0.11, 1.0), "low_fp": Profile(0.22, 1.0), "low_fn": Profile(0.11, 2.0)}
PROBATION, PROBATION_ROWS = 0.15, 5000
SAME_EPISODE = 10
"""False rows at most so many rows apart are one false alarm to a person."""


def read(folder: Path) -> list[Trace]:
    """Read the files below `data`, `category/file.csv` each with the columns timestamp and value."""
    traces = []
    for name, path in named(folder, "*/*.csv"):
        columns = read_csv(path)
        values = np.array([float(value) for value in columns["value"]])
        probation = math.ceil(min(math.floor(PROBATION * len(values)), PROBATION * PROBATION_ROWS))
        traces.append(Trace(name, seconds(columns["timestamp"]), values[:, None], probation))
    return traces


def windows(folder: Path, traces: Sequence[Trace]) -> dict[str, list[Span]]:
    """Read the labelled windows as rows; raises DataError for an edge that is no stamp of the data."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    found: dict[str, list[Span]] = {}
    for trace in traces:
        rows: dict[float, int] = {}
        for row, at_s in enumerate(trace.at_s.tolist()):
            rows.setdefault(at_s, row)
        found[trace.name] = []
        for edges in labels.get(trace.name, []):
            first, last = seconds(edges).tolist()
            if first not in rows or last not in rows:
                raise DataError(f"{trace.name}: the window {edges} begins or ends at no stamp of the data")
            found[trace.name].append((rows[first], rows[last]))
    return found


def curve(y: Floats) -> Floats:
    """Return the worth of a row at a relative position: 1 far before 0, 0 there, -1 beyond 3.

    >>> curve(np.array([-1e9, 0.0, 4.0])).tolist()
    [1.0, 0.0, -1.0]
    """
    return np.where(y > 3.0, -1.0, 2.0 / (1.0 + np.exp(np.clip(5.0 * y, -700.0, 700.0))) - 1.0)


@dataclass(frozen=True, slots=True)
class Case:
    """One file: the worth of each row, the window it lies in (-1: none), and where scoring begins."""

    worth: Floats
    window: Ints
    spans: list[Span]
    scored_from: int

    @classmethod
    def of(cls, trace: Trace, spans: list[Span]) -> Case:
        """Return the case of a file."""
        n = len(trace)
        rows, window, worth = np.arange(n), np.full(n, -1), np.full(n, -1.0)
        for k, (first, last) in enumerate(spans):
            after = rows[last + 1 :]
            if last > first:
                worth[after] = curve((after - last) / (last - first))
            inside = rows[first : last + 1]
            window[inside] = k
            worth[inside] = curve(-(last - inside + 1) / (last - first + 1)) / curve(np.array([-1.0]))
        return cls(worth, window, spans, trace.scored_from)

    @property
    def live_windows(self) -> list[int]:
        """Return the windows that reach into the scored rows."""
        return [k for k, (_, last) in enumerate(self.spans) if last >= self.scored_from]


def raw_score(case: Case, detected: Flags, profile: Profile) -> float:
    """Return what a file's detections are worth."""
    live = detected & (np.arange(len(detected)) >= case.scored_from)
    total = float(case.worth[live & (case.window < 0)].sum()) * profile.false_row
    for k in case.live_windows:
        inside = case.worth[live & (case.window == k)]
        total += max(float(inside.max()), -profile.missed) if len(inside) else -profile.missed
    return total


def score(cases: Sequence[Case], detected: Sequence[Flags], profile: Profile) -> float:
    """Return the normalised score of a set of files: 0 for saying nothing, 100 for perfection."""
    raw = sum(raw_score(case, flags, profile) for case, flags in zip(cases, detected, strict=True))
    worst = -profile.missed * sum(len(case.live_windows) for case in cases)
    best = sum(len(case.spans) for case in cases)
    return 100.0 * (raw - worst) / (best - worst) if best else math.nan


class Events(NamedTuple):
    """Windows found, windows there are, false rows, false episodes."""

    found: int
    there: int
    false_rows: int
    episodes: int

    @property
    def f1(self) -> float:
        """Return the harmonic mean of windows found among all, and among all that was said."""
        return 2 * self.found / (self.there + self.found + self.episodes) if self.found else 0.0


def events(cases: Sequence[Case], detected: Sequence[Flags]) -> Events:
    """Count windows and false episodes: runs of false rows at most `SAME_EPISODE` apart with no window between."""
    hit = there = rows = episodes = 0
    for case, flags in zip(cases, detected, strict=True):
        live = flags & (np.arange(len(flags)) >= case.scored_from)
        there += len(case.spans)
        hit += sum(bool(live[first : last + 1].any()) for first, last in case.spans)
        false = np.flatnonzero(live & (case.window < 0))
        rows += len(false)
        if len(false):
            apart = np.diff(false) > SAME_EPISODE
            for first, last in case.spans:
                apart |= (false[:-1] < first) & (false[1:] > last)
            episodes += 1 + int(apart.sum())
    return Events(hit, there, rows, episodes)


def evaluate(folder: Path, traces: Sequence[Trace], judged: Sequence[Judged]) -> dict[str, float]:
    """Return the figures of the set: at a score above 1 first, then at the best threshold in hindsight."""
    spans = windows(folder, traces)
    cases = [Case.of(trace, spans[trace.name]) for trace in traces]
    said = [one.begins[:, 0] for one in judged]
    figures = {f"{name}_at_1": score(cases, said, profile) for name, profile in PROFILES.items()}
    at_one = events(cases, said)
    figures |= {"event_f1_at_1": at_one.f1, "windows_at_1": at_one.found, "windows": at_one.there}
    figures |= {"false_rows_at_1": at_one.false_rows}
    ordered = [spans[trace.name] for trace in traces]
    figures["quiet_alarms_at_1"] = quiet_alarms(traces, ordered, said)
    figures |= pattern_alarms(traces, ordered, judged)
    best: dict[str, tuple[float, float]] = {}
    for threshold in THRESHOLDS:
        flags = [begins_at(threshold, one.views[:, 0], trace.at_s) for trace, one in zip(traces, judged, strict=True)]
        reached = {name: score(cases, flags, profile) for name, profile in PROFILES.items()}
        reached["event_f1"] = events(cases, flags).f1
        for name, value in reached.items():
            best[name] = max(best.get(name, (-math.inf, 0.0)), (value, threshold))
    figures |= {f"{name}_best": value for name, (value, _) in best.items()}
    figures["threshold_best"] = best["standard"][1]
    return figures
