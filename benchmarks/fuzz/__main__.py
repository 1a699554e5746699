"""`python -m benchmarks fuzz [--requests N] [--seed S] [--json]`: mutated requests through the verb."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import msgspec
import numpy as np

from benchmarks.fuzz.mutations import Mutations
from benchmarks.fuzz.run import run

SHOWN = 3
LINE = 240


def main(arguments: Sequence[str]) -> int:
    """Fold mutated requests, and print what they cost; 1 where one breaks the bank, or what is said is not sound."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fuzz", description=main.__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one flat object")
    options = parser.parse_args(arguments)
    run(Mutations(0).requests(200))  # Compiling is not what is measured.
    outcome = run(Mutations(options.seed).requests(options.requests))
    us = outcome.look_us if len(outcome.look_us) else np.zeros(1)
    result = {
        "benchmark": "fuzz",
        "requests": outcome.requests,
        "looked_at": len(outcome.look_us),
        "threats": outcome.said,
        "refused": len(outcome.refused),
        "unsound": len(outcome.wrong),
        "look_us_p50": round(float(np.percentile(us, 50)), 1),
        "look_us_p99": round(float(np.percentile(us, 99)), 1),
        "look_us_p99_9": round(float(np.percentile(us, 99.9)), 1),
        "look_us_max": round(float(us.max()), 1),
        "us_per_request": round(1e6 * outcome.seconds / max(1, outcome.requests), 1),
    }
    print(json.dumps(result) if options.json else "\n".join(f"{name:20} {value}" for name, value in result.items()))
    for line in [*outcome.refused[:SHOWN], *outcome.wrong[:SHOWN]]:
        print(line[:LINE])
    if outcome.longest is not None and not options.json:
        print(f"{'longest':20} {msgspec.json.encode(outcome.longest).decode()[:LINE]}")
    return 1 if outcome.refused or outcome.wrong else 0
