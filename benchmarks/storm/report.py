"""What is said of a storm: rounds, faults by kind, what was compared, losses, and how long recovery took."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.storm.piece import Outcome


def report(seed: int, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return one flat object about all pieces of a storm."""
    recovered = [one for outcome in outcomes for one in outcome.recovered]
    counts = sum((outcome.counts for outcome in outcomes), Counter[str]())
    times = [seconds for _, seconds in recovered] or [0.0]
    faults = Counter(kind for kind, _ in recovered)
    return {
        "benchmark": "storm",
        "system": "luminar",
        "seed": seed,
        "rounds": len(recovered),
        **{f"fault_{kind.replace(' ', '_')}": faults[kind] for kind in sorted(faults)},
        "workers": sum(outcome.workers for outcome in outcomes),
        "records": counts["records"],
        "rows": counts["rows"],
        "outputs": counts["words"],
        "duplicates_dropped": counts["repeated words"],
        "dead_letters": counts["letters"],
        "losses": sum(len(outcome.wrong) for outcome in outcomes),
        "recover_p50_s": round(statistics.median(times), 2),
        "recover_max_s": round(max(times), 2),
        "grown_mb": round(max(outcome.grown_mb for outcome in outcomes), 1),
        "seconds_a_round": round(sum(one.rounds_s + one.judged_s for one in outcomes) / max(1, len(recovered)), 2),
    }


def by_kind(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each kind of fault: how often, and how long recovery took."""
    times: dict[str, list[float]] = {}
    for outcome in outcomes:
        for kind, seconds in outcome.recovered:
            times.setdefault(kind, []).append(seconds)
    return [
        f"{kind:18} {len(found):4} times, recovered in {statistics.median(found):5.2f} s (median), {max(found):5.2f} s"
        for kind, found in sorted(times.items())
    ]


def what_is_wrong(outcome: Outcome, rounds: int, most: int = 10) -> list[str]:
    """Return the first differences of a piece in words, and the command that has its rounds again."""
    lines = [f"seed {outcome.seed}: {len(outcome.wrong)} wrong after {len(outcome.recovered)} rounds"]
    lines += outcome.wrong[:most]
    return [*lines, f"again: python -m benchmarks storm --rounds {rounds} --seed {outcome.seed}"]
