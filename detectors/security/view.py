"""View: requests as the rows see them: under the client's one name, and once more where a part is counted by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Columns, Flags, Ints, Run, Text
from detectors.compiled import kernel
from detectors.security.clients import with_names
from detectors.security.limits import QUESTION, SEPARATOR, SLASH, Limits
from detectors.texts import replaced

DEFAULT_SERVICE = b"default"


SHOWN = ("client", "path", "method", "user", "agent", "service")
"""The texts that are folded."""


@dataclass(slots=True)
class View:
    """What is folded instead of a run.

    run            the requests to fold; a request to a service or a route with a limit of its own stands in it twice
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


@kernel
def mark_below(buf, at, length, start, end, route, marks):  # type: ignore[no-untyped-def]
    """Mark the records start..end whose path is `route`, or lies below it."""
    size = len(route)
    for i in range(start, end):
        if length[i] < size:
            continue
        same = True
        for k in range(size):
            if buf[at[i] + k] != route[k]:
                same = False
                break
        if same and length[i] > size and route[size - 1] != SLASH:
            byte = buf[at[i] + size]
            same = byte in (QUESTION, SLASH)
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
    own, names = _with_own_limit(run, limits)
    if not len(own):
        all_of_them = np.ones(len(columns), np.bool_)
        return View(run, np.arange(len(columns)), all_of_them, all_of_them, doubts)
    return _twice(run, own, names, doubts)


def _with_own_limit(run: Run, limits: Limits) -> tuple[Ints, list[bytes]]:
    """Return which requests of a run are counted by themselves, and under which names."""
    columns, marks = run.columns, np.zeros(len(run.columns), np.bool_)
    text, path, client = columns.text["service"], columns.text["path"], columns.text["client"]
    for service in limits.services:
        name = np.frombuffer(service.encode("utf-8", "replace"), np.uint8)
        mark_equal(text.buf, text.at, text.length, run.start, run.end, name, marks)
        if service.encode() == DEFAULT_SERVICE:
            marks[run.start : run.end] |= text.length[run.start : run.end] <= 0
    for route in limits.routes:
        name = np.frombuffer(route.encode("utf-8", "replace"), np.uint8)
        mark_below(path.buf, path.at, path.length, run.start, run.end, name, marks)
    marks &= run.keep
    which, names = [], []
    for i in np.flatnonzero(marks).tolist():
        limit = limits.own(client[i], service_at(columns, i), path[i])
        if limit is not None:
            which.append(i)
            names.append(client[i] + SEPARATOR + limits.scope_of(limit))
    return np.array(which, np.int64), names


def _twice(run: Run, own: Ints, names: list[bytes], doubts: NDArray[np.uint8]) -> View:
    """Return a view in which the requests `own` are followed by themselves under other names."""
    columns = run.columns
    times = np.ones(len(columns), np.int64)
    times[own] = 2
    source = np.repeat(np.arange(run.start, run.end), times[run.start : run.end])
    second = np.zeros(len(source), np.bool_)
    second[1:] = source[1:] == source[:-1]
    rated = (times[source] == 1) | second
    text = {name: _taken(columns.text[name], source) for name in SHOWN}
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
