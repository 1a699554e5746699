"""`python -m benchmarks NAME [--records N] [--repetitions N] [--json]`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from benchmarks import drains, readings

BENCHMARKS = {
    "noop": (drains.noop, 5_000_000),
    "windows": (drains.windows, 2_000_000),
    "metrics": (readings.metrics, 2_000_000),
    "latency": (readings.latency, 300_000),
    "idle": (readings.idle, 0),
}


def main() -> None:
    """Run a benchmark, and print what it measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=sorted(BENCHMARKS))
    parser.add_argument("--records", type=int)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    function, records = BENCHMARKS[options.name]
    result: dict[str, Any] = function(options.records or records, options.repetitions)
    if options.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name:20} {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
