"""`python -m benchmarks storm [--rounds N] [--seed S] [--json]`: a fault a round, and nothing may be lost.

Ends with 1 where anything was.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys

from benchmarks.storm.piece import run_piece
from benchmarks.storm.plan import pieces
from benchmarks.storm.report import by_kind, report, what_is_wrong


def main(arguments: list[str] | None = None) -> int:
    """Run a storm and print what came of it; return 1 where anything was lost, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks storm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=61)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.CRITICAL)  # That there is no broker, in between, nobody need say.
    outcomes = []
    for plan in pieces(options.seed, options.rounds):
        outcomes.append(run_piece(plan, lambda text: print(text, file=sys.stderr, flush=True)))
        if outcomes[-1].wrong:
            print("\n".join(what_is_wrong(outcomes[-1], len(plan))), file=sys.stderr, flush=True)
    result = report(options.seed, outcomes)
    if options.json:
        print(json.dumps(result))
    else:
        print("\n".join([*(f"{key:20} {value}" for key, value in result.items()), *by_kind(outcomes)]))
    return int(result["losses"] > 0)


if __name__ == "__main__":
    sys.exit(main())
