"""`python -m benchmarks NAME [--records N] [--repetitions N] [--json]`.

`all` runs each and writes benchmarks/results.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import drains, readings
from benchmarks.report import table

BENCHMARKS: dict[str, tuple[Callable[[int, int], dict[str, Any]], int]] = {
    "noop": (drains.noop, 3_000_000),
    "windows": (drains.windows, 3_000_000),
    "metrics": (readings.metrics, 2_000_000),
    "latency": (readings.latency, 200_000),
    "idle": (readings.idle, 0),
}


def main() -> None:
    """Run a benchmark, or all of them, and print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--records", type=int)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    for name in BENCHMARKS if options.name == "all" else [options.name]:
        function, records = BENCHMARKS[name]
        results.append(function(options.records or records, options.repetitions))
        if options.json:
            print(json.dumps(results[-1]), flush=True)
        else:
            print("\n".join(f"{key:20} {value}" for key, value in results[-1].items()), flush=True)
    if options.name == "all":
        (Path(__file__).parent / "results.md").write_text(table(results))


if __name__ == "__main__":
    main()
