"""How Kafka keeps our topics, and what is wrong with those that are there."""

import pytest

from streams.admin import TopicsRefused, configuration
from streams.admin import _refuse as refuse
from streams.admin import _wrong_counts as wrong_counts
from streams.settings import Process
from topics import Topic
from topics.alerts import ALERTS
from topics.blocklist import BLOCKLIST
from topics.catalogue import ALL, CONTROLLED, named
from topics.dead_letters import DEAD_LETTERS
from topics.metrics import METRICS
from topics.state import STATE


@pytest.mark.parametrize("topic", ALL, ids=lambda topic: topic.name)
def test_the_append_time_is_the_clock_of_every_topic(topic: Topic) -> None:
    assert configuration(topic)["message.timestamp.type"] == "LogAppendTime"


def test_a_topic_is_kept_as_its_declaration_says() -> None:
    policies = {t.name: (configuration(t)["cleanup.policy"], configuration(t)["retention.ms"]) for t in ALL}
    assert policies["metrics"] == ("delete", str(7 * 86_400_000))
    assert policies["alerts"] == ("compact,delete", str(30 * 86_400_000))
    assert policies["blocklist"] == policies["state"] == policies["settings"] == ("compact", "-1")


def test_state_and_dead_letters_take_large_records() -> None:
    assert {t.name for t in ALL if "max.message.bytes" in configuration(t)} == {STATE.name, DEAD_LETTERS.name}


def test_what_is_compacted_is_compacted_soon() -> None:
    assert all(("segment.ms" in configuration(topic)) == topic.compact for topic in (METRICS, ALERTS, BLOCKLIST, STATE))


def test_names_are_unlike_each_other_and_found() -> None:
    assert len({topic.name for topic in ALL}) == len(ALL)
    assert all(named(topic.name) is topic for topic in ALL)
    assert set(CONTROLLED) < set(ALL)


def test_every_topic_with_another_number_of_partitions_is_named_with_the_remedy() -> None:
    faults = wrong_counts(Process(prefix="p."), {"p.metrics": 3, "p.signals": 12, "requests": 1, "p.settings": 1})
    assert len(faults) == 1
    assert "topic 'p.metrics' has 3 partitions, expected 12" in faults[0]
    assert "`partitions: 3`" in faults[0]
    with pytest.raises(TopicsRefused, match="luminar topics"):
        refuse(faults)
