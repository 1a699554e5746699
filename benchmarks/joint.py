"""`python -m benchmarks.joint --data DIR [--services N]`: what judges a service's series together, how well.

Each judge gets the same errors, those of the shipped bank, vector by vector; DIR/asd is scored as `evaluate` does it.
What the shipped one costs is measured with N services of ten series.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from river.anomaly import HalfSpaceTrees
from river.preprocessing import StandardScaler

from detectors.anomaly import AnomalyBank
from detectors.bank import PAGES
from detectors.columns import Floats, Run
from detectors.covariance import MEMBERS, PAIRS
from detectors.joint import JOINT, LIMIT, JointModel, error_of
from streams.evaluate import asd
from streams.evaluate.alarms import joint_begins_at
from streams.evaluate.judging import Judged, columns_of
from streams.evaluate.traces import Trace
from streams.tables import table
from topics.settings import AnomalySettings, Settings

Errors = Mapping[str, float]
Judge = Callable[[Errors], float]
ALONE = Settings(anomaly=AnomalySettings(joint=False))
READY = np.ones(PAGES, np.bool_)
SERIES_EACH = 10
FIGURES = ("f1_best", "average_precision", "cause_in_top3")


def covariance(names: tuple[str, ...]) -> Judge:
    """Return what is shipped."""
    model = JointModel(names)
    return lambda errors: model.judge_one(errors).score


def each_alone(names: tuple[str, ...]) -> Judge:
    """Return the root mean square of the bounded errors: what is left without the covariance."""
    return lambda errors: math.sqrt(sum(min(abs(error), LIMIT) ** 2 for error in errors.values()) / len(names))


def largest(names: tuple[str, ...]) -> Judge:
    """Return the largest error."""
    return lambda errors: max(map(abs, errors.values())) / 6.0


def trees(most: int, n_trees: int = 10, window: int = 100) -> Callable[[tuple[str, ...]], Judge]:
    """Return river's half-space trees over the first series, scaled and squashed: what was shipped before, with 8."""

    def made(names: tuple[str, ...]) -> Judge:
        scaler, forest = StandardScaler(), HalfSpaceTrees(n_trees, height=6, window_size=window, seed=1)

        def judge(errors: Errors) -> float:
            known = {name: min(max(errors[name], -20.0), 20.0) for name in names[:most]}
            scaler.learn_one(known)  # type: ignore[no-untyped-call]
            scaled = scaler.transform_one(known)  # type: ignore[no-untyped-call]
            places = {name: 0.5 + 0.5 * error / (3.0 + abs(error)) for name, error in scaled.items()}
            score = float(forest.score_one(places))  # type: ignore[no-untyped-call]
            forest.learn_one(places)  # type: ignore[no-untyped-call]
            return -math.log(max(1.0 - score, 1e-6))

        return judge

    return made


JUDGES: dict[str, Callable[[tuple[str, ...]], Judge]] = {
    "covariance (shipped)": covariance,
    "errors, each alone": each_alone,
    "the largest error": largest,
    "river trees, 10, first 8 series": trees(8),
    "river trees, 10, all series": trees(99),
    "river trees, 25, window 1000": trees(99, 25, 1000),
}


def errors_of(trace: Trace) -> Floats:
    """Return the errors of every row and metric, in units of each metric's own usual error, by the shipped bank."""
    bank, found = AnomalyBank(ALONE), np.zeros_like(trace.values)
    names = tuple(b"trace/metric_%d" % k for k in range(trace.values.shape[1]))
    for row in range(len(trace)):
        columns = columns_of(trace, row, row + 1, names)
        n = len(columns)
        keep, late, positions = np.ones(n, np.bool_), np.zeros(n, np.bool_), np.zeros(PAGES, np.int64)
        bank.fold(Run(columns, 0, n, keep, late, positions, columns.time_ms))
        found[row] = [error_of(bank.rows[bank.names.row(name)]) for name in names]
    return found


def judged_by(make: Callable[[tuple[str, ...]], Judge], trace: Trace, errors: Floats) -> Judged:
    """Judge a trace's errors, vector by vector."""
    names = tuple(str(k) for k in range(errors.shape[1]))
    judge = make(names)
    scores = np.array([judge(dict(zip(names, vector, strict=True))) for vector in errors.tolist()])
    scores = np.maximum(scores, 1e-9)
    blank = replace(Judged.nothing(trace), views=np.abs(errors)[:, :, None].astype(np.float32))
    return replace(blank, joint=scores, joint_begins=joint_begins_at(1.0, scores, trace.at_s, errors.shape[1]))


def quality(folder: Path) -> list[str]:
    """Return a line for every judge."""
    traces = asd.read(folder)
    errors = [errors_of(trace) for trace in traces]
    rows: list[list[str]] = []
    for name, make in JUDGES.items():
        judged = [judged_by(make, trace, of_trace) for trace, of_trace in zip(traces, errors, strict=True)]
        figures = asd.evaluate(folder, traces, judged)
        rows.append([name, *(f"{figures[figure]:.3f}" for figure in FIGURES)])
    return table(["judge", *FIGURES], rows)


def cost(services: int) -> list[str]:
    """Return what the shipped judge costs: a vector, and a page saved and loaded, by service of ten series."""
    names = tuple(b"service_%d/metric_%d" % divmod(k, SERIES_EACH) for k in range(services * SERIES_EACH))
    chance, bank, watch = np.random.default_rng(1), AnomalyBank(Settings()), time.perf_counter
    n, seconds = len(names), []
    keep, late, positions = np.ones(n, np.bool_), np.zeros(n, np.bool_), np.zeros(PAGES, np.int64)
    for bucket in range(80):
        trace = Trace("", np.array([10.0 * bucket]), chance.normal(20, 2, (1, n)), 0)
        columns = columns_of(trace, 0, 1, names)
        bank.fold(Run(columns, 0, n, keep, late, positions, columns.time_ms))
        began_s = watch()
        bank.joint.pass_time(10_000 * (bucket + 1), READY)
        seconds.append(watch() - began_s)
    began_s = watch()
    saved = [bank.joint.take(page) for page in range(PAGES)]
    taken_s, pages, empty = watch() - began_s, [bank.take(page) for page in range(PAGES)], AnomalyBank(Settings())
    began_s = watch()
    for page, raw in enumerate(pages):
        empty.put(page, raw)
    loaded_s = watch() - began_s
    rows = [
        ["a vector, us", f"{1e6 * float(np.median(seconds[-10:])) / services:.2f}"],
        ["in memory, bytes", f"{JOINT.itemsize + 4 * PAIRS + 8 * (MEMBERS + 4)}"],
        ["in its page, bytes", f"{sum(map(len, saved)) / services:.0f}"],
        ["saving, us", f"{1e6 * taken_s / services:.1f}"],
        ["loading, with its series, us", f"{1e6 * loaded_s / services:.1f}"],
    ]
    return table([f"a service of {SERIES_EACH} series, {services} of them", ""], rows)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.joint", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--services", type=int, default=2000)
    options = parser.parse_args()
    print("\n".join([*quality(options.data / "asd"), "", *cost(options.services)]))


if __name__ == "__main__":
    main()
