"""Kernels: every kernel is compiled, or loaded from its cache, before the worker joins the group."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from detectors.names import Names
from detectors.rows import RowBank
from streams.bus import Capability
from streams.engine.chunks import chunk_of, split
from streams.engine.columns import Decoder
from streams.engine.shard import Shard
from topics import Origin, Record
from topics.compositions import COMPOSITIONS, WINDOW_S, Composition, Mix
from topics.connections import CONNECTIONS, Connection, Outcome
from topics.control import Tick
from topics.metrics import METRICS, Reading
from topics.requests import REQUESTS, Request
from topics.settings import AnomalySettings, Limit, Scaling, SecuritySettings, Service, Settings

log = logging.getLogger(__name__)

_KINDS: tuple[tuple[Literal["gauge", "delta", "total"], float], ...] = (
    ("gauge", 0.123),
    ("delta", 5.0),
    ("total", 1e6),
)
_ORIGIN = Origin("ingest", "warm", 0, 0, (1, "shop/users 3.0"))


def _mix(name: str, k: int) -> Mix:
    return Mix(counts={7: 600, 8 + k // 9: 400}, heavy={name: 500} if name else {})


# By topic: records that make every kernel run.
EXAMPLES: dict[str, Sequence[Record]] = {
    METRICS.name: [Reading(series="shop/replicas", value=2, at_s=1.0)]
    + [
        Reading(series="shop/requests", value=value, at_s=float(at_s), kind=kind)
        for at_s in range(1, 40, 10)
        for kind, value in _KINDS
    ]
    + [Reading(series=f"shop/queue_{k}", value=k, at_s=float(at_s)) for at_s in range(1, 40, 10) for k in range(8)]
    + [Reading(series="shop/latency_s", value=2, at_s=2.0, kind="sketch", buckets={3: 2})]
    + [Reading(series="shop/users", value=2, at_s=3.0, origin=_ORIGIN)],
    REQUESTS.name: [
        Request(
            client="198.51.100.7",
            at_s=at_s / 2,
            path=path,
            status=status,
            duration_s=0.01,
            service=service,
            agent="curl/8",
        )
        for at_s in range(1, 40)
        for service in ("shop", "web")
        for path, status in (("/cart", 200), ("/search?q=a%20b", 404), ("/pay", 500))
    ]
    + [Request(client="198.51.100.7", at_s=20.0, service="shop", path="/", status=200, origin=_ORIGIN)],
    CONNECTIONS.name: [
        Connection(client=f"198.51.100.{k % 3}", at_s=k / 2, target="192.0.2.1", port=k, outcome=outcome)
        for k in range(1, 40)
        for outcome in get_args(Outcome)
    ]
    + [Connection(client="198.51.100.7", at_s=20.0, target="192.0.2.1", port=22, origin=_ORIGIN)],
    COMPOSITIONS.name: [
        Composition(
            service="shop",
            at_s=float(WINDOW_S * k),
            requests=1000 if k < 9 else 9000,
            clients=_mix("", k),
            routes=_mix("/cart", k),
            agents=_mix("curl/8", k),
            sources={3: 9, 4: k + 1},
            asks=dict.fromkeys(range(128 if k > 8 else 9), 8),
        )
        for k in range(12)
    ],
}
_SETTINGS = Settings(
    anomaly=AnomalySettings(warmup=2),
    services={"shop": Service(scaling=Scaling(load="shop/requests", capacity=10.0, replicas="shop/replicas"))},
    security=SecuritySettings(limits=(Limit(service="web", requests=20), Limit(route="/pay", requests=20))),
)


def compile_all(capabilities: tuple[Capability, ...]) -> float:
    """Run a few records through every bank, and a record batch through the splitter; return the seconds it took."""
    began_s = time.perf_counter()
    split("warm", 0, _batch(), 0)
    Names().add_many([b"%d" % k for k in range(2000)], range(2000))
    for capability in capabilities:
        decoder = Decoder(capability.topic)
        shard, other, crowded = (Shard(capability.bank, capability.topic.name, 0, settings=_SETTINGS) for _ in range(3))
        if isinstance(crowded.bank, RowBank):
            crowded.bank.rows_per_page = 2
        log_of = [
            (None, msgspec.json.encode(record), 1000 * i)
            for i, record in enumerate(EXAMPLES.get(capability.topic.name, []))
        ]
        log_of += [(None, msgspec.json.encode(Tick()), 1000 * (len(log_of) + 3600))]
        for start in (0, len(log_of)):
            chunk = chunk_of(capability.topic.name, 0, start, log_of)
            for one in (shard, crowded):
                one.fold(decoder.columns(chunk), 0, len(chunk), chunk.next)
        other.load(dict(shard.snapshot(float("inf"))[0]))
    took_s = time.perf_counter() - began_s
    log.warning("kernels are ready after %.1f s", took_s)
    return took_s


def _batch() -> bytes:
    from aiokafka.record.default_records import DefaultRecordBatchBuilder

    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=4096,
    )
    builder.append(0, 1000, b"key", b"value", [])
    return bytes(builder.build())
