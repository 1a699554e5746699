from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.percentiles import OPEN_SECONDS, PercentilesBank
from detectors.sketch import RELATIVE_ERROR, bucket_of
from tests.contract import check
from tests.fakes import fold, fold_into, shard_of
from topics import Origin
from topics.control import Tick
from topics.metrics import METRICS, Reading

START_S = 1_000_000


def sketch(
    values: list[float], at_s: float = START_S, series: str = "shop/latency_s", origin: Origin | None = None
) -> Reading:
    buckets: dict[int, int] = {}
    for value in values:
        buckets[int(bucket_of(value))] = buckets.get(int(bucket_of(value)), 0) + 1
    return Reading(series=series, value=len(values), at_s=at_s, kind="sketch", buckets=buckets, origin=origin)


def log_of(*entries: tuple[float, Any]) -> list[tuple[int, Any]]:
    """Give the append times as seconds after the start."""
    return [(int((START_S + at) * 1000), what) for at, what in entries]


def said_of(log: list[tuple[int, Any]]) -> dict[tuple[str, float], float]:
    return {
        (r.series, r.at_s - START_S): r.value for r in fold(PercentilesBank, METRICS, log) if isinstance(r, Reading)
    }


Values = st.lists(st.floats(1e-5, 1000.0), min_size=1, max_size=30)


@given(st.lists(Values, min_size=1, max_size=5))
def test_percentiles_are_those_of_all_partitions_together_within_the_sketchs_error(parts: list[list[float]]) -> None:
    log = log_of(*((1.1, sketch(part)) for part in parts), (3, Tick()))
    said = said_of(log)
    everything = [value for part in parts for value in part]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = float(np.quantile(everything, share, method="inverted_cdf"))
        assert abs(said[f"shop/latency_s_{name}", 0] - exact) <= RELATIVE_ERROR * exact * (1 + 1e-12)


def test_a_second_waits_for_other_partitions_until_three_seconds_after_it_began() -> None:
    log = log_of((1.1, sketch([1.0])), (2.9, sketch([1.0])), (2.99, Tick()))
    assert said_of(log) == {}
    assert {at for _, at in said_of([*log, *log_of((3, Tick()))])} == {0}


def test_a_sketch_that_comes_after_its_second_was_said_is_counted_and_changes_nothing() -> None:
    shard = shard_of(PercentilesBank, METRICS)
    log = log_of((1.1, sketch([1.0])), (3, Tick()), (3.5, sketch([9.0])), (9, Tick()))
    assert len(fold_into(shard, METRICS, log)) == 3
    assert isinstance(shard.bank, PercentilesBank)
    assert shard.bank.late == 1


def test_an_old_second_that_was_never_said_is_said_and_waits_for_other_partitions() -> None:
    log = log_of((100.9, sketch([1.0], START_S)), (101.1, sketch([9.0] * 2, START_S)), (102, Tick()))
    assert said_of(log)["shop/latency_s_p50", 0] > 8


def test_the_suffix_goes_before_the_labels() -> None:
    log = log_of((1.1, sketch([1.0], series="shop/latency_s{route=/pay}")), (3, Tick()))
    assert ("shop/latency_s_p95{route=/pay}", 0) in said_of(log)


def test_what_is_no_sketch_and_an_empty_or_senseless_one_says_nothing() -> None:
    gauge = Reading(series="shop/latency_s", value=1.0, at_s=START_S)
    empty = Reading(series="shop/latency_s", value=0.0, at_s=START_S, kind="sketch")
    senseless = Reading(
        series="shop/latency_s", value=1.0, at_s=START_S, kind="sketch", buckets={-7: 1, 9999: 1, 3: -1}
    )
    long = sketch([1.0], series="shop/" + "x" * 507)
    assert said_of(log_of((1, gauge), (1, empty), (1, senseless), (1, long), (9, Tick()))) == {}


def test_a_repeated_sketch_counts_once() -> None:
    origin = Origin("traffic", "requests", 0, 17, (0, "shop/latency_s 1000000.0"))
    log = log_of(
        (1.1, sketch([1.0], origin=origin)), (1.1, sketch([1.0], origin=origin)), (1.2, sketch([9.0] * 2)), (3, Tick())
    )
    assert said_of(log)["shop/latency_s_p50", 0] > 8


def test_too_many_open_seconds_are_said_from_the_oldest_on() -> None:
    log = log_of(*((300, sketch([1.0], START_S + second)) for second in range(OPEN_SECONDS + 2)))
    assert {at for _, at in said_of(log)} == {0, 1}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1500),
            st.builds(
                sketch,
                values=Values,
                at_s=st.integers(-4, 8).map(lambda s: START_S + float(s)),
                series=st.sampled_from(["shop/latency_s", "blog/latency_s", "shop/wait_s"]),
            ),
        ),
        max_size=40,
    )
)
@settings(max_examples=6)
def test_it_keeps_the_contract_of_banks(steps: list[tuple[int, Reading]]) -> None:
    log, time_ms = [], START_S * 1000
    for step_ms, reading in steps:
        time_ms += step_ms
        log.append((time_ms, reading))
    check(PercentilesBank, METRICS, [*log, (time_ms + 60_000, Tick())])
