"""Memory: flat while a worker is behind, bounded whatever clients come, and so much for each series."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from benchmarks.fleet import Fleet
from benchmarks.harness import PARTITIONS, Result, Setup, summary
from benchmarks.logs import Records, batched, chunks
from benchmarks.readings import CAPABILITIES, filled
from benchmarks.reference import Reference
from benchmarks.visits import PER_S, START_MS, client_of_number
from detectors.anomaly import AnomalyBank
from detectors.bank import PAGES
from detectors.security.bank import SecurityBank
from topics.metrics import METRICS
from topics.requests import REQUESTS, Request
from topics.settings import Settings

LAG, LAG_SERIES = 10_000_000, 1_000
CLIENTS = 1_000_000
SERIES, FEW, READINGS_EACH = 100_000, 1_000, 12


def memory(setup: Setup) -> Iterator[Result]:
    """Fold a long lag, more clients than there is room for, and many series; once each."""
    yield lag(setup)
    yield clients(setup)
    yield rows(setup)


def lag(setup: Setup) -> Result:
    """Fold readings that have waited; memory is looked at every tenth of a second."""
    series, records = setup.series or LAG_SERIES, setup.records or LAG
    batches = filled(Fleet(series), records)
    run, right = Reference(METRICS, CAPABILITIES).fold(chunks(METRICS.name, batches)).drain(setup, batches)
    halves: tuple[list[float], list[float]] = ([], [])
    for share, rss_mb in run["samples"]:
        halves[share >= 0.5].append(rss_mb)
    first, second = (max(half, default=run["rss_mb"]) for half in halves)
    return summary("memory", records, [run], right, series=series) | {
        "rss_mb_first_half": first, "rss_mb_second_half": second, "growth_mb": round(second - first, 1),
    }  # fmt: skip


def clients(setup: Setup) -> Result:
    """Let every request come from another client: a page has room for some hundred, and the oldest go."""
    records = setup.records or CLIENTS
    batches = batched(Records.of(_strangers(records), PARTITIONS))
    reference = Reference(REQUESTS, ["security"]).fold(chunks(REQUESTS.name, batches))
    run, right = reference.drain(setup, batches)
    kept, evicted = run["rows"]["security"], run["evicted"]
    room = SecurityBank(Settings()).rows_per_page * PAGES * PARTITIONS
    right = right and kept + evicted == records and kept <= room and (kept, evicted) == _counts(reference)
    return summary("memory", records, [run], right, clients=records) | {
        "rows": kept, "rows_most": room, "evicted": evicted,
    }  # fmt: skip


def _strangers(n: int) -> Iterator[tuple[bytes, bytes, int]]:
    encode = msgspec.json.Encoder().encode
    for i in range(n):
        client, at_ms = client_of_number(i), START_MS + i * 1000 // PER_S
        request = Request(client=client, at_s=at_ms / 1000, path="/", status=200, duration_s=0.02, service="shop")
        yield client.encode(), encode(request), at_ms


def _counts(reference: Reference) -> tuple[int, int]:
    banks = [shard.bank for p in range(PARTITIONS) for _, shard in reference.run.shards_of(p)]
    return sum(map(len, banks)), sum(bank.evicted for bank in banks)


def rows(setup: Setup) -> Result:
    """Compare a worker that holds many series with one that holds few."""
    many = setup.series or SERIES
    few, records = max(10, many * FEW // SERIES), setup.records or READINGS_EACH * many
    runs, rights = [], []
    for series in (few, many):
        batches = filled(Fleet(series), records)
        run, right = Reference(METRICS, CAPABILITIES).fold(chunks(METRICS.name, batches)).drain(setup, batches)
        runs.append(run)
        rights.append(right)
    more = runs[1]["rows"]["anomaly"] - runs[0]["rows"]["anomaly"]
    each, row = (runs[1]["rss_mb"] - runs[0]["rss_mb"]) * 2**20 / more, AnomalyBank.dtype.itemsize
    return summary("memory", records, runs[1:], all(rights), series=many) | {
        "bytes_per_series": round(each), "row_bytes": row, "bytes_beyond_row": round(each) - row,
    }  # fmt: skip
