"""Steps: what a record costs on its way through the engine, step by step, in one thread and without a broker.

Records come in lz4 batches as a producer makes them, a fetch at a time. Each step is timed alone, over what the step
before left, again and again, on the thread's own clock: `_ns` is the median per record, `_ns_min` the least.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Result, Setup
from benchmarks.logs import BATCH_BYTES, Records, batched
from detectors.bank import NEVER, Finding
from detectors.columns import Columns, Flags, Run
from detectors.names import hash_names
from detectors.rows import RowBank
from streams import bus
from streams.engine.batches import check_sums, read_batches, usable
from streams.engine.chunks import Chunk, index, split, unpack
from streams.engine.columns import Decoder
from streams.engine.memory import keep_freed
from streams.engine.shard import Shard
from topics import Derived, Topic
from topics.connections import CONNECTIONS
from topics.metrics import METRICS
from topics.requests import REQUESTS
from topics.settings import Scaling, Service, Settings

RECORDS, START_S, SERIES, CLIENTS = 100_000, 1_700_000_000, 1000, 5000
SMALL_BATCH, FETCH_BYTES = 1 << 14, 1 << 18
"""Bytes: of a batch as producers make them by default, before compression; of a fetch, after it."""
Step = Callable[..., object]
LEAST_ROUNDS, ROUND_S, OFTEN = 5, 0.1, 100
LOAD = "checkout1/latency_s{route=/p1}"
SETTINGS = Settings(services={"checkout1": Service(scaling=Scaling(load=LOAD, capacity=5.0))})


@dataclass(frozen=True)
class Workload:
    """Records of one topic, as one program writes them, and the capabilities whose folds are timed."""

    name: str
    topic: Topic
    write: Callable[[np.random.Generator, int], tuple[bytes, bytes]]
    capabilities: tuple[str, ...] = ()
    batch_bytes: int = SMALL_BATCH

    def fetches(self, n: int) -> list[bytes]:
        """Return n records, ten thousand a second, as the fetches that bring them."""
        chance = np.random.default_rng(42)
        log = [(*self.write(chance, i), START_S * 1000 + i // 10) for i in range(n)]
        found, offset = [b""], 0
        for batch in batched(Records.of(log, 1), self.batch_bytes):
            if len(found[-1]) + len(batch.raw) > FETCH_BYTES:
                found.append(b"")
            found[-1] += batch.placed(offset)
            offset += batch.records
        return found


def reading(chance: np.random.Generator, i: int) -> tuple[bytes, bytes]:
    """Return a reading of one of a thousand series."""
    service, route = divmod(int(chance.integers(SERIES)), 10)
    body = b'{"series":"checkout%d/latency_s{route=/p%d}","value":%.3f,"at_s":%.3f}'
    return b"checkout%d" % service, body % (service, route, chance.exponential(0.1), START_S + i / 10_000)


def ingested(chance: np.random.Generator, i: int) -> tuple[bytes, bytes]:
    """Return a reading that was translated from another format: it carries its origin."""
    key, body = reading(chance, i)
    origin = b'{"origin":{"capability":"ingest","topic":"telegraf","partition":3,"offset":%d,"subject":[1,"%s %.3f"]},'
    return key, origin % (8_000_000 + i, body.split(b'"')[3], START_S + i / 10_000) + body[1:]


def odd(chance: np.random.Generator, i: int) -> tuple[bytes, bytes]:
    """Return a reading with a name beyond ASCII, a value of seventeen digits, and a time with an exponent."""
    service, route = divmod(int(chance.integers(SERIES)), 10)
    text = f'{{"series":"größe{service}/verkäufe{{weg=/p{route}}}","value":{chance.exponential(1e-6)!r},'
    return b"gr%d" % service, (text + f'"at_s":{START_S + i / 10_000:.13e}}}').encode()


def request(chance: np.random.Generator, i: int) -> tuple[bytes, bytes]:
    """Return a request as an access log has it."""
    client, page, size = chance.integers(CLIENTS), chance.integers(100), chance.integers(100, 50_000)
    name = b"198.51.%d.%d" % divmod(int(client), 250)
    body = (
        b'{"client":"%s","at_s":%.3f,"path":"/shop/item/%d?ref=home&page=%d","method":"GET","status":200,'
        b'"duration_s":%.4f,"bytes_in":431,"bytes_out":%d,"agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0",'
        b'"referer":"https://shop.example/","service":"shop"}'
    )
    return name, body % (name, START_S + i / 10_000, page * 7, page, chance.exponential(0.05), size)


def attempt(chance: np.random.Generator, i: int) -> tuple[bytes, bytes]:
    """Return a connection, every other one in vain, among few targets and many ports."""
    client, target, port = chance.integers(CLIENTS), chance.integers(200), chance.integers(1, 1000)
    name = b"198.51.%d.%d" % divmod(int(client), 250)
    body = b'{"client":"%s","at_s":%.3f,"target":"203.0.113.%d","port":%d,"outcome":"%s","bytes":431,"service":"edge"}'
    return name, body % (name, START_S + i / 10_000, target, port, (b"answered", b"none")[i % 2])


WORKLOADS = (
    Workload("readings", METRICS, reading, ("anomaly", "scaling")),
    Workload("readings in large batches", METRICS, reading, (), BATCH_BYTES),
    Workload("ingested readings", METRICS, ingested, ("anomaly",)),
    Workload("odd readings", METRICS, odd),
    Workload("requests", REQUESTS, request, ("security", "traffic", "composition")),
    Workload("connections", CONNECTIONS, attempt, ("scans",)),
)


def steps(setup: Setup) -> Iterator[Result]:
    """Time every step of every workload."""
    keep_freed()
    for workload in WORKLOADS:
        yield measured(workload, setup.records or RECORDS, setup.repetitions)


def measured(workload: Workload, records: int, repetitions: int) -> Result:
    """Time every step of a workload; correct where every record's columns hold what the judge decodes."""
    fetches, topic = workload.fetches(records), workload.topic
    chunks = [split(topic.name, 0, raw, 0) for raw in fetches]
    result: Result = {
        "benchmark": "steps", "system": "luminar", "workload": workload.name, "records": records,
        "repetitions": repetitions, "bytes": round(sum(map(len, fetches)) / records, 1),
        "bytes_unpacked": round(sum(len(chunk.buf) for chunk in chunks) / records, 1),
        "correct": all(_is_right(topic, chunk) for chunk in chunks),
    }  # fmt: skip
    for name, step in (_unpacking(fetches) | _decoding(topic, chunks)).items():
        result |= _said(f"{name}_ns", _timed(step, repetitions), records)
    for name in workload.capabilities:
        warm, rest = _warm(_shard(name, topic), topic, chunks)
        taken = _timed(partial(_fold, topic, rest), repetitions, partial(copy.deepcopy, warm))
        result |= _said(f"fold_{name}_ns", taken, sum(map(len, rest)))
    return result | _of_one(workload, repetitions)


