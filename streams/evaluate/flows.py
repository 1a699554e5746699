"""Flows: which scanners are found among the connections of recorded days, and who else is called one.

A day is a file of connections with a file of its sources beside it, `_truth`, which says who tried many targets, and
which is the recorded host itself. Of small captures the name, or the labels of their rows, say who scans.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from detectors.scans import ScansBank
from streams.engine.chunks import chunk_of
from streams.engine.columns import Decoder
from streams.engine.shard import Shard
from streams.evaluate.recordings import lines
from streams.ingest.connections import protocol_of
from streams.ingest.zeek_conn import STATES
from topics.clients import client_of
from topics.connections import CONNECTIONS, Connection, Outcome
from topics.settings import Settings
from topics.signals import Threat

DAYS, CAPTURES, TRUTH = "flows_*_edge*.jsonl", "flows_slips.jsonl", "_truth.jsonl"
CHUNK = 2_000
IN_WINDOW, WINDOW_S = 15, 300.0


class Flow(msgspec.Struct):
    """A connection of a recording, as Zeek saw it."""

    ts: float
    src: str
    dst: str
    dport: int | None = None
    state: str | None = None
    proto: str = "tcp"
    rb: int | None = None
    label: str | None = None
    detail: str | None = None
    capture: str = ""
    kind: str = ""


class Judged(msgspec.Struct):
    """What is known of a source of a day."""

    src: str
    distinct_targets: int = 0
    scanner: bool = False
    own_host: bool = False


class Found(NamedTuple):
    """Whom the bank called scanners, and how many seconds of processor time the connections took."""

    clients: frozenset[str]
    seconds: float


Watch = Callable[[Sequence[Flow]], Found]


def measure(folder: Path, watch: Watch) -> dict[str, float]:
    """Return the figures of every recording of connections in a folder; none where there is none."""
    figures = dict[str, float]()
    days = [path for path in sorted(folder.glob(DAYS)) if not path.name.endswith(TRUTH)]
    pairs = [(path, truth) for path in days if (truth := path.with_name(path.stem + TRUTH)).exists()]
    if pairs:
        figures |= {f"scans.{name}": value for name, value in of_days(pairs, watch).items()}
    if (folder / CAPTURES).exists():
        captures = of_captures(lines(folder / CAPTURES, Flow), watch)
        figures |= {f"slips.{name}": value for name, value in captures.items()}
    return figures


def folded(flows: Sequence[Flow]) -> Found:
    """Fold connections in the order of their times into an empty bank with the shipped settings."""
    shard, decoder = Shard(ScansBank, CONNECTIONS.name, 0, settings=Settings()), Decoder(CONNECTIONS)
    ordered = sorted(flows, key=lambda flow: flow.ts)
    said, seconds = set[str](), 0.0
    for first in range(0, len(ordered), CHUNK):
        part = [_connection(flow) for flow in ordered[first : first + CHUNK]]
        items = [(one.key().encode(), msgspec.json.encode(one), int(one.at_s * 1000)) for one in part]
        chunk = chunk_of(CONNECTIONS.name, 0, first, items)
        began_s = time.process_time()
        done = shard.fold(decoder.columns(chunk), 0, len(chunk), chunk.next)
        seconds += time.process_time() - began_s
        assert not done.letters, f"a recorded connection was refused: {done.letters[0].reason}"
        said |= {record.client for record in done.records if isinstance(record, Threat)}
    return Found(frozenset(said), seconds)


def _connection(flow: Flow) -> Connection:
    heard: Outcome = "answered" if flow.rb else "unknown"
    return Connection(
        client=flow.src, at_s=flow.ts, target=flow.dst, port=flow.dport or 0, protocol=protocol_of(flow.proto),
        outcome=STATES.get(flow.state or "", heard),
    )  # fmt: skip


def by_window(flows: Sequence[Flow]) -> Found:
    """Call a scanner who fails at 15 distinct targets within five minutes: the usual rule, to compare with."""
    began_s, said, recent = time.process_time(), set[str](), defaultdict[str, dict[tuple[str, int | None], float]](dict)
    for flow in sorted(flows, key=lambda flow: flow.ts):
        if STATES.get(flow.state or "") in ("refused", "none"):
            client = client_of(flow.src)
            recent[client][flow.dst, flow.dport] = flow.ts
            if sum(at_s > flow.ts - WINDOW_S for at_s in recent[client].values()) >= IN_WINDOW:
                said.add(client)
    return Found(frozenset(said), time.process_time() - began_s)


WATCHES: dict[str, Watch] = {"luminar": folded, "naive": by_window}


def of_days(pairs: Sequence[tuple[Path, Path]], watch: Watch) -> dict[str, float]:
    """Return how many scanners of the days are found in percent, and how many sources are called one that are none.

    recall         of the sources that tried at least 15 targets on their day
    false_sources  how many others are called one, own hosts included; the fewest targets that one of them tried:
                   false_targets_least; those of them of whose targets at least half answered: false_answered
    own_hosts      the recorded hosts themselves among them
    """
    scanners, found, own, answered, seconds, count = 0, 0, 0, 0, 0.0, 0
    wrong = list[int]()
    watch(lines(pairs[0][0], Flow)[:50])  # Compiling is not what is measured.
    for path, truth in pairs:
        flows = lines(path, Flow)
        called = watch(flows)
        known = {client_of(one.src): one for one in lines(truth, Judged)}
        wanted = {client for client, one in known.items() if one.scanner}
        tried, served = (
            _targets(flows),
            _targets([flow for flow in flows if STATES.get(flow.state or "") == "answered"]),
        )
        scanners, found = scanners + len(wanted), found + len(wanted & called.clients)
        wrong += [tried[client] for client in called.clients - wanted]
        answered += sum(2 * served.get(client, 0) >= tried[client] for client in called.clients - wanted)
        own += sum(known[client].own_host for client in called.clients & known.keys())
        seconds, count = seconds + called.seconds, count + len(flows)
    figures = {"recall": 100 * found / scanners} if scanners else {}
    figures |= {"false_sources": float(len(wrong)), "false_answered": float(answered), "own_hosts": float(own)}
    if wrong:
        figures |= {"false_targets_least": float(min(wrong)), "false_targets_median": float(np.median(wrong))}
    return figures | {"us_per_connection": 1e6 * seconds / count}


def of_captures(flows: Sequence[Flow], watch: Watch) -> dict[str, float]:
    """Return how many scanners of small captures are found in percent, and who else is called one.

    recall         of the sources that a label calls scanners, and of the busiest one of a capture that is called a scan
    false_sources  of all others in captures of which it is known who scans, but for those that do other harm
    unlabelled     of captures of which it is not
    """
    by_capture = defaultdict[str, list[Flow]](list)
    for flow in flows:
        by_capture[flow.capture].append(flow)
    scanners, found, wrong, unlabelled = 0, 0, 0, 0
    for its in by_capture.values():
        called, wanted = watch(its).clients, _scanners(its)
        if wanted is None:
            unlabelled += len(called)
            continue
        scanners, found = scanners + len(wanted), found + len(wanted & called)
        wrong += len(called - wanted - _about(its, "malicious"))
    figures = {"recall": 100 * found / scanners} if scanners else {}
    return figures | {"false_sources": float(wrong), "unlabelled": float(unlabelled)}


def _scanners(flows: Sequence[Flow]) -> set[str] | None:
    """Return who scans in a capture; None where nobody says."""
    if any(flow.label for flow in flows):
        return _about(flows, "scan")
    if not any("scan" in flow.kind for flow in flows):
        return None
    tried = _targets(flows)
    return {max(sorted(tried), key=tried.__getitem__)}


def _about(flows: Sequence[Flow], word: str) -> set[str]:
    """Return the sources whose labels have a word in them."""
    return {client_of(one.src) for one in flows if word in f"{one.label} {one.detail}".lower()}


def _targets(flows: Sequence[Flow]) -> dict[str, int]:
    """Return how many distinct targets, with their ports, each source tried."""
    tried = defaultdict[str, set[tuple[str, int | None]]](set)
    for flow in flows:
        tried[client_of(flow.src)].add((flow.dst, flow.dport))
    return {client: len(targets) for client, targets in tried.items()}
