"""The reference by which every system's windows are judged."""

import json
from typing import Any

import numpy as np
import pytest

from benchmarks.banks import SIZE_MS
from benchmarks.judge import FIGURES, Verdict, judge, reference
from benchmarks.workloads import START_MS, Samples

SAMPLES = Samples.seeded(100_000, series=20)


def all_closed() -> list[dict[str, Any]]:
    """Say every closed window rightly, computed the slow way."""
    values: dict[tuple[int, int], list[float]] = {}
    for name, ts, value in zip(SAMPLES.ids.tolist(), SAMPLES.ts.tolist(), SAMPLES.value.tolist(), strict=True):
        values.setdefault((name, ts - ts % SIZE_MS), []).append(value)
    return [
        {
            "id": f"s{name}", "window": start, "count": len(inside), "sum": sum(inside), "min": min(inside),
            "max": max(inside), "mean": float(np.mean(inside)), "var": float(np.var(inside)), "origin": None,
        }
        for (name, start), inside in values.items()
        if start < START_MS + SIZE_MS
    ]  # fmt: skip


def verdict_of(said: list[dict[str, Any]]) -> Verdict:
    return judge(SAMPLES, [json.dumps(window).encode() for window in said])


def test_what_is_complete_is_right() -> None:
    assert verdict_of(all_closed()) == Verdict(outputs=20, missing=0, wrong=0, doubled=0)
    assert verdict_of(all_closed()).right


def test_every_closed_window_is_missed() -> None:
    assert verdict_of(all_closed()[1:]).missing == 1
    assert verdict_of([]) == Verdict(outputs=0, missing=20, wrong=0, doubled=0)


@pytest.mark.parametrize("field", FIGURES)
def test_a_figure_that_is_off_is_wrong(field: str) -> None:
    said = all_closed()
    said[3][field] += 1
    assert verdict_of(said).wrong == 1
    assert not verdict_of(said).right


def test_a_window_that_the_log_does_not_have_is_wrong() -> None:
    assert verdict_of([*all_closed(), all_closed()[0] | {"id": "s999"}]).wrong == 1


def test_a_repeated_output_is_doubled() -> None:
    assert verdict_of([*all_closed(), all_closed()[0]]).doubled == 1


def test_a_window_is_closed_when_its_own_partition_has_passed_it() -> None:
    _, figures, closed = reference(SAMPLES)
    assert figures[:, 0].sum() == len(SAMPLES.ids)
    assert closed.sum() == 20
