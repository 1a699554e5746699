"""The page `benchmarks/peers-results.md`: what a run of all peers measured, on which machine, with which versions."""

from __future__ import annotations

import datetime
import re
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from benchmarks.harness import Result
from benchmarks.peers import environments
from benchmarks.peers.roster import PEERS
from benchmarks.report import machine
from streams.broker import java_command

TITLES = {peer.name: peer.title for peer in PEERS}
PACKAGES = {"quix": "quixstreams", "bytewax": "bytewax", "faust": "faust-streaming", "confluent": "confluent-kafka"}


def page(results: list[Result], began: datetime.datetime) -> str:
    """Return the results of a run as a page of Markdown."""
    lines = [
        "# Against peers", "",
        f"Printed by `make bench-peers` on {began:%Y-%m-%d} (UTC). {machine()} {versions()}", "",
        "The broker and what feeds it have one core, the system another. What is measured and how each peer is set up: "
        "[performance](../docs/performance.md#against-peers). × is how many times as good as the best row of Kafka "
        "Streams (of the Java consumer where nothing is done).", "",
    ]  # fmt: skip
    for benchmark, (text, columns) in TABLES.items():
        rows = [result for result in results if result["benchmark"] == benchmark]
        if rows:
            lines += [f"## {benchmark.capitalize()}", "", text, "", *_table(rows, columns), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: list[Result], columns: dict[str, Callable[[Result], str]]) -> list[str]:
    lines = [f"| system | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        cells = [row["error"], *[""] * (len(columns) - 1)] if "error" in row else [f(row) for f in columns.values()]
        lines.append(f"| {TITLES[row['system']]} | {' | '.join(cells)} |")
    return lines


def versions() -> str:
    """Say which version of each peer runs."""
    listed = (environments.HERE / "jars.txt").read_text()
    streams = re.search(r"kafka-streams:(\S+)", listed)
    assert streams is not None
    pinned = []
    for place, package in PACKAGES.items():
        found = re.search(rf"(?m)^{package}==(\S+)$", environments.requirements(place).read_text())
        assert found is not None
        pinned.append(f"{package} {found[1]}")
    return f"Peers: kafka-streams {streams[1]} on {_java()}, {', '.join(pinned)}, aiokafka {version('aiokafka')}."


def _java() -> str:
    told = subprocess.run([java_command(), "-version"], capture_output=True, text=True, check=True).stderr
    return "Java " + told.split('"')[1]


def _times(name: str) -> Callable[[Result], str]:
    return lambda row: f"{row[name]:g} ×" if name in row else ""


def _rate(row: Result) -> str:
    runs = f" [{_thousands(row['records_per_s_min'])}, {_thousands(row['records_per_s_max'])}]"
    return _thousands(row["records_per_s"]) + (runs if row["repetitions"] > 1 else "")


def _thousands(per_s: float) -> str:
    return f"{per_s / 1e6:.2f} M" if per_s >= 1e6 else f"{per_s / 1e3:.1f} k"


def _outputs(row: Result) -> str:
    faults = [f"{row[name]:,} {name}" for name in ("missing", "wrong", "doubled") if row[name]]
    return "right" if not faults else f"**{', '.join(faults)}**"


def _answers(row: Result) -> str:
    faults = [f"{row[name]:,} {name}" for name in ("missing", "wrong", "doubled") if row[name]]
    return ", ".join(faults) or "each once"


def _milliseconds(field: str) -> Callable[[Result], str]:
    return lambda row: f"{row[field]:.0f}"


def _session(row: Result) -> str:
    return row["session_s"] if isinstance(row["session_s"], str) else f"{row['session_s']:g} s"


def _records(row: Result) -> str:
    return f"{row['records']:,}, {row['repetitions']}"


DRAIN: dict[str, Callable[[Result], str]] = {
    "records, runs": _records,
    "records/s [least, most]": _rate,
    "second half": lambda row: _thousands(row["second_half_per_s"]),
    "CPU-s per million": lambda row: f"{row['cpu_s_per_million']:.3g}",
    "peak MiB": lambda row: f"{row['peak_rss_mb']:.0f}",
}

TABLES: dict[str, tuple[str, dict[str, Callable[[Any], str]]]] = {
    "windows": (
        "Tumbling windows of 60 s, six figures a sensor, 8 partitions, 1,000 keys; every output compared with numpy.",
        DRAIN
        | {
            "×": _times("ratio_to_kafka_streams"),
            "× second half": _times("warm_ratio_to_kafka_streams"),
            "× CPU": _times("cpu_ratio_to_kafka_streams"),
            "outputs": _outputs,
        },
    ),
    "noop": ("The same records, read and passed over.", DRAIN | {"×": _times("ratio_to_java_consumer")}),
    "latency": (
        "From the append of a record to the append of its answer, each record sent by itself, 10 s after 10 s of "
        "warming up. A system whose median exceeds half a second does not keep up: its answers come later and later.",
        {
            "records/s": lambda row: f"{row['rate_per_s']:,}",
            "p50 ms": _milliseconds("p50_ms"),
            "p95 ms": _milliseconds("p95_ms"),
            "p99 ms": _milliseconds("p99_ms"),
            "of its core": lambda row: f"{row['core_share']:.0%}",
            "keeps up": lambda row: "yes" if row["keeps_up"] else "**no**",
            "×": _times("ratio_to_kafka_streams"),
        },
    ),
    "takeover": (
        "One process is killed (SIGKILL) at 500 records/s and started again at once: the time until every partition is "
        "answered again. Answers given again come from records that were not yet committed.",
        {
            "session timeout": _session,
            "back after s": lambda row: f"{row['takeover_s']:.1f}",
            "×": _times("ratio_to_kafka_streams"),
            "answers": _answers,
        },
    ),
}
