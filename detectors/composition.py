"""Composition: of which clients, routes and agents the requests of a service are made, window by window."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bank import Finding
from detectors.columns import Columns, Ints, Run
from detectors.compiled import kernel
from detectors.crowds import (
    AGENTS,
    CLIENTS,
    CROWD_FIELDS,
    NAME_BYTES,
    OPEN,
    ROUTES,
    add,
    note_distinct,
    weight_of,
)
from detectors.crowds import route_hash as hash_route
from detectors.names import hash_at
from detectors.security.clients import with_names
from detectors.security.logins import FAILED, NONE, is_post, outcome_at, words_of
from detectors.wide import address
from detectors.windows import WindowsBank
from topics import Derived
from topics.compositions import WINDOW_S, Composition, Mix
from topics.settings import Settings

PASSED, NO_SLOT = -1, -2
UNSEEDED = np.uint64(0)
"""What is saved must be the same in every process."""
Row = np.dtype(CROWD_FIELDS)
PER_WINDOW = tuple(name for name in Row.names or () if name != "missed")


@kernel
def slot_of(row, window):  # type: ignore[no-untyped-def]
    """Return the slot of a window, else a free one; NO_SLOT where an older one must be closed first, else PASSED."""
    free, oldest = NO_SLOT, row.window[0]
    for slot in range(OPEN):
        if row.requests[slot] == 0:
            free = slot
            continue
        if row.window[slot] == window:
            return slot
        oldest = min(oldest, row.window[slot])
    return PASSED if free == NO_SLOT and window < oldest else free


@kernel
def count_route(row, slot, at, length, agent_at, agent_length):  # type: ignore[no-untyped-def]
    """Count a request that stands for others, or for itself, by its route and its agent; both are at addresses."""
    weight = weight_of(row.requests[slot])
    if weight > 0:
        add(row, slot, ROUTES, hash_route(at, length), weight, at, length)
        add(row, slot, AGENTS, hash_at(agent_at, agent_length, UNSEEDED), weight, agent_at, agent_length)


@kernel
def count_login(row, slot, client_key, outcome):  # type: ignore[no-untyped-def]
    """Count a login, if it is one, and whose it was where it failed."""
    if outcome == NONE:
        return
    row.logins[slot] += 1
    if outcome == FAILED:
        row.failures[slot] += 1
        note_distinct(row.failing[slot], client_key)


@kernel
def count_rows(rows, ids, at_s, late, status, client, path, agent, method, words, ends, start, end, earliest):  # type: ignore[no-untyped-def]
    """Count records start..end; stop at the first one whose window has no place, and return where.

    Texts are columns, each as (buf, at, length).

    earliest    int64 [1]: lowered to the earliest window counted
    """
    clients, paths, agents, methods = address(client[0]), address(path[0]), address(agent[0]), address(method[0])
    for i in range(start, end):
        if ids[i] < 0 or late[i]:
            continue
        row = rows[ids[i]]
        window = np.int64(math.floor(at_s[i] / WINDOW_S))
        slot = slot_of(row, window)
        if slot == NO_SLOT:
            return i
        if slot == PASSED:
            row.missed += 1
            continue
        row.window[slot] = window
        row.requests[slot] += 1
        earliest[0] = min(earliest[0], window)
        at, length = clients + client[1][i], np.int64(max(client[2][i], 0))
        key = hash_at(at, length, UNSEEDED)
        add(row, slot, CLIENTS, key, 1, at, length)
        note_distinct(row.sources[slot], key)
        at, length = paths + path[1][i], np.int64(max(path[2][i], 0))
        note_distinct(row.asks[slot], hash_at(at, length, UNSEEDED))
        count_route(row, slot, at, length, agents + agent[1][i], np.int64(max(agent[2][i], 0)))
        if is_post(methods + method[1][i], method[2][i]):
            count_login(row, slot, key, outcome_at(status[i], at, length, words, ends, False))
    return end


class CompositionBank(WindowsBank):
    """Says of what clients, routes and agents the requests of each window were made, and how many logins failed.

    A late request, and one whose window has made room for newer ones, is not counted here: what a crowd is made of
    can be told from most of it.
    """

    capability = "composition"
    version = 3
    dtype = Row
    window = "window"
    window_ms = 1000 * WINDOW_S

    def configure(self, settings: Settings) -> None:
        """Put settings into force: by which words a path names a login."""
        super().configure(settings)
        self._words = words_of(settings.security)

    def fold(self, run: Run) -> list[Finding]:
        """Count the kept records of a run under their clients' one names."""
        return super().fold(replace(run, columns=with_names(run.columns, run.start, run.end)))

    def tally(self, columns: Columns, ids: Ints, run: Run, start: int, end: int, earliest: Ints) -> int:
        """Count records start..end; stop at the first one whose window has no place, and return where."""
        text = [columns.text[name] for name in ("client", "path", "agent", "method")]
        places = [(one.buf, one.at, one.length) for one in text]
        at_s, status = columns.number["at_s"], columns.number["status"]
        return int(count_rows(self.rows, ids, at_s, run.late, status, *places, *self._words, start, end, earliest))

    @property
    def missed(self) -> int:
        """Return how many requests came when their window was over, in the rows at hand."""
        return int(self.rows[self.living()]["missed"].sum())

    def close(self, row: int, slot: int) -> list[Derived]:
        """Return what is to be said of a window, and free its slot."""
        cell = self.rows[row]
        said = Composition(
            service=self.name_of[row].decode("utf-8", "replace"), at_s=float(int(cell["window"][slot]) * WINDOW_S),
            requests=int(cell["requests"][slot]), clients=_mix(cell, slot, CLIENTS), routes=_mix(cell, slot, ROUTES),
            agents=_mix(cell, slot, AGENTS), sources=_sparse(cell["sources"][slot]), asks=_sparse(cell["asks"][slot]),
            logins=int(cell["logins"][slot]), failures=int(cell["failures"][slot]),
            failing=_sparse(cell["failing"][slot]),
        )  # fmt: skip
        for field in PER_WINDOW:
            cell[field][slot] = 0
        return [said]


def _mix(cell: Any, slot: int, respect: int) -> Mix:
    """Return what is said of a window in one respect; a name that was cut ends in "…"."""
    heavy: dict[str, int] = {}
    for k in np.flatnonzero(cell["hits"][slot, respect]).tolist():
        length = int(cell["lengths"][slot, respect, k])
        name = cell["names"][slot, respect, k][: min(length, NAME_BYTES)].tobytes().decode("utf-8", "replace")
        name += "…" if length > NAME_BYTES else ""
        heavy[name] = heavy.get(name, 0) + int(cell["hits"][slot, respect, k])
    return Mix(counts=_sparse(cell["counts"][slot, respect]), heavy={name: heavy[name] for name in sorted(heavy)})


def _sparse(numbers: NDArray[Any]) -> dict[int, int]:
    places = np.flatnonzero(numbers)
    return dict(zip(places.tolist(), numbers[places].tolist(), strict=True))
