"""Meters: every Prometheus metric of a worker, declared in one place."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)  # when it began, its memory and processor time
_SHARD = ("capability", "partition")

records = Counter("luminar_records", "Records folded", ("capability",), registry=REGISTRY)
said = Counter("luminar_said", "Records published", ("capability", "topic"), registry=REGISTRY)
late = Gauge(
    "luminar_late_records", "Records too old to raise an alarm, since the partition came", _SHARD, registry=REGISTRY
)
duplicates = Gauge("luminar_duplicate_records", "Derived records dropped as had before", _SHARD, registry=REGISTRY)
dead_letters = Counter("luminar_dead_letters", "Records that could not be used", ("topic", "stage"), registry=REGISTRY)
forwarded = Counter(
    "luminar_forwarded_records", "Records sent on to the partition of their key", ("topic",), registry=REGISTRY
)
faults = Counter("luminar_faults", "Failures of our own code while folding", ("capability",), registry=REGISTRY)
stopped = Gauge(
    "luminar_stopped_shards", "Shards that stopped after a fault that could not be isolated", registry=REGISTRY
)
gaps = Counter("luminar_gaps", "Chunks that did not follow on, and were asked for again", ("topic",), registry=REGISTRY)
rows = Gauge("luminar_rows", "Rows in a shard", _SHARD, registry=REGISTRY)
evicted = Gauge(
    "luminar_evicted_rows", "Rows that made room for others, since the partition came", _SHARD, registry=REGISTRY
)
counted = Gauge(
    "luminar_counted", "What a capability counts of its own, since the partition came", (*_SHARD, "what"),
    registry=REGISTRY,
)  # fmt: skip
warming = Gauge("luminar_warming_rows", "Rows that are learned silently", _SHARD, registry=REGISTRY)
lag = Gauge(
    "luminar_lag_records", "Records in the log that are not folded yet", ("topic", "partition"), registry=REGISTRY
)
position = Gauge("luminar_position", "Offset to fold next", _SHARD, registry=REGISTRY)
page_age_s = Gauge(
    "luminar_page_age_seconds", "The log's time between the page saved furthest back and what is folded", _SHARD,
    registry=REGISTRY,
)  # fmt: skip
loads = Counter("luminar_loads", "Times a shard was filled from its pages", ("capability", "why"), registry=REGISTRY)
loaded_pages = Counter(
    "luminar_loaded_pages", "Pages found when shards were filled, by what became of them", ("capability", "fate"),
    registry=REGISTRY,
)  # fmt: skip
replayed = Counter(
    "luminar_replayed_records", "Records folded again, since some page was behind", ("capability",), registry=REGISTRY
)
saved_pages = Counter("luminar_saved_pages", "Pages written to the state topic", registry=REGISTRY)
saved_bytes = Counter("luminar_saved_bytes", "Bytes of pages written to the state topic", registry=REGISTRY)
scaling = Gauge(
    "luminar_scaling_ratio", "How good forecasts and provision were lately, as shares of the load",
    ("service", "figure"), registry=REGISTRY,
)  # fmt: skip
alarms = Gauge(
    "luminar_alarms", "Alarms of single series of the last ten days, those raised and those promised",
    ("partition", "figure"), registry=REGISTRY,
)  # fmt: skip
over_promise = Gauge(
    "luminar_alarms_over_promise", "Alarms raised for one that was promised, of the services furthest above",
    ("service",), registry=REGISTRY,
)  # fmt: skip
ticks = Counter("luminar_ticks", "Ticks appended to silent partitions", ("topic",), registry=REGISTRY)
rebalances = Counter("luminar_rebalances", "Assignments of partitions to this worker", registry=REGISTRY)
fold_s = Histogram(
    "luminar_fold_seconds", "Time to decode and fold a stretch of a chunk", ("capability",), registry=REGISTRY,
    buckets=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
)  # fmt: skip


def forget_shards() -> None:
    """Forget what is measured of each shard: the partitions may have gone elsewhere, and would seem to lag for ever."""
    for gauge in (
        late, duplicates, rows, evicted, counted, warming, lag, position, page_age_s, scaling, alarms, over_promise,
    ):  # fmt: skip
        gauge.clear()
    stopped.set(0)
