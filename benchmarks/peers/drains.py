"""Peers drain a filled topic: nothing done, and keyed windows whose every output is compared with numpy."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.harness import read_values, summary
from benchmarks.judge import Verdict, judge
from benchmarks.peers.roster import Peer
from benchmarks.peers.runs import Template, drain
from benchmarks.workloads import WINDOWS, Samples

START_S, SLOWEST_PER_S = 120.0, 1_000
"""A run may take as long as a start and the slowest that any peer has been."""


def noop(peer: Peer, template: Template, samples: Samples, repetitions: int) -> dict[str, Any]:
    """Let a peer read a topic and do nothing."""
    runs = [_drain_once(peer, "noop", template, samples)[0] for _ in range(min(repetitions, peer.repetitions))]
    records = len(samples.ids)
    whole = all(run["folded"] >= records for run in runs)
    return summary("noop", records, [run | {"outputs": 0} for run in runs], whole) | {"system": peer.name}


def windows(peer: Peer, template: Template, samples: Samples, repetitions: int) -> dict[str, Any]:
    """Let a peer fold windows; say which are missing, wrong and double."""
    runs, verdicts = [], []
    for _ in range(min(repetitions, peer.repetitions)):
        run, values = _drain_once(peer, "windows", template, samples)
        verdicts.append(judge(samples, values))
        runs.append(run | {"outputs": verdicts[-1].outputs})
    worst = max(verdicts, key=lambda verdict: verdict.missing + verdict.wrong + verdict.doubled)
    return summary("windows", len(samples.ids), runs, worst.right) | {"system": peer.name, **_faults(worst)}


def _faults(verdict: Verdict) -> dict[str, int]:
    return {"missing": verdict.missing, "wrong": verdict.wrong, "doubled": verdict.doubled}


def _drain_once(peer: Peer, job: str, template: Template, samples: Samples) -> tuple[dict[str, float], list[bytes]]:
    records = len(samples.ids)
    with template.broker() as address:
        run = drain(peer, job, address, records, START_S + records / SLOWEST_PER_S)
        return run, asyncio.run(read_values(address, WINDOWS.name))