def _said(name: str, taken: list[int], records: float) -> Result:
    return {name: round(statistics.median(taken) / records, 1), f"{name}_min": round(min(taken) / records, 1)}


def _timed(step: Step, repetitions: int, prepare: Callable[[], Shard] | None = None) -> list[int]:
    """Return how many nanoseconds a step takes, measured again and again; what it is prepared with does not count."""
    step(*([prepare()] if prepare else []))
    taken: list[int] = []
    while len(taken) < LEAST_ROUNDS or sum(taken) < ROUND_S * 1e9 * repetitions:
        subject = [prepare()] if prepare else []
        began_ns = time.thread_time_ns()
        step(*subject)
        taken.append(time.thread_time_ns() - began_ns)
    return taken


def _is_right(topic: Topic, chunk: Chunk) -> bool:
    """Compare the columns of a chunk with what the judge alone makes of its values."""
    columns, judge = Decoder(topic).columns(chunk), topic.decoder().decode
    chunk.columns = None
    for i in range(len(chunk)):
        record = judge(chunk.value(i) or b"")
        if not columns.good[i] or columns.record(i) != record:
            return False
        if any(text[i].decode() != getattr(record, name) for name, text in columns.text.items() if text.length[i] >= 0):
            return False
        if any(float(value[i]) != getattr(record, name) for name, value in columns.number.items()):
            return False
    return True


