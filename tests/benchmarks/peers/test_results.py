"""Results of peers: kept as they come, compared with the best of Kafka Streams in the same conditions."""

from pathlib import Path
from typing import Any

from benchmarks.peers.results import Results, ratios


def drained(system: str, per_s: float, warm: float, cpu_s: float) -> dict[str, Any]:
    return {
        "benchmark": "windows", "system": system, "records_per_s": per_s, "second_half_per_s": warm,
        "cpu_s_per_million": cpu_s,
    }  # fmt: skip


MEMORY = drained("kafka-streams-memory", 100.0, 250.0, 5.0)
ROCKSDB = drained("kafka-streams-rocksdb", 125.0, 200.0, 6.0)


def test_a_drain_is_compared_with_the_best_of_each_figure() -> None:
    ours = drained("luminar", 1000.0, 1000.0, 0.5)
    assert ratios(ours, [ours, MEMORY, ROCKSDB]) == {
        "ratio_to_kafka_streams": 8.0, "warm_ratio_to_kafka_streams": 4.0, "cpu_ratio_to_kafka_streams": 10.0,
    }  # fmt: skip


def test_without_kafka_streams_there_is_no_ratio() -> None:
    ours = drained("luminar", 1000.0, 1000.0, 0.5)
    assert ratios(ours, [ours, {"benchmark": "windows", "system": "kafka-streams-memory", "error": "no Java"}]) == {}


def test_of_times_less_is_better_and_only_the_same_rate_counts() -> None:
    ours = {"benchmark": "latency", "system": "luminar", "rate_per_s": 2000, "p99_ms": 10.0}
    theirs = {"benchmark": "latency", "system": "kafka-streams", "rate_per_s": 2000, "p99_ms": 50.0}
    slower = theirs | {"rate_per_s": 500, "p99_ms": 5.0}
    assert ratios(ours, [ours, theirs, slower]) == {"ratio_to_kafka_streams": 5.0}


def test_a_takeover_is_compared_at_the_same_session_timeout() -> None:
    ours = {"benchmark": "takeover", "system": "luminar", "session_s": "default", "takeover_s": 9.0}
    theirs = {"benchmark": "takeover", "system": "kafka-streams", "session_s": "default", "takeover_s": 45.0}
    assert ratios(ours, [ours, theirs, theirs | {"session_s": 6.0, "takeover_s": 9.0}]) == {
        "ratio_to_kafka_streams": 5.0
    }


def test_doing_nothing_is_compared_with_the_java_consumer() -> None:
    ours = {"benchmark": "noop", "system": "luminar", "records_per_s": 30.0}
    theirs = {"benchmark": "noop", "system": "java-consumer", "records_per_s": 10.0}
    assert ratios(ours, [ours, theirs]) == {"ratio_to_java_consumer": 3.0}


def test_what_was_measured_is_there_after_an_interruption(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.json")
    results.keep("windows kafka-streams-memory", MEMORY)
    again = Results(tmp_path / "results.json")
    assert again.kept == {"windows kafka-streams-memory": MEMORY}
    again.forget()
    assert Results(tmp_path / "results.json").kept == {}
