"""`python -m benchmarks simulation [--schedules N] [--seed S] [--break NAME] [--json]`: crashes without a broker."""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.simulation.breaks import BREAKS, Break
from benchmarks.simulation.run import run, run_many, shortened
from benchmarks.simulation.schedules import schedule_of

LONGEST_SEARCH = 2_000
MOST_FAILURES = 20
PROBLEMS_SHOWN = 5
LINE = 240


def main(arguments: Sequence[str]) -> int:
    """Play schedules, break the engine on purpose, and print what came of it; 1 where something is not as it must be.

    A seed names a schedule: `--schedules 1 --seed S` plays it again, and tells what happened where it fails.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks simulation", description=main.__doc__)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule; the next has the next")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), help="play with this break only, and show it")
    parser.add_argument("--json", action="store_true", help="print one flat object")
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # What the engine says loudly, it says here all the time.
    seeds = range(options.seed, options.seed + options.schedules)
    if options.broken:
        found = run_many(seeds, BREAKS[options.broken])
        print("\n".join(told(found.failed[0], BREAKS[options.broken])) if found.failed else "it was not found")
        return 0 if found.failed else 1
    result, failed = measured(seeds)
    if options.schedules > 1:
        result |= searched(options.seed)
    print(json.dumps(result) if options.json else "\n".join(f"{name:32} {value}" for name, value in result.items()))
    for seed in failed[:1]:
        print("\n".join(told(seed)))
    return 1 if failed or None in result.values() else 0


def measured(seeds: range) -> tuple[dict[str, Any], list[int]]:
    """Play the unbroken engine; return what happened, and the seeds that failed."""
    began_s = time.perf_counter()
    total = run_many(seeds, most_failures=MOST_FAILURES)
    events = total.events
    return {
        "benchmark": "simulation",
        "schedules": total.schedules,
        "crashes": events["crashes"],
        "zombies": events["zombie"],
        "batches_after_death": events["late"],
        "conclusions": events["words"],
        "duplicates_dropped": events["repeated"],
        "failures": len(total.failed),
        "seconds": round(time.perf_counter() - began_s, 1),
    }, total.failed


def searched(seed: int) -> dict[str, int | None]:
    """Return after how many schedules each break is found; None: it was not."""
    found = {name: run_many(range(seed, seed + LONGEST_SEARCH), one) for name, one in BREAKS.items()}
    return {f"until_found_{name}": total.schedules if total.failed else None for name, total in found.items()}


def told(seed: int, broken: Break | None = None) -> Iterator[str]:
    """Tell of a schedule that fails what is wrong, and the shortest part of it that comes to that, step by step."""
    schedule = schedule_of(seed)
    yield f"\nschedule {seed} fails:"
    yield from (f"  {problem[:LINE]}" for problem in run(schedule, broken).problems[:PROBLEMS_SHOWN])
    short = shortened(schedule, lambda part: bool(run(part, broken).problems))
    outcome = run(short, broken, traced=True)
    yield f"{len(short.steps)} of its {len(schedule.steps)} steps are enough:"
    yield from (f"  {line[:LINE]}" for line in outcome.trace)
    yield "after which everything comes to rest, and it is wrong that"
    yield from (f"  {problem[:LINE]}" for problem in outcome.problems[:PROBLEMS_SHOWN])
