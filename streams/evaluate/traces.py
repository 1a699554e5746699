"""Traces: readings of a data set in time order. Labels are elsewhere: only a scorer opens them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Flags, Floats

Span = tuple[int, int]
"""First and last row of a labelled stretch, both included."""

NEAR_S = 3600.0
"""A row is quiet when it is further than this from every labelled one."""


class DataError(ValueError):
    """What is wrong with a data set's folder, in words for a person."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The readings of one service.

    name           how the set calls it
    at_s           float64 [n]: when, never falling in a good file; values: float64 [n, metrics]
    scored_from    rows before this one are read, too, but no figure counts them
    """

    name: str
    at_s: Floats
    values: Floats
    scored_from: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.at_s)


def named(folder: Path, pattern: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of a set below `data`, with their names, in the order of these."""
    root = folder / "data"
    found = sorted(root.glob(pattern))
    if not found:
        raise DataError(f"expected files {pattern} in {root}, found none")
    for path in found:
        yield path.relative_to(root).as_posix(), path


def read_csv(path: Path) -> dict[str, list[str]]:
    """Return the columns of a file with a header, by name."""
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    head = [name.strip() for name in rows[0]]
    return {name: [row[place] for row in rows[1:]] for place, name in enumerate(head)}


def seconds(stamps: list[str]) -> Floats:
    """Return times in seconds since 1970; one that names no zone is taken as UTC.

    >>> seconds(["1970-01-01 00:01:00", "1970-01-01T00:02:00Z"]).tolist()
    [60.0, 120.0]
    """
    times = [datetime.fromisoformat(stamp.strip()) for stamp in stamps]
    return np.array([(time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() for time in times])


def spans_of(flags: NDArray[np.bool_] | NDArray[np.int8]) -> list[Span]:
    """Return the runs of labelled rows.

    >>> spans_of(np.array([0, 1, 1, 0, 1], np.int8))
    [(1, 2), (4, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def quiet(trace: Trace, spans: list[Span]) -> Flags:
    """Return which scored rows are further than `NEAR_S` from every labelled stretch."""
    calm = np.arange(len(trace)) >= trace.scored_from
    for first, last in spans:
        near = (trace.at_s >= trace.at_s[first] - NEAR_S) & (trace.at_s <= trace.at_s[last] + NEAR_S)
        calm &= ~near
    return calm
