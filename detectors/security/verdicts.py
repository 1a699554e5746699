"""Verdicts: what is said of a client when a request shows something."""

from __future__ import annotations

from typing import Any, NamedTuple

from detectors.security import blocks, habits, rates
from detectors.security.families import FAMILIES
from detectors.security.masking import masked
from detectors.security.payloads import Evidence
from topics import Derived
from topics.settings import Limit, SecuritySettings
from topics.signals import Threat

RATE_SCORE, SCAN_SCORE, LOGIN_SCORE = 2.0, 1.5, 2.0
WEIGHTS = {"rate": 0.5, "agent": 0.5}
"""Families whose evidence counts less than 1."""


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
    """Say what is new among the hostile pieces of a request; enough distinct evidence leads to a proposed block.

    While a block would run, a client whose row is full of evidence is known well enough, and nothing more is said.
    """
    said: list[Derived] = []
    for piece in pieces:
        text = f"{FAMILIES[piece.family]} in {piece.field}: {piece.rule}"
        said += add(case, piece, text, f"{text}: {masked(piece.excerpt, piece.field)}")
    return said


def add(case: Case, piece: Evidence, text: str, last: str) -> list[Derived]:
    """Note a piece of evidence; say it where it is new, and propose a block where it is enough.

    text           the finding in one sentence; last: how it is called as the last of several
    """
    needed, window_s, said = case.settings.evidence, case.settings.evidence_window_s, list[Derived]()
    new, distinct, weight = blocks.note(case.row, piece, case.at_s, window_s, WEIGHTS.get(piece.family, 1.0))
    runs = blocks.runs(case.row, case.clock_s)
    if case.late or (runs and (not new or distinct == blocks.PIECES)):
        return []
    leads = weight >= needed and not runs
    if new or leads:
        score = piece.score + weight / needed
        said.append(case.threat(piece.family, piece.rule, text, score, piece.field, piece.excerpt))
    if leads:
        why = f"{distinct} distinct pieces of hostile evidence in {window_s:g} s, the last: {last}"
        said += case.block(piece.family, why)
    return said


def of_unusual(case: Case, limit: float) -> list[Derived]:
    """Say that a client asks more of a service than it usually does: evidence, but not much."""
    text = habits.words(limit, case.service)
    return add(case, Evidence("rate", "learned", case.service, ""), text, text)


def of_login(case: Case, accounts: int) -> list[Derived]:
    """Say that a client fails to log in again and again, as so many accounts, and propose a block."""
    settings = case.settings
    rule, why = "guessing", f"more than {settings.login_failures} failed logins in {settings.login_window_s:g} s"
    if accounts > settings.login_accounts:
        rule, why = "stuffing", f"failed to log in as {accounts} accounts in {settings.login_accounts_window_s:g} s"
    return [case.threat("login", rule, why, LOGIN_SCORE), *case.block("login", why)]


def of_crawl(case: Case) -> list[Derived]:
    """Say that a client takes many pages with it: evidence."""
    settings = case.settings
    text = f"more than {settings.crawl_pages} distinct pages in {settings.crawl_window_s:g} s"
    return add(case, Evidence("crawl", "pages", case.service, ""), text, text)


def of_walk(case: Case, path: str) -> list[Derived]:
    """Say that a client counts up the numbers of objects: evidence."""
    shown = masked(path, "path")
    text = f"asked for more than {case.settings.walk_ids} objects by counting up their numbers, the last: {shown}"
    return add(case, Evidence("enumeration", "numbers", case.service, ""), text, text)


def of_agent(case: Case, agent: str) -> None:
    """Note that a client's agent is a scanner's: too little to be said."""
    blocks.note(
        case.row, Evidence("agent", agent, "agent", ""), case.at_s, case.settings.evidence_window_s, WEIGHTS["agent"]
    )
