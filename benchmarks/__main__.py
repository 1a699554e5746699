"""`python -m benchmarks NAME [--records N] [--series N] [--repetitions N] [--json]`.

`all` runs each and writes benchmarks/results.md. Where outputs are not what the reference says, the exit status is 1.

Others have options of their own (`--help`): `storm`, a fault a round under load, and nothing may be lost;
`simulation`, crashes at any step, without a broker; `fuzz`, mutated requests, none of which may break or slow the verb.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

from benchmarks import drains, folds, live, memory, pairs, readings, steps, visits
from benchmarks.harness import Benchmark, Result, Setup, broker
from benchmarks.report import table

BENCHMARKS: dict[str, Benchmark] = {
    "noop": drains.noop,
    "windows": drains.windows,
    "metrics": readings.metrics,
    "requests": visits.requests,
    "latency": live.latency,
    "little": live.little,
    "idle": live.idle,
    "recovery": pairs.recovery,
    "scale": pairs.scale,
    "memory": memory.memory,
    "steps": steps.steps,
    "folds": folds.folds,
}
ALONE = ("steps", "folds")
"""What needs no broker."""

OTHERS = ("storm", "simulation", "fuzz")
"""Commands with options of their own: they look for what breaks."""


def run(name: str, repetitions: int, records: int | None, series: int | None) -> Iterator[Result]:
    """Run a benchmark on a broker of its own, if it needs one; yield its results one after the other."""
    with nullcontext("") if name in ALONE else broker() as address:
        yield from BENCHMARKS[name](Setup(address, repetitions, records, series))


def main() -> None:
    """Run a benchmark, or all of them, and print what was measured."""
    if sys.argv[1:2] and sys.argv[1] in OTHERS:
        sys.exit(import_module(f"benchmarks.{sys.argv[1]}.__main__").main(sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--records", type=int)
    parser.add_argument("--series", type=int)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    for name in BENCHMARKS if options.name == "all" else [options.name]:
        for result in run(name, options.repetitions, options.records, options.series):
            results.append(result)
            if options.json:
                print(json.dumps(result), flush=True)
            else:
                print("\n".join(f"{key:20} {value}" for key, value in result.items()), end="\n\n", flush=True)
    if options.name == "all":
        (Path(__file__).parent / "results.md").write_text(table(results))
    sys.exit(0 if all(result["correct"] for result in results) else 1)


if __name__ == "__main__":
    main()
