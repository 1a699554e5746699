"""Peers drain a filled topic: nothing done, and keyed windows whose every output is compared with numpy."""

from __future__ import annotations

import asyncio
from functools import cache

from benchmarks.harness import CREATE_TIME, PARTITIONS, Result, summary
from benchmarks.judge import judge
from benchmarks.logs import Batch
from benchmarks.peers.roster import Peer
from benchmarks.peers.runs import TOPICS, application, broker, drain
from benchmarks.workloads import SAMPLES, WINDOWS, Samples

START_S, SLOWEST_PER_S = 120.0, 1_000
"""A run may take as long as a start and the slowest that any peer has been."""


@cache
def workload(records: int) -> tuple[Samples, list[Batch]]:
    """Return the samples, the same for every system, and the record batches that they are in Kafka."""
    samples = Samples.seeded(records)
    return samples, samples.batches(PARTITIONS)


def noop(peer: Peer, records: int, repetitions: int) -> Result:
    """Let a peer read a topic and do nothing."""
    runs, _ = _repeat(peer, "noop", records, repetitions)
    whole = all(run["folded"] >= records for run in runs)
    return summary("noop", records, runs, whole) | {"system": peer.name}


def windows(peer: Peer, records: int, repetitions: int) -> Result:
    """Let a peer fold windows; say which are missing, wrong and double."""
    runs, outputs = _repeat(peer, "windows", records, repetitions)
    verdicts = [judge(workload(records)[0], values) for values in outputs]
    worst = max(verdicts, key=lambda verdict: verdict.missing + verdict.wrong + verdict.doubled)
    faults = {"missing": worst.missing, "wrong": worst.wrong, "doubled": worst.doubled}
    return summary("windows", records, runs, worst.right) | {"system": peer.name, **faults}


def _repeat(peer: Peer, job: str, records: int, repetitions: int) -> tuple[list[Result], list[list[bytes]]]:
    runs, outputs = [], []
    with broker() as address:
        for _ in range(min(repetitions, peer.repetitions)):
            with application(peer, address) as one:
                asyncio.run(one.site.create(TOPICS, CREATE_TIME))
                asyncio.run(one.site.fill(SAMPLES.name, workload(records)[1]))
                run = drain(one, job, records, START_S + records / SLOWEST_PER_S)
                outputs.append(asyncio.run(one.site.values(WINDOWS.name)))
                runs.append(run | {"outputs": len(outputs[-1])})
    return runs, outputs
