"""View: requests as the rows see them: under the client's one name, and once more where a service counts alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Columns, Flags, Ints, Run, Text
from detectors.compiled import kernel
from detectors.security.clients import with_names
from detectors.security.limits import SEPARATOR, Limits
from detectors.texts import replaced

DEFAULT_SERVICE = b"default"


@dataclass(slots=True)
class View:
    """What is folded instead of a run.

    run            the requests to fold; a request of a client to a service with a limit of its own stands in it twice
    source         int64: which request of the chunk each stands for
    whole, rated   whether scans and payloads, and whether the rate, are judged at it
    doubts         uint8: which fields need a look (`gate.Gate.doubts`)
    """

    run: Run
    source: Ints
    whole: Flags
    rated: Flags
    doubts: NDArray[np.uint8]


@kernel
def mark_equal(buf, at, length, start, end, name, marks):  # type: ignore[no-untyped-def]
    """Mark the records start..end whose text is `name`."""
    for i in range(start, end):
        if length[i] != len(name):
            continue
        same = True
        for k in range(len(name)):
            if buf[at[i] + k] != name[k]:
                same = False
                break
        if same:
            marks[i] = True


def service_at(columns: Columns, i: int) -> bytes:
    """Return the service of a request."""
    text = columns.text["service"]
    return text[i] if text.length[i] > 0 else DEFAULT_SERVICE


def view_of(run: Run, limits: Limits, doubts: NDArray[np.uint8]) -> View:
    """Return a run as the rows see it."""
    columns = with_names(run.columns, run.start, run.end)
    run = replace(run, columns=columns, foreign=[])
    own = _with_own_limit(run, limits)
    if not len(own):
        all_of_them = np.ones(len(columns), np.bool_)
        return View(run, np.arange(len(columns)), all_of_them, all_of_them, doubts)
    return _twice(run, own, doubts)


def _with_own_limit(run: Run, limits: Limits) -> Ints:
    """Return which requests of a run are to a service that has a limit of its own for their client."""
    text, marks = run.columns.text["service"], np.zeros(len(run.columns), np.bool_)
    for service in limits.services:
        name = np.frombuffer(service.encode("utf-8", "replace"), np.uint8)
        mark_equal(text.buf, text.at, text.length, run.start, run.end, name, marks)
        if service.encode() == DEFAULT_SERVICE:
            marks[run.start : run.end] |= text.length[run.start : run.end] <= 0
    marks &= run.keep
    client = run.columns.text["client"]
    named = [(i, client[i], service_at(run.columns, i)) for i in np.flatnonzero(marks).tolist()]
    return np.array([i for i, who, what in named if limits.own(who, what) is not None], np.int64)


def _twice(run: Run, own: Ints, doubts: NDArray[np.uint8]) -> View:
    """Return a view in which the requests `own` are followed by themselves under the name of client and service."""
    columns = run.columns
    times = np.ones(len(columns), np.int64)
    times[own] = 2
    source = np.repeat(np.arange(run.start, run.end), times[run.start : run.end])
    second = np.zeros(len(source), np.bool_)
    second[1:] = source[1:] == source[:-1]
    rated = (times[source] == 1) | second
    client = columns.text["client"]
    names = [client[i] + SEPARATOR + service_at(columns, i) for i in own.tolist()]
    text = {name: _taken(columns.text[name], source) for name in ("client", "path")}
    text["client"] = replaced(text["client"], np.flatnonzero(second), names)
    shown = replace(
        columns, offset=columns.offset[source], time_ms=columns.time_ms[source], good=columns.good[source], text=text,
        number={name: columns.number[name][source] for name in ("at_s", "status")},
    )  # fmt: skip
    folded = Run(
        shown, 0, len(source), run.keep[source], run.late[source], run.positions, run.clock_ms[source]
    )  # fmt: skip
    return View(folded, source, ~second, rated, np.where(second, np.uint8(0), doubts[source]))


def _taken(text: Text, source: Ints) -> Text:
    return Text(text.buf, text.at[source], text.length[source])
