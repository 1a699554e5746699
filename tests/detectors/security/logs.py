"""Logs of requests that the tests of security share."""

from collections.abc import Iterable
from typing import Any

from detectors.security.bank import SecurityBank
from tests.fakes import fold
from topics import Derived
from topics.proposals import Proposal
from topics.requests import REQUESTS, Request
from topics.settings import SecuritySettings, Settings
from topics.signals import Threat

START_S = 1_000_000
CLIENT = "192.0.2.1"


def request(at_s: float = 0.0, client: str = CLIENT, path: str = "/", **more: Any) -> Request:
    """Return a request that came `at_s` seconds after the start."""
    return Request(client=client, at_s=START_S + at_s, path=path, **more)


def log_of(requests: Iterable[Request]) -> list[tuple[int, Any]]:
    """Append each request when it came, or, where it is late, when the one before it was appended."""
    log: list[tuple[int, Any]] = []
    time_ms = 0
    for one in requests:
        time_ms = max(time_ms, int(one.at_s * 1000))
        log.append((time_ms, one))
    return log


def said_of(requests: Iterable[Request], security: SecuritySettings | None = None) -> list[Derived]:
    """Return what the bank says of requests, in order."""
    settings = Settings(security=security or SecuritySettings())
    return fold(SecurityBank, REQUESTS, log_of(requests), settings)


def threats(said: Iterable[Derived], family: str | None = None) -> list[Threat]:
    return [one for one in said if isinstance(one, Threat) and family in (None, one.family)]


def proposals(said: Iterable[Derived]) -> list[Proposal]:
    return [one for one in said if isinstance(one, Proposal)]
