"""What a series is to its service follows from its name, and its values are read in the unit that the name ends in."""

from __future__ import annotations

import math

import pytest

from detectors.patterns_roles import CPU, ERRORS, LOAD, MEMORY, NONE, Roles
from topics.settings import PatternSettings, Service, Settings, Threshold


@pytest.mark.parametrize(
    ("series", "role"),
    [
        (b"shop/requests", LOAD), (b"shop/errors", ERRORS), (b"shop/cpu_percent", CPU), (b"shop/heap_bytes", MEMORY),
        (b"shop/queue_s", NONE), (b"shop/requests{route=/pay}", NONE),
    ],
)  # fmt: skip
def test_a_role_is_told_by_the_name_of_a_metric_without_labels(series: bytes, role: int) -> None:
    assert Roles(Settings()).of(series).role == role


@pytest.mark.parametrize(
    ("series", "scale", "above"),
    [
        (b"shop/cpu_ratio", 1.0, 0.8), (b"shop/cpu_percent", 0.01, 0.8), (b"machine/cpu_utilisation", 1.0, 0.8),
        (b"shop/memory_percent{host=a}", 0.01, 0.85), (b"shop/latency_ms_p95", 1e-3, 1.0), (b"shop/errors", 1.0, 0.05),
    ],
)  # fmt: skip
def test_a_threshold_is_a_share_or_seconds_whatever_the_unit_of_the_series(
    series: bytes, scale: float, above: float
) -> None:
    trait = Roles(Settings()).of(series)
    assert (trait.scale, trait.above) == (scale, above)


def test_a_value_without_a_unit_has_no_threshold() -> None:
    """Whether `cpu` is a share or a percentage is not known."""
    assert math.isnan(Roles(Settings()).of(b"shop/cpu").above)


def test_a_target_of_a_service_comes_before_the_rules_and_is_no_one_elses() -> None:
    roles = Roles(Settings(services={"shop": Service(latency_s=0.3)}))
    assert (roles.of(b"shop/latency_s_p95").above, roles.of(b"shop/latency_s_p95").target) == (0.3, True)
    assert (roles.of(b"blog/latency_s_p95").above, roles.of(b"blog/latency_s_p95").target) == (1.0, False)


def test_the_first_rule_that_is_meant_for_a_service_counts() -> None:
    own = Threshold(name="cpu", metrics=("cpu_ratio",), above=0.5, below=0.4, service="shop")
    roles = Roles(Settings(patterns=PatternSettings(rules=(own, *PatternSettings().rules))))
    assert (roles.of(b"shop/cpu_ratio").above, roles.of(b"blog/cpu_ratio").above) == (0.5, 0.8)


def test_what_is_free_runs_out_and_what_is_used_fills_up() -> None:
    roles = Roles(Settings(patterns=PatternSettings(full_at={"shop/memory_bytes": 4e9})))
    used, free, memory = (roles.of(b"shop/" + name) for name in (b"disk_percent", b"disk_free_bytes", b"memory_bytes"))
    assert (used.sign, used.full) == (1.0, 1.0)
    assert (free.sign, free.full) == (-1.0, 0.0)
    assert (memory.sign, memory.full) == (1.0, 4e9)
    assert math.isnan(roles.of(b"blog/memory_bytes").full)
