"""What is said of a pattern names the figures in the unit that people use."""

from __future__ import annotations

import pytest

from detectors.patterns_words import amount_of, change_of, name_of, span_of


@pytest.mark.parametrize(
    ("value", "metric", "words"),
    [
        (0.041, "error_ratio", "4.1 %"), (0.9, "disk_percent", "90 %"), (0.0, "disk_free_bytes", "0 B"),
        (123456.0, "rows", "1.2e+05"), (0.25, "latency_ms", "0.25 s"), (42.0, "queue", "42"),
    ],
)  # fmt: skip
def test_an_amount_has_its_unit(value: float, metric: str, words: str) -> None:
    assert amount_of(value, metric) == words


def test_a_unit_that_stays_is_said_once() -> None:
    assert change_of(2.1e8, 3.4e8, "memory_bytes") == "(210 → 340 MB)"
    assert change_of(9e8, 1.2e9, "memory_bytes") == "(900 MB → 1.2 GB)"


def test_spans_are_in_the_largest_unit_that_leaves_two() -> None:
    assert [span_of(s) for s in (4.2, 95.0, 150.0, 7_000.0, 14_400.0, 200_000.0)] == [
        "4.2 s", "95 s", "2.5 min", "117 min", "4 h", "2.3 d",
    ]  # fmt: skip


def test_a_series_keeps_its_labels() -> None:
    assert name_of("shop/disk_ratio{mount=/}") == "disk {mount=/}"
