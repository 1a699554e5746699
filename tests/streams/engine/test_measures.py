"""What the meters say of the shards that a worker holds."""

from __future__ import annotations

from faust.types import TP

from detectors.bank import Budget
from streams.engine.held import Held
from streams.engine.measures import SERVICES_SHOWN, measure
from streams.meters import REGISTRY, forget_shards, over_promise
from tests.fakes import fold_into, shard_of
from tests.streams.engine.counting import COUNTING, Counting
from topics.metrics import METRICS, Reading

HERE = TP("metrics", 3)
SHARD = {"capability": "counting", "partition": "3"}
T0_MS = 1_700_000_000_000


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


class Told(Counting):
    """Counts, and has something to tell of a service."""

    def figures(self) -> dict[tuple[str, str], float]:
        """Tell it."""
        return {("shop", "idle"): 0.25}

    def counts(self) -> dict[str, int]:
        """Tell of what it counts."""
        return {"odd": 3}

    def budget(self) -> dict[str, Budget]:
        """Tell of one service within its promise, and of many above it."""
        return {"calm": Budget(1.0, 2.0)} | {f"loud{k:03}": Budget(2.0 + k, 1.0) for k in range(100)}


def test_what_a_bank_tells_of_its_services_is_shown_until_the_partition_goes() -> None:
    measure({("counting", HERE): Held(COUNTING, shard_of(Told, METRICS))}, [HERE], lambda tp: None)
    assert value("luminar_scaling_ratio", service="shop", figure="idle") == 0.25
    assert value("luminar_counted", **SHARD, what="odd") == 3
    forget_shards()
    assert value("luminar_scaling_ratio", service="shop", figure="idle") is None


def test_gauges_say_how_a_shard_is_and_how_far_its_pages_are_behind() -> None:
    shard = shard_of(Counting, METRICS)
    held = {("counting", HERE): Held(COUNTING, shard)}
    log = [(T0_MS + 1000 * i, Reading(series=f"s{i}/load", value=1.0, at_s=T0_MS / 1000)) for i in range(5)]
    fold_into(shard, METRICS, log)
    measure(held, [HERE], lambda tp: 12)
    assert value("luminar_rows", **SHARD) == 5
    assert value("luminar_position", **SHARD) == 5
    assert value("luminar_page_age_seconds", **SHARD) == 4
    assert value("luminar_lag_records", topic="metrics", partition="3") == 7
    shard.snapshot(float("inf"))
    measure(held, [HERE], lambda tp: None)
    assert value("luminar_page_age_seconds", **SHARD) == 0
    assert value("luminar_lag_records", topic="metrics", partition="3") == 7, "nobody knows the end: it stays"
    forget_shards()
    assert value("luminar_page_age_seconds", **SHARD) is None


def test_alarms_are_shown_against_the_promise_and_only_the_loudest_services_by_name() -> None:
    measure({("counting", HERE): Held(COUNTING, shard_of(Told, METRICS))}, [HERE], lambda tp: None)
    assert value("luminar_alarms", partition="3", figure="raised") == 1 + sum(range(2, 102))
    assert value("luminar_alarms", partition="3", figure="promised") == 102
    shown = {sample.labels["service"] for family in over_promise.collect() for sample in family.samples}
    assert shown == {f"loud{k:03}" for k in range(100 - SERVICES_SHOWN, 100)}
    assert value("luminar_alarms_over_promise", service="loud099") == 101
    measure({}, [HERE], lambda tp: None)
    assert value("luminar_alarms_over_promise", service="loud099") is None, "what is no longer above is not shown"


def test_one_partition_is_measured_and_the_others_stand_as_they_were() -> None:
    """What is told of all shards together, the loudest services, is still told of all."""
    there = TP("metrics", 4)
    held = {("counting", tp): Held(COUNTING, shard_of(Told, METRICS)) for tp in (HERE, there)}
    measure(held, [HERE, there], lambda tp: 7, 3)
    assert value("luminar_lag_records", topic="metrics", partition="3") == 7
    assert value("luminar_lag_records", topic="metrics", partition="4") is None
    del held["counting", there]
    measure(held, [HERE], lambda tp: 9, 4)
    assert value("luminar_lag_records", topic="metrics", partition="3") == 7
    assert value("luminar_alarms_over_promise", service="loud099") == 101
    forget_shards()