def _unpacking(fetches: list[bytes]) -> dict[str, Step]:
    """Return the steps from a fetch's bytes to its index."""
    headers = [(raw, batches := read_batches("", raw), usable(batches, (), False)) for raw in fetches]
    unpacked = [unpack("", raw, batches, wanted) for raw, batches, wanted in headers]

    def check() -> None:
        for raw, batches, _ in headers:
            check_sums("", raw, batches)

    return {
        "headers": lambda: [read_batches("", raw) for raw in fetches],
        "checksums": check,
        "unpack": lambda: [unpack("", raw, batches, wanted) for raw, batches, wanted in headers],
        "index": lambda: [index("", found, 0) for found in unpacked],
        "split": lambda: [split("", 0, raw, 0) for raw in fetches],
    }


def _decoding(topic: Topic, chunks: list[Chunk]) -> dict[str, Step]:
    """Return the steps from a chunk to the rows of its records; the columns stay with it."""
    decoder, key = Decoder(topic), "series" if topic is METRICS else "client"
    shard = Shard(LookupBank, topic.name, 0)

    def scan() -> None:
        for chunk in chunks:
            chunk.columns = None
            decoder.columns(chunk)

    def hash_keys() -> None:
        for chunk in chunks:
            text = decoder.columns(chunk).text[key]
            hash_names(text.buf, text.at, text.length)

    def find() -> None:
        for chunk in chunks:
            columns = decoder.columns(chunk)
            n = len(columns)
            keep, late = np.ones(n, np.bool_), np.zeros(n, np.bool_)
            shard.bank.fold(Run(columns, 0, n, keep, late, shard.positions, columns.time_ms))

    LookupBank.key = key
    return {"scan": scan, "hash": hash_keys, "find_rows": find}


class LookupBank(RowBank):
    """Finds every record's row, and does nothing with it."""

    capability, key, placed = "lookup", "", False
    dtype = np.dtype([("nothing", "i8")])

    @property
    def due_ms(self) -> int:
        """Return NEVER."""
        return NEVER

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Do nothing."""
        return []

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Do nothing."""
        return []


def _shard(name: str, topic: Topic) -> Shard:
    """Return a capability's empty shard."""
    (capability,) = [one for one in bus.capabilities() if one.name == name]
    return Shard(capability.bank, topic.name, 0, verb=capability.verb, settings=SETTINGS)


def _warm(shard: Shard, topic: Topic, chunks: list[Chunk]) -> tuple[Shard, list[Chunk]]:
    """Fold the first half of some chunks, so that names are known and models warm; return the other half, too."""
    half = (len(chunks) + 1) // 2
    _fold(topic, chunks[:half], shard)
    return shard, chunks[half:] or chunks


def _fold(topic: Topic, chunks: list[Chunk], shard: Shard) -> None:
    decoder = Decoder(topic)
    for chunk in chunks:
        shard.fold(decoder.columns(chunk), 0, len(chunk), chunk.next)


def _of_one(workload: Workload, repetitions: int) -> Result:
    """Return what a fetch of one record costs, in microseconds: what a chunk costs however little is in it."""
    topic, (raw,) = workload.topic, workload.fetches(1)
    decoder, chunk = Decoder(topic), split(topic.name, 0, raw, 0)
    steps: dict[str, Step] = {
        "split": partial(split, topic.name, 0, raw, 0),
        "scan": lambda: decoder.columns(replace(chunk, columns=None)),
    }
    columns = decoder.columns(chunk)
    for name in workload.capabilities:
        shard = _shard(name, topic)
        steps[f"fold_{name}"] = partial(shard.fold, columns, 0, 1, chunk.next)
    result: Result = {}
    for name, step in steps.items():
        result |= _said(f"one_{name}_us", _timed(partial(_often, step), repetitions), OFTEN * 1000)
    return result


def _often(step: Step) -> None:
    for _ in range(OFTEN):
        step()
