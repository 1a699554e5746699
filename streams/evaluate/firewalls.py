"""Firewalls: whatever says of each request whether it is hostile. Ours is the bank that the worker runs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import NamedTuple
from urllib.parse import unquote_plus

import click
import msgspec
import numpy as np

from detectors.columns import Flags
from detectors.security.bank import SecurityBank
from detectors.security.gate import FIELDS, Gate
from detectors.security.model import BITS, VERSION, Model, Recipe
from detectors.security.naming import FAMILIES, NAME_BITS
from detectors.security.payloads import inspect, inspect_headers
from streams.engine.chunks import chunk_of
from streams.engine.columns import Decoder
from streams.engine.shard import Shard
from topics import Derived
from topics.control import Lesson
from topics.proposals import Proposal
from topics.requests import REQUESTS, Request
from topics.settings import Settings
from topics.signals import Threat

CHUNK = 1_000
"""Requests that come at once; what is learned of them is in force behind them."""
OTHER_SIGNS = ("rate", "scan", "login", "crawl", "enumeration")
"""Families of threats that are no payloads."""
RULES_ALONE = Model(
    np.zeros(1 << BITS, np.int8), np.zeros((1 << NAME_BITS, len(FAMILIES)), np.int8), Recipe(VERSION, "")
)
"""Weights of nought leave it to the rules."""


class Verdicts(NamedTuple):
    """What was said of requests.

    hostile        bool [n]: its payload was found hostile; over: it was one too many for its client
    seconds        of processor time it took, decoding from JSON included
    blocked        the clients that were proposed for a block
    family         of the first payload of each request that has one, by its place
    """

    hostile: Flags
    over: Flags
    seconds: float
    blocked: frozenset[str] = frozenset()
    family: Mapping[int, str] = {}


Firewall = Callable[[Sequence[Request]], Verdicts]


def luminar(requests: Sequence[Request]) -> Verdicts:
    """Fold requests, one after the other, into an empty bank with the shipped settings; it learns as in a worker."""
    return folded(requests, SecurityBank, len(requests))


def folded(requests: Sequence[Request], bank: type[SecurityBank], learned: int, size: int = CHUNK) -> Verdicts:
    """Fold requests into an empty bank, which learns of the first `learned` of them, `size` at a time."""
    shard, decoder = Shard(bank, REQUESTS.name, 0, settings=Settings()), Decoder(REQUESTS)
    encode, said, seconds = msgspec.json.encode, list[Derived](), 0.0
    for turn, first in enumerate(range(0, len(requests), size)):
        part = requests[first : first + size]
        items = [(one.key().encode("utf-8", "replace"), encode(one), int(one.at_s * 1000)) for one in part]
        if first <= learned:
            teach(shard, decoder, first + turn, items[0][2])
        chunk = chunk_of(REQUESTS.name, 0, first + turn + 1, items)
        began_s = time.process_time()
        columns = decoder.columns(chunk)
        found = shard.fold(columns, 0, len(chunk), chunk.next)
        seconds += time.process_time() - began_s
        assert not found.letters, f"a recorded request was refused: {found.letters[0].reason}"
        said += found.records
    hostile, over = np.zeros(len(requests), np.bool_), np.zeros(len(requests), np.bool_)
    family: dict[int, str] = {}
    for record in said:
        assert record.origin is not None
        place = record.origin.offset - record.origin.offset // (size + 1) - 1  # a lesson has room before each chunk
        if isinstance(record, Threat) and record.family not in OTHER_SIGNS:
            hostile[place] = True
            family.setdefault(place, record.family)
        elif isinstance(record, Threat) and (record.family, record.rule) == ("rate", "limit"):
            over[place] = True
    return Verdicts(hostile, over, seconds, frozenset(one.target for one in said if isinstance(one, Proposal)), family)


def teach(shard: Shard, decoder: Decoder, offset: int, time_ms: int) -> None:
    """Let what a bank has learned, if anything, come into force at an offset."""
    content = shard.bank.lesson()
    if content is not None:
        lesson = msgspec.json.encode(Lesson(shard.capability, content))
        chunk = chunk_of(REQUESTS.name, 0, offset, [(b"", lesson, time_ms)])
        shard.fold(decoder.columns(chunk), 0, 1, chunk.next)


def passing(requests: Sequence[Request]) -> Flags:
    """Return which requests the gate lets pass without a look, but for their agents, which it soon knows."""
    encode, decoder, passed = msgspec.json.encode, Decoder(REQUESTS), []
    others = np.uint8(~(1 << FIELDS.index("agent")) & 0xFF)
    for first in range(0, len(requests), CHUNK):
        items = [(b"", encode(one), 0) for one in requests[first : first + CHUNK]]
        columns = decoder.columns(chunk_of(REQUESTS.name, 0, first, items))
        passed.append(Gate().doubts(columns, columns.good, 0, len(columns)) & others == 0)
    return np.concatenate(passed) if passed else np.zeros(0, np.bool_)


def each(look: Callable[[Request], bool]) -> Firewall:
    """Return a firewall that looks at one request after the other, and at nothing but payloads."""

    def judge(requests: Sequence[Request]) -> Verdicts:
        began_s = time.process_time()
        hostile = np.array([look(request) for request in requests], np.bool_)
        return Verdicts(hostile, np.zeros(len(requests), np.bool_), time.process_time() - began_s)

    return judge


def fields(request: Request) -> list[tuple[str, str]]:
    """Return the texts of a request that can carry a payload, by field."""
    texts = [(name, getattr(request, name)) for name in ("path", "agent", "referer", "user", "body")]
    return [(name, text) for name, text in texts if text]


def by_signatures(request: Request) -> bool:
    """Say whether a signature matches, whatever the model says."""
    if any(inspect(name, text.encode("utf-8", "replace"), RULES_ALONE) for name, text in fields(request)):
        return True
    return bool(inspect_headers(request.headers or {}))


NAIVE = re.compile(
    r"union\s+(?:all\s+)?select|\bor\s+\d+\s*=\s*\d+|'\s*or\s*'|--\s*$|;\s*drop\s+table|sleep\(\d|information_schema"
    r"|<script|javascript:|\bon\w+\s*=|<iframe|alert\("
    r"|\.\./|\.\.\\|/etc/passwd|\b(?:cat|wget|curl|whoami|uname)\b\s|[;|`]\s*(?:ls|id|cat)\b|\$\("
)


def naively(request: Request) -> bool:
    """Say whether a few expressions, as many a blog gives them, match the request decoded once."""
    return any(NAIVE.search(unquote_plus(text).lower()) for _, text in fields(request))


def by_libinjection(request: Request) -> bool:
    """Say whether libinjection finds SQL or a script in a value, decoded once."""
    library = import_module("libinjection")
    for name, text in fields(request):
        values = re.split(r"[?&]", text) if name in ("path", "body") else [text]
        for value in values:
            meant = unquote_plus(value.partition("=")[2] or value)
            if library.is_sql_injection(meant)["is_sqli"] or library.is_xss(meant)["is_xss"]:
                return True
    return False


OTHERS = {"signatures": by_signatures, "naive": naively, "libinjection": by_libinjection}


def firewall_of(detector: str) -> Firewall:
    """Return what judges: the shipped bank, or one to compare with."""
    if detector == "luminar":
        return luminar
    if detector not in OTHERS:
        raise click.BadParameter(f"no detector {detector!r}; there are luminar, {', '.join(OTHERS)}")
    if detector == "libinjection":
        try:
            import_module("libinjection")
        except ImportError as error:
            raise click.BadParameter(
                "libinjection is not installed: pip install libinjection-python (needs a C compiler)"
            ) from error
    return each(OTHERS[detector])
