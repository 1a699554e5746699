"""What replicas are worth: counts that share partitions evenly, and no more where another gives nothing."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.scaling import ScalingBank
from detectors.scaling_patience import CEILING_MS, Margin, find_ceiling, fitting
from tests.detectors.test_scaling import check_margin, log_of, proposals, reading, rules
from tests.fakes import Entry, fold_into, shard_of
from topics.metrics import METRICS

Count = st.integers(1, 40)


@given(needed=Count, partitions=Count, least=Count, more=st.integers(0, 40))
def test_one_replica_less_would_make_the_busiest_busier(needed: int, partitions: int, least: int, more: int) -> None:
    """And the busiest has no more than where each replica of those needed had its even share."""
    most = least + more
    found = fitting(needed, partitions, least, most)
    assert least <= found <= most
    if found > least:
        assert found <= partitions
        assert math.ceil(partitions / found) < math.ceil(partitions / (found - 1))
        best = math.ceil(partitions / most)
        assert math.ceil(partitions / found) <= max(math.floor(partitions / min(max(needed, least), most)), best, 1)


def test_a_consumer_is_given_replicas_that_share_its_partitions() -> None:
    log = log_of(lambda second: 450.0, 30)
    assert [one.wanted for one in proposals(log, rules(partitions=12))][:1] == [6]
    assert [one.wanted for one in proposals(log, rules())][:1] == [5]


def run(gives: float) -> list[float]:
    """Return the ceiling over time, where 10 are asked, a replica does one, and each more of two does `gives`."""
    its, found = np.zeros(1, Margin)[0], []
    for second in range(60):
        have = 2.0 if second < 20 else 4.0
        done = 2.0 if second < 25 else 2.0 + 2 * gives
        found.append(find_ceiling(its, 10.0, done, have, 1000 * second, 20_000))
    return found


def test_no_more_are_wanted_where_another_gave_nothing() -> None:
    assert max(run(gives=1.0)) == max(run(gives=0.3)) == 0
    assert [second for second, ceiling in enumerate(run(gives=0.0)) if ceiling][:1] == [40]
    assert run(gives=0.0)[-1] == 4


def test_it_is_tried_again_after_a_while_and_whenever_there_are_fewer() -> None:
    its = np.zeros(1, Margin)[0]
    for second in range(60):
        find_ceiling(its, 10.0, 2.0, 2.0 if second < 20 else 4.0, 1000 * second, 20_000)
    assert its["ceiling"] == 4
    assert find_ceiling(its.copy(), 10.0, 2.0, 4.0, 40_000 + CEILING_MS, 20_000) == 0
    assert find_ceiling(its, 10.0, 2.0, 3.0, 61_000, 20_000) == 0


def test_a_load_that_is_done_says_nothing_about_more_replicas() -> None:
    its = np.zeros(1, Margin)[0]
    for second in range(60):
        assert find_ceiling(its, 2.0, 2.0, 2.0 if second < 20 else 4.0, 1000 * second, 20_000) == 0


def test_a_service_whose_replicas_give_nothing_more_is_left_as_it_is() -> None:
    def log(done_each: float) -> list[Entry]:
        found: list[Entry] = []
        for second in range(300):
            have = 3 if second < 60 else 6
            found += [reading(second, "requests", 900.0), reading(second, "replicas", have)]
            found += [reading(second, "answers", 300.0 + done_each * (have - 3))]
        return sorted(found, key=lambda entry: entry[0])

    its = rules(throughput="shop/answers", start_s=10.0)
    stuck, free = proposals(log(0.0), its), proposals(log(100.0), its)
    assert free[-1].wanted == 9
    assert free[-1].at_s > stuck[-1].at_s + 100, "said every 15 s, until it was found that more give nothing"
    assert {one.wanted for one in stuck} == {9}
    told = {}
    for name, each in (("stuck", 0.0), ("free", 100.0)):
        shard = shard_of(ScalingBank, METRICS, its)
        fold_into(shard, METRICS, log(each))
        told[name] = shard.bank.figures().get(("shop", "ceiling"))
    assert told == {"stuck": 6.0, "free": None}


def test_what_replicas_are_worth_holds_to_the_contract() -> None:
    check_margin(rules(throughput="shop/answers", partitions=12, start_s=10.0))
