"""Verdicts: what is said of a client when a request shows something."""

from __future__ import annotations

from typing import Any, NamedTuple

from detectors.security import blocks, rates
from detectors.security.masking import masked
from detectors.security.payloads import Evidence
from topics import Derived
from topics.settings import Limit, SecuritySettings
from topics.signals import Threat

RATE_SCORE, SCAN_SCORE = 2.0, 1.5
FAMILIES = {
    "sqli": "SQL injection",
    "xss": "cross-site scripting",
    "traversal": "path traversal",
    "command": "command injection",
    "payload": "hostile payload",
}


class Case(NamedTuple):
    """A request that shows something: whose, to which service, when (at_s: its own time, clock_s: the log's clock).

    row            the client's row; late: teaches, but nothing is said
    """

    row: Any
    client: str
    service: str
    at_s: float
    clock_s: float
    late: bool
    settings: SecuritySettings

    def threat(self, family: str, rule: str, text: str, score: float, field: str = "", excerpt: str = "") -> Threat:
        """Return a threat of this client."""
        return Threat(
            client=self.client, service=self.service, family=family, rule=rule, at_s=self.at_s, field=field,
            excerpt=masked(excerpt, field), score=score, text=text,
        )  # fmt: skip

    def block(self, family: str, why: str) -> list[Derived]:
        """Propose a block, unless one runs."""
        proposal = blocks.propose(self.row, self.client, self.service, family, why, self.clock_s, self.settings)
        return [] if proposal is None else [proposal]


def of_rate(case: Case, limit: Limit) -> list[Derived]:
    """Say that a limit was exceeded, and propose a block."""
    why = rates.words(limit)
    return [case.threat("rate", "limit", why, RATE_SCORE), *case.block("rate", why)]


def of_scan(case: Case) -> list[Derived]:
    """Say that a client looks for what is not there, and propose a block."""
    settings = case.settings
    why = f"more than {settings.scan_paths} distinct paths answered 4xx in {settings.scan_window_s:g} s"
    return [case.threat("scan", "paths", why, SCAN_SCORE), *case.block("scan", why)]


def of_evidence(case: Case, pieces: list[Evidence]) -> list[Derived]:
    """Say what is new among the evidence in a request; enough distinct pieces lead to a proposed block.

    While a block would run, a client whose row is full of evidence is known well enough, and nothing more is said.
    """
    said: list[Derived] = []
    needed, window_s = case.settings.evidence, case.settings.evidence_window_s
    for piece in pieces:
        new, distinct = blocks.note(case.row, piece, case.at_s, window_s)
        runs = blocks.runs(case.row, case.clock_s)
        if case.late or (runs and (not new or distinct == blocks.PIECES)):
            continue
        text = f"{FAMILIES[piece.family]} in {piece.field}: {piece.rule}"
        leads = distinct >= needed and not runs
        if new or leads:
            score = 1.0 + distinct / needed
            said.append(case.threat(piece.family, piece.rule, text, score, piece.field, piece.excerpt))
        if leads:
            why = f"{distinct} distinct pieces of hostile evidence in {window_s:g} s, the last: {text}: "
            why += masked(piece.excerpt, piece.field)
            said += case.block(piece.family, why)
    return said
