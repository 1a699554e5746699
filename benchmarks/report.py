"""The report: what a run of all benchmarks measured, on which machine, with which versions, when."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from streams.broker_jars import KAFKA_VERSION

PACKAGES = ("numpy", "numba", "aiokafka", "faust-streaming", "msgspec")
WHAT = {
    "workload": "{}",
    "workers": "{} workers",
    "series": "{:,} series",
    "clients": "{:,} clients",
    "capabilities": "{}",
    "mix": "mix {}",
    "attacks": "{:.0%} attacks",
    "looked_at": "{:.1%} looked at",
    "load": "at {:.0%} of the most",
    "records": "{:,} records",
    "repetitions": "{} runs",
}
"""How a result says what was measured, by its fields."""


def table(results: list[dict[str, Any]]) -> str:
    """Return the results as a page of Markdown."""
    lines = [
        "# Results", "",
        f"Printed by `make bench` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d} (UTC). {machine()} "
        "The broker and what feeds it have one core, the worker another. Median [least, most] of the repetitions.", "",
        "| benchmark | what | result | CPU-s per million | peak MiB | right? |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for result in results:
        cpu, rss = result.get("cpu_s_per_million", "–"), result.get("peak_rss_mb", "–")
        right = "yes" if result["correct"] else "**no**"
        what = ", ".join(form.format(result[field]) for field, form in WHAT.items() if field in result)
        figures = ", ".join(_figures(result))
        lines.append(f"| {result['benchmark']} | {what} | {figures} | {cpu} | {rss} | {right} |")
    return "\n".join(lines) + "\n"


def _figures(result: dict[str, Any]) -> Iterator[str]:
    """Yield what a result found, each figure with its unit."""
    if "records_per_s" in result:
        most, least, middle = (result[f"records_per_s{which}"] for which in ("_max", "_min", ""))
        yield f"{_rate(middle)} records/s [{_rate(least)}, {_rate(most)}]"
    if "p99_ms" in result:
        waits = ", ".join(f"{name} {result[f'{name}_ms']:.0f}" for name in ("p50", "p95", "p99", "max"))
        least, most = result["p99_ms_min"], result["p99_ms_max"]
        yield f"ms at {result['rate_per_s']:,} readings/s: {waits} [p99 of runs {least:.0f}, {most:.0f}]"
    if "takeover_s" in result:
        yield f"all folded {result['takeover_s']:.1f} s after the kill [most {result['takeover_s_max']:.1f}]"
        yield f"noticed after {result['noticed_s']:.1f} (session timeout {result['session_timeout_s']:g})"
        yield f"the rest {result['restored_s']:.1f} [most {result['restored_s_max']:.1f}]"
    if "ratio_to_one" in result:
        yield f"{result['ratio_to_one']:.2f} times one worker; shares of a core: worker {result['worker_share']:.0%}"
        yield f"broker {result['broker_share']:.0%}"
    if "growth_mb" in result:
        yield f"MiB resident: {result['rss_mb_first_half']:.0f} at most in the first half of the drain"
        yield f"{result['rss_mb_second_half']:.0f} in the second"
    if "evicted" in result:
        yield f"{result['rows']:,} rows of at most {result['rows_most']:,}, {result['evicted']:,} made room"
    if "bytes_per_series" in result:
        yield f"{result['bytes_per_series']:,} bytes a series, {result['bytes_beyond_row']:,} of them beyond its row"
    if "core_share" in result:
        yield f"{result['core_share']:.1%} of a core"
    for name, unit in (("_ns", "ns"), ("_us", "µs")):
        for field in result:
            if field.endswith(name):
                yield f"{field.removesuffix(name).replace('_', ' ')} {result[field]} {unit}"


def _rate(per_s: float) -> str:
    return f"{per_s / 1e6:.2f} M" if per_s >= 1e6 else f"{per_s / 1e3:.0f} k"


def machine() -> str:
    """Say on what this runs, and with which versions."""
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {packages}, Kafka {KAFKA_VERSION}."


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []
