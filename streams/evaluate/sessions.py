"""Sessions: who is found hostile in access logs: of ordinary visitors nobody, of a product's tests those it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from detectors.security.bank import SecurityBank
from streams.engine.chunks import chunk_of
from streams.engine.columns import Decoder
from streams.engine.shard import Shard
from streams.evaluate.recordings import lines, visits
from streams.ingest import FORMATS, Refused
from topics import Derived
from topics.clients import client_of
from topics.proposals import Proposal
from topics.requests import REQUESTS, Request
from topics.settings import Settings, Source
from topics.signals import Threat

NORMAL, HUB = "sessions_access_normal", "sessions_crowdsec_hub"
READ_AS = ("access_log", "nginx_json")
_SYSLOG = re.compile(r"[A-Z][a-z]{2} +\d+ [\d:]{8} \S+ \S+?\[\d+\]: ")


class HubTest(msgspec.Struct):
    """A test of a product's rules: log lines, and the addresses of whom they are to find."""

    test: str
    lines: list[str]
    expected_sources: list[str]


def said_of(requests: Sequence[Request]) -> list[Derived]:
    """Return what an empty bank under the shipped settings says of requests, in the order of their times."""
    shard = Shard(SecurityBank, REQUESTS.name, 0, settings=Settings())
    ordered = sorted(requests, key=lambda request: request.at_s)
    encode = msgspec.json.encode
    items = [(one.key().encode("utf-8", "replace"), encode(one), int(one.at_s * 1000)) for one in ordered]
    chunk = chunk_of(REQUESTS.name, 0, 0, items)
    return shard.fold(Decoder(REQUESTS).columns(chunk), 0, len(chunk), chunk.next).records


def of_normal(requests: Sequence[Request]) -> dict[str, float]:
    """Return how many sources of ordinary visits there are, how many were proposed for a block, or only told of."""
    said = said_of(requests)
    blocked = {one.target for one in said if isinstance(one, Proposal)}
    families: dict[str, set[str]] = {}
    for one in said:
        if isinstance(one, Threat):
            families.setdefault(f"{one.family}_{one.rule}" if one.family == "rate" else one.family, set()).add(
                one.client
            )
    figures: dict[str, float] = {
        "sources": len({request.key() for request in requests}),
        "false_sources": len(blocked),
        "told_sources": len(set[str]().union(*families.values())),
    }
    return figures | {f"told_{family}": len(sources) for family, sources in sorted(families.items())}


def request_of(line: str) -> Request | None:
    """Return the request that a line tells of in one of our formats, behind what syslog puts before it."""
    raw = _SYSLOG.sub("", line, count=1).encode("utf-8", "replace")
    for name in READ_AS:
        try:
            (record,) = FORMATS[name](raw, None, Source(topic="hub", format=name))
        except Refused:
            continue
        return record if isinstance(record, Request) else None
    return None


def of_hub(tests: Sequence[HubTest]) -> dict[str, float]:
    """Return of how many tests a line can be read, of how many all sources are told of, and of sources not named.

    The tests are of specific products, and many of protocols that are no HTTP: recall is of those that can be read.
    """
    readable = found = blocked = strangers = 0
    for test in tests:
        requests = [request for request in map(request_of, test.lines) if request is not None]
        if not requests:
            continue
        readable += 1
        said = said_of(requests)
        expected = {client_of(source) for source in test.expected_sources}
        told = {one.client for one in said if isinstance(one, Threat)}
        found += expected <= told
        blocked += expected <= {one.target for one in said if isinstance(one, Proposal)}
        strangers += len(told - expected)
    return {
        "tests": len(tests), "readable": readable, "recall": 100 * found / max(readable, 1),
        "recall_all": 100 * found / max(len(tests), 1), "blocked": 100 * blocked / max(readable, 1),
        "false_sources": strangers,
    }  # fmt: skip


def measure(folder: Path) -> dict[str, float]:
    """Return the figures of the sessions that a folder has, `source.measure`."""
    figures = dict[str, float]()
    if (folder / f"{NORMAL}.jsonl").exists():
        found = of_normal(visits(folder / f"{NORMAL}.jsonl"))
        figures |= {f"{NORMAL}.{name}": float(value) for name, value in found.items()}
    if (folder / f"{HUB}.jsonl").exists():
        found = of_hub(lines(folder / f"{HUB}.jsonl", HubTest))
        figures |= {f"{HUB}.{name}": float(value) for name, value in found.items()}
    return figures
