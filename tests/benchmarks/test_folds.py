"""A fleet's log is folded to the same, however it is cut. No time is looked at."""

from __future__ import annotations

from benchmarks.folds import folds
from benchmarks.harness import Setup


def test_every_step_is_timed_and_what_comes_of_it_is_right() -> None:
    (result,) = folds(Setup("", 1, 20_000, 100))
    assert result["correct"]
    fields = {field for field in result if field.endswith("_ns")}
    assert fields == {
        f"{step}_ns" for step in ("scan", "hash", "fold_anomaly", "fold_scaling", "fold_percentiles", "all")
    }
