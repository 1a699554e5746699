"""Results are kept as they come, so that a run that was cut short goes on where it was; ratios are taken at the end."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.harness import Result

STREAMS, JAVA = "kafka-streams", "java-consumer"


def key_of(benchmark: str, system: str, detail: object = "") -> str:
    """Return what a result is kept under."""
    return f"{benchmark} {system} {detail}".strip()


class Results:
    """The results of one run, in a file of the cache folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: dict[str, Result] = json.loads(path.read_text()) if path.exists() else {}

    def keep(self, key: str, result: Result) -> None:
        """Write a result down, in place of an earlier one."""
        self.kept[key] = result
        self._write()

    def forget(self) -> None:
        """Begin a new run."""
        self.kept = {}
        self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_suffix(".new")
        scratch.write_text(json.dumps(self.kept, indent=1))
        scratch.replace(self.path)

    def all(self) -> list[Result]:
        """Return every result with its ratios, as far as what they refer to was measured."""
        return [result | ratios(result, list(self.kept.values())) for result in self.kept.values()]


def ratios(result: Result, others: list[Result]) -> Result:
    """Return how many times as good a result is as the best of Kafka Streams at the same job, rate and session timeout.

    Drains: records a second, in all and in their second half, and CPU time. Latency: the 99th percentile. A takeover:
    the time until all is answered again. Drains that do nothing are compared with the Java consumer, by which Kafka
    Streams reads. Above 1 is better than it.
    """
    if "error" in result:
        return {}
    found = {name: _ratio(result, others, *how) for name, how in RATIOS[result["benchmark"]].items()}
    return {name: ratio for name, ratio in found.items() if ratio is not None}


RATIOS: dict[str, dict[str, tuple[str, str, bool]]] = {
    "noop": {"ratio_to_java_consumer": (JAVA, "records_per_s", True)},
    "windows": {
        "ratio_to_kafka_streams": (STREAMS, "records_per_s", True),
        "warm_ratio_to_kafka_streams": (STREAMS, "second_half_per_s", True),
        "cpu_ratio_to_kafka_streams": (STREAMS, "cpu_s_per_million", False),
    },
    "latency": {"ratio_to_kafka_streams": (STREAMS, "p99_ms", False)},
    "takeover": {"ratio_to_kafka_streams": (STREAMS, "takeover_s", False)},
}
"""By benchmark and name: whom it is compared with, in which figure, and whether more of it is better."""

SAME = ("benchmark", "rate_per_s", "session_s")


def _ratio(result: Result, others: list[Result], system: str, field: str, more_is_better: bool) -> float | None:
    theirs = [
        float(other[field])
        for other in others
        if "error" not in other
        and other["system"].startswith(system)
        and all(other.get(name) == result.get(name) for name in SAME)
    ]
    if not theirs or not result[field]:
        return None
    ratio = result[field] / max(theirs) if more_is_better else min(theirs) / result[field]
    return float(f"{ratio:.3g}")
