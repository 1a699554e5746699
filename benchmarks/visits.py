"""The real pipeline on requests, drained: rates, scans and payloads; beside them traffic, and what it is made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from benchmarks.attackers import Attackers
from benchmarks.harness import PARTITIONS, Result, Setup, repeated, summary
from benchmarks.logs import Batch, Records, batched, chunks
from benchmarks.reference import Reference
from benchmarks.visitors import SERVICES, Ask, Visitors
from detectors.security.bank import SecurityBank
from detectors.security.payloads import Evidence
from topics.requests import REQUESTS, Request

START_MS, PER_S = 1_700_000_000_000, 5_000
CLIENTS, ATTACKERS = 20_000, 50
USUAL, PLAIN, WORDS = "usual", "plain", "words"
RECORDS = {USUAL: 200_000, PLAIN: 1_000_000, WORDS: 100_000}
RUNS = (
    (USUAL, 0.01, "security,traffic,composition"),
    (USUAL, 0.0, "security"),
    (USUAL, 0.01, "security"),
    (USUAL, 0.1, "security"),
    (PLAIN, 0.0, "security"),
    (WORDS, 0.0, "security"),
)
"""What is asked (as usual; nothing but plain words; in each request words that nobody asked for before), which share is
hostile, and who reads it."""


def requests(setup: Setup) -> Iterator[Result]:
    """Drain `requests`: what is usual with no, some and many attacks, what passes the gate, and what never does."""
    for mix, attacks, capabilities in RUNS:
        records = setup.records or RECORDS[mix]
        batches = batched(Records.of(asked(records, mix, attacks), PARTITIONS))
        yield drained(setup, batches, records, capabilities, mix=mix, attacks=attacks)


def drained(setup: Setup, batches: list[Batch], records: int, capabilities: str, **more: Any) -> Result:
    """Drain requests; `looked_at` is the share of them of which some text had to be decoded and matched."""
    with counting() as looked_at:
        reference = Reference(REQUESTS, capabilities.split(",")).fold(chunks(REQUESTS.name, batches))

    more |= {"capabilities": capabilities, "looked_at": round(looked_at() / records, 4)}
    return summary("requests", records, *repeated(setup, lambda: reference.drain(setup, batches)), **more)


def asked(n: int, mix: str, attacks: float, seed: int = 42) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield requests as (key, value, time in ms)."""
    chance, visitors, attackers = random.Random(seed), Visitors(seed), Attackers(seed)
    source = {USUAL: visitors.ask, PLAIN: visitors.ask_plainly, WORDS: visitors.ask_with_words}[mix]
    encode = msgspec.json.Encoder().encode
    for i in range(n):
        at_ms = START_MS + i * 1000 // PER_S
        hostile = chance.random() < attacks
        ask: Ask = attackers.ask() if hostile else source()
        client = f"100.64.{chance.randrange(ATTACKERS)}.7" if hostile else client_of_number(chance.randrange(CLIENTS))
        answered = {"status": 200, "service": chance.choice(SERVICES), "duration_s": chance.randint(1, 400) / 1000}
        sizes = {"bytes_in": chance.randint(80, 900), "bytes_out": chance.randint(200, 90_000)}
        request = Request(client=client, at_s=at_ms / 1000, **{**answered, **sizes, **ask})
        yield client.encode(), encode(request), at_ms


def client_of_number(number: int) -> str:
    """Return the name of a client: of ten, one comes over IPv6."""
    if number % 10 == 9:
        return f"2001:db8:{number >> 12:x}:{number & 0xFFF | 1:x}::/64"
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@contextmanager
def counting() -> Iterator[Callable[[], int]]:
    """Count, while it lasts, the requests of which some text is found neither plain nor known as harmless."""
    look, looked_at = SecurityBank._evidence, 0

    def counted(bank: SecurityBank, i: int, doubts: int) -> list[Evidence]:
        nonlocal looked_at
        looked_at += 1
        return look(bank, i, doubts)

    setattr(SecurityBank, "_evidence", counted)  # noqa: B010
    try:
        yield lambda: looked_at
    finally:
        setattr(SecurityBank, "_evidence", look)  # noqa: B010
