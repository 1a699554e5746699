"""The command: which sets there are, what is printed, and what is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from streams.evaluate import aiops_kpi, asd, flows, load, mscloud, nab, requests
from streams.evaluate.firewalls import firewall_of
from streams.evaluate.judging import BankJudge, Judge, Judged
from streams.evaluate.traces import DataError, Trace
from streams.tables import table
from topics.settings import Settings

OURS = "luminar"


class Set(NamedTuple):
    """A data set: how it is read, and how it is scored."""

    read: Callable[[Path], list[Trace]]
    evaluate: Callable[[Path, Sequence[Trace], Sequence[Judged]], dict[str, float]]


SETS = {
    "nab": Set(nab.read, nab.evaluate),
    "aiops_kpi": Set(aiops_kpi.read, aiops_kpi.evaluate),
    "mscloud": Set(mscloud.read, mscloud.evaluate),
    "asd": Set(asd.read, asd.evaluate),
}
LOAD, REQUESTS = "load", "requests"
NAMES = (*SETS, LOAD, REQUESTS, "all")


def measure(name: str, folder: Path, judge: Judge) -> dict[str, float]:
    """Return the figures of one set, `set.measure`."""
    its = SETS[name]
    traces = its.read(folder)
    first = traces[0]
    judge(Trace(first.name, first.at_s[:2], first.values[:2], 0))  # Compiling is not what is measured.
    judged = [judge(trace) for trace in traces]
    readings = sum(trace.values.size for trace in traces)
    figures = its.evaluate(folder, traces, judged)
    figures["us_per_reading"] = 1e6 * sum(one.seconds for one in judged) / readings
    return {f"{name}.{measure}": float(figure) for measure, figure in figures.items()}


def of_load(folder: Path) -> dict[str, float]:
    """Return the figures of the load traces, `load.TRACE.measure`."""
    return {f"{LOAD}.{measure}": figure for measure, figure in load.evaluate(folder).items()}


def of_requests(data: Path, detector: str) -> dict[str, float]:
    """Return the figures of recorded requests, `source.measure`."""
    judge = firewall_of(detector)
    try:
        return requests.measure(recorded(data), judge, flows.WATCHES.get(detector))
    except DataError as error:
        raise click.BadParameter(str(error), param_hint="--data") from error


def of_held_out(data: Path) -> dict[str, float]:
    """Return what the model finds of sources that it has not learned, and its learning curve."""
    from streams.evaluate import examples, held_out, learned

    try:
        rows = examples.collected(recorded(data))
    except DataError as error:
        raise click.BadParameter(str(error), param_hint="--data") from error
    return held_out.measure(rows) | learned.measure(rows)


def recorded(data: Path) -> Path:
    """Return the folder of recorded requests."""
    folder = data / REQUESTS if (data / REQUESTS).is_dir() else data
    if not folder.is_dir():
        raise click.BadParameter(f"expected recorded requests in {folder}, found no folder there", param_hint="--data")
    return folder


def train(data: Path, out: Path | None) -> None:
    """Make the weights of the model of payloads, and say what they are."""
    from detectors.security import model
    from streams.evaluate import examples

    try:
        made = examples.train(recorded(data), out or model.FILE)
    except DataError as error:
        raise click.BadParameter(str(error), param_hint="--data") from error
    used = int((made.weights != 0).sum())
    click.echo(f"{used} of {len(made.weights)} weights, recipe {made.recipe.recipe}, written to {out or model.FILE}")


def judge_of(detector: str) -> Judge:
    """Return what judges: the shipped bank under the shipped settings, or one of the usual detectors."""
    if detector == OURS:
        return BankJudge(Settings())
    from streams.evaluate.rivers import DETECTORS, RiverJudge

    if detector not in DETECTORS:
        raise click.BadParameter(f"no detector {detector!r}; there are {', '.join((OURS, *DETECTORS))}")
    return RiverJudge(detector)


def run(name: str, data: Path, out: Path | None, detector: str, held_out: bool = False) -> None:
    """Measure a set, or all that are there; print a table, and write the figures as one flat JSON object."""
    if name not in NAMES:
        raise click.BadParameter(f"no set {name!r}; there are {', '.join(NAMES)}")
    if name == REQUESTS:
        show(REQUESTS, detector, of_held_out(data) if held_out else of_requests(data, detector), out)
        return
    judge, figures = judge_of(detector), dict[str, float]()
    if name == LOAD and detector != OURS:
        raise click.BadParameter(f"{LOAD} measures our own forecasts, no detector; leave --detector out")
    every = (*SETS, LOAD) if detector == OURS else (*SETS,)
    for one in every if name == "all" else [name]:
        folder = data if name != "all" and (data / "data").is_dir() else data / one
        if not folder.is_dir():
            raise click.BadParameter(f"expected the data set in {folder}, found no folder there", param_hint="--data")
        try:
            found = of_load(folder) if one == LOAD else measure(one, folder, judge)
        except DataError as error:
            raise click.BadParameter(str(error), param_hint="--data") from error
        figures |= found
        show(one, detector, {key.split(".", 1)[1]: value for key, value in found.items()})
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n")


def show(name: str, detector: str, figures: dict[str, float], out: Path | None = None) -> None:
    """Print figures as a table; write them to a file, if one is named."""
    for line in table((name, detector), [(key, f"{value:.4g}") for key, value in figures.items()]):
        click.echo(line)
    click.echo()
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n")
