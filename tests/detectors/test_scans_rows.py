"""The row of a client: what is remembered of its contacts, and how evidence adds up and fades."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.scans_rows import (
    ANSWERED,
    ANSWERED_WEIGHT,
    KEPT,
    UNKNOWN,
    UNKNOWN_WEIGHT,
    VAIN,
    VAIN_WEIGHT,
    Row,
    bounds,
    faded,
    learn,
    mark_of,
    remember,
)

LEAST, SCAN = bounds(1e-4)
WEIGHTS = {UNKNOWN: UNKNOWN_WEIGHT, ANSWERED: ANSWERED_WEIGHT, VAIN: VAIN_WEIGHT}


def fresh() -> Any:
    return np.zeros(1, Row)[0]


def try_(row: Any, port: int, outcome: int, at_s: float = 0.0, half_life_s: float = 1e12) -> bool:
    return bool(learn(row, np.uint64(7), port, 0, outcome, at_s, half_life_s, LEAST, 2 * SCAN))


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from([UNKNOWN, ANSWERED, VAIN])), max_size=120))
@settings(max_examples=60)
def test_the_first_outcome_that_is_known_of_a_contact_counts_and_no_other(tried: list[tuple[int, int]]) -> None:
    row, known, ratio = fresh(), dict[int, int](), 0.0
    for port, outcome in tried:
        before = known.get(port)
        counts = before is None or (before == UNKNOWN and outcome != UNKNOWN)
        if counts:
            known[port] = outcome
            ratio += WEIGHTS[outcome] - (UNKNOWN_WEIGHT if before == UNKNOWN else 0.0)
            ratio = min(max(ratio, LEAST), 2 * SCAN)
        assert try_(row, port, outcome) == (counts and outcome != ANSWERED)
        assert row["ratio"] == pytest.approx(ratio)
    assert row["count"] == len(known)


@given(st.lists(st.integers(0, 200), max_size=400))
@settings(max_examples=40)
def test_the_latest_contacts_are_remembered(ports: list[int]) -> None:
    row, latest = fresh(), dict[int, None]()
    for port in ports:
        was = remember(row, mark_of(np.uint64(7), port, 0), VAIN)
        assert (was >= 0) == (port in latest)
        latest.pop(port, None)
        latest[port] = None
        while len(latest) > KEPT:
            latest.pop(next(iter(latest)))


def test_ports_protocols_and_targets_are_told_apart() -> None:
    marks = {int(mark_of(np.uint64(t), p, k)) for t in (1, 2, 3) for p in range(1000) for k in range(4)}
    assert len(marks) > 11_990
    assert all(mark & 3 == 0 for mark in marks)


def test_evidence_halves_in_a_half_life_and_time_does_not_run_back() -> None:
    row = fresh()
    try_(row, 1, VAIN, at_s=1000.0)
    assert faded(row, 1000.0 + 60.0, 60.0) == pytest.approx(VAIN_WEIGHT / 2)
    assert faded(row, 10.0, 60.0) == row["ratio"]
    try_(row, 2, VAIN, at_s=10.0, half_life_s=60.0)
    assert (row["ratio"], row["at_s"]) == (pytest.approx(2 * VAIN_WEIGHT), 1000.0)


def test_the_walk_stays_within_its_bounds() -> None:
    row = fresh()
    for port in range(60):
        try_(row, port, ANSWERED)
    assert row["ratio"] == LEAST
    for port in range(100, 160):
        try_(row, port, VAIN)
    assert row["ratio"] == 2 * SCAN


def test_the_bounds_are_walds() -> None:
    assert bounds(1e-4) == pytest.approx((math.log(0.01 / 0.9999), math.log(0.99 / 1e-4)))
