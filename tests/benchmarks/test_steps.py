"""Every step is timed over records that are decoded as the judge decodes them. No time is looked at."""

from __future__ import annotations

import pytest

from benchmarks import steps
from benchmarks.harness import Setup
from benchmarks.steps import WORKLOADS


def test_every_workload_is_decoded_as_the_judge_decodes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LEAST_ROUNDS", 1)
    monkeypatch.setattr(steps, "ROUND_S", 0.0)
    results = list(steps.steps(Setup("", 1, 2000, None)))
    assert [result["workload"] for result in results] == [workload.name for workload in WORKLOADS]
    assert all(result["correct"] for result in results)
    names = {"headers", "checksums", "unpack", "index", "split", "scan", "hash", "find_rows"}
    for result, workload in zip(results, WORKLOADS, strict=True):
        folds = {f"fold_{name}" for name in workload.capabilities}
        assert {field[:-3] for field in result if field.endswith("_ns")} == names | folds
