"""Measures: what the meters say of every shard and partition that a worker holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from faust.types import TP

from detectors.bank import Budget
from streams import meters
from streams.engine.held import Held

SERVICES_SHOWN = 20
"""So many services of a worker, those furthest above their promise, are told one by one."""


def measure(
    held: Mapping[tuple[str, TP], Held],
    parts: Iterable[TP],
    log_end: Callable[[TP], int | None],
    number: int | None = None,
) -> None:
    """Set the gauges.

    log_end        the offset behind the last record of a partition, where the last fetch told it
    number         of the partition that is looked at, if not all are: what is said must not wait for all shards at once
    """
    behind: dict[TP, int] = {}
    for (name, tp), one in held.items():
        if number not in (None, tp.partition):
            continue
        labels, shard = (name, str(tp.partition)), one.shard
        meters.rows.labels(*labels).set(len(shard.bank))
        meters.evicted.labels(*labels).set(shard.bank.evicted)
        meters.warming.labels(*labels).set(shard.bank.warming)
        meters.late.labels(*labels).set(shard.late)
        meters.duplicates.labels(*labels).set(shard.duplicates)
        meters.position.labels(*labels).set(shard.next)
        meters.page_age_s.labels(*labels).set(shard.unsaved_ms / 1000)
        for what, count in shard.bank.counts().items():
            meters.counted.labels(*labels, what).set(count)
        for (service, figure), share in shard.bank.figures().items():
            meters.scaling.labels(service, figure).set(share)
        of_shard = shard.bank.budget()
        if of_shard:
            for figure in Budget._fields:
                total = sum(getattr(budget, figure) for budget in of_shard.values())
                meters.alarms.labels(labels[1], figure).set(total)
        one.over = {name: its.raised / its.promised for name, its in of_shard.items() if 0 < its.promised < its.raised}
        behind[tp] = min(shard.next, behind.get(tp, shard.next))
    _show_over(held.values())
    for tp in parts:
        if number not in (None, tp.partition):
            continue
        if (end := log_end(tp)) is not None:
            meters.lag.labels(tp.topic, str(tp.partition)).set(max(0, end - behind.get(tp, end)))


def _show_over(held: Iterable[Held]) -> None:
    """Show the services that raise more than was promised, the furthest above first, and no others."""
    over = {service: times for one in held for service, times in one.over.items()}
    meters.over_promise.clear()
    for service in sorted(over, key=lambda name: (-over[name], name))[:SERVICES_SHOWN]:
        meters.over_promise.labels(service).set(over[service])
