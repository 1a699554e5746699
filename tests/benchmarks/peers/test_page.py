"""The page of peers: a table a benchmark, and what is wrong with outputs is not hidden."""

import datetime

from benchmarks.peers.page import page
from tests.benchmarks.peers.test_results import MEMORY

DAY = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
DRAINED = MEMORY | {
    "records": 100, "repetitions": 3, "records_per_s_min": 90, "records_per_s_max": 110, "peak_rss_mb": 300.0,
    "missing": 0, "wrong": 0, "doubled": 0, "ratio_to_kafka_streams": 1.0,
}  # fmt: skip


def row_of(system: str, text: str) -> str:
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {system} |")]
    return row


def test_a_drain_is_a_row() -> None:
    text = page([DRAINED], DAY)
    assert "on 2026-11-21 (UTC)" in text
    assert "kafka-streams 4." in text
    assert row_of("Kafka Streams, in memory", text).startswith(
        "| Kafka Streams, in memory | 100, 3 | 0.1 k [0.1 k, 0.1 k] |"
    )
    assert row_of("Kafka Streams, in memory", text).endswith("| right |")


def test_what_is_wrong_with_outputs_is_said() -> None:
    text = page([DRAINED | {"missing": 1200, "wrong": 3}], DAY)
    assert row_of("Kafka Streams, in memory", text).endswith("| **1,200 missing, 3 wrong** |")


def test_what_could_not_be_measured_says_why() -> None:
    text = page([{"benchmark": "windows", "system": "quix", "error": "quix has no environment"}], DAY)
    assert "| Quix Streams | quix has no environment |" in row_of("Quix Streams", text)
