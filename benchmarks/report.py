"""The report: what a run of all benchmarks measured, on which machine, with which versions, when."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("faust-streaming", "aiokafka", "numpy", "numba", "msgspec")


def table(results: list[dict[str, Any]]) -> str:
    """Return the results as a page of Markdown."""
    lines = [
        "# Results", "",
        f"Printed by `make bench` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d} (UTC). {_machine()} "
        "The broker and what feeds it have one core, the worker another. Median [least, most] of the repetitions.", "",
        "| benchmark | what | result | CPU-s per million | peak MiB | right? |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for result in results:
        cpu, rss = result.get("cpu_s_per_million", "–"), result.get("peak_rss_mb", "–")
        right = "yes" if result["correct"] else "**no**"
        lines.append(f"| {result['benchmark']} | {_what(result)} | {_figure(result)} | {cpu} | {rss} | {right} |")
    return "\n".join(lines) + "\n"


def _what(result: dict[str, Any]) -> str:
    records, runs = result.get("records"), result["repetitions"]
    return f"{records:,} records, {runs} runs" if records else f"{runs} runs"


def _figure(result: dict[str, Any]) -> str:
    if "records_per_s" in result:
        least, most = result["records_per_s_min"] / 1e6, result["records_per_s_max"] / 1e6
        return f"{result['records_per_s'] / 1e6:.2f} M records/s [{least:.2f}, {most:.2f}]"
    if "p99_ms" in result:
        return f"p50 {result['p50_ms']:.0f} ms, p99 {result['p99_ms']:.0f} ms at {result['rate_per_s']:,} readings/s"
    return f"{result['core_share']:.1%} of a core [most {result['core_share_max']:.1%}]"


def _machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {packages}, Apache Kafka 4.3.1."


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []
