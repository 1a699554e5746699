"""Lag is what stands in a topic and is not committed; growth is taken over the last seconds."""

from aiokafka import TopicPartition

from streams.web.group import Growth, lag_of
from streams.web.model import Group
from topics.metrics import METRICS


def test_lag_adds_up_over_partitions_and_is_never_negative() -> None:
    first, second, foreign = TopicPartition("p.metrics", 0), TopicPartition("p.metrics", 1), TopicPartition("x", 0)
    ends = {first: ("metrics", 100), second: ("metrics", 5)}
    group = lag_of(Group("g", "Stable"), ends, {first: 40, second: 9, foreign: 1}, {"p.metrics": METRICS})
    assert group.lag == {"metrics": 60}
    assert group.partitions == {"metrics": {0: 60, 1: 0}}


def test_growth_is_records_a_second_over_the_last_ten() -> None:
    growth = Growth(over_s=10)
    assert growth.take(0.0, [("metrics", 100), ("metrics", 50)]) == {}
    assert growth.take(2.0, [("metrics", 300), ("metrics", 50)]) == {"metrics": 100.0}
    later = [growth.take(float(at_s), [("metrics", 350)]) for at_s in range(4, 40, 2)]
    assert later[-1] == {"metrics": 0.0}


def test_growth_of_a_log_that_lost_its_data_is_no_negative_figure() -> None:
    growth = Growth()
    growth.take(0.0, [("metrics", 100)])
    assert growth.take(1.0, [("metrics", 0), ("new", 10)]) == {"metrics": 0.0}
