"""Requests: what clients asked of a service."""

from __future__ import annotations

import math

from topics import Derived, Topic
from topics.clients import client_of

LONGEST_NAME = 256


def problem_of(at_s: float, **names: str) -> str | None:
    """Say what makes names, of which `service` is one, or a time unusable, if anything does.

    >>> problem_of(1.0, client="192.0.2.7", service="a/b")
    "service must not contain a slash, got 'a/b'"
    """
    for name, text in names.items():
        size = len(text.encode("utf-8", "surrogatepass"))
        if not 1 <= size <= LONGEST_NAME:
            return f"{name} must have 1 to {LONGEST_NAME} bytes, got {size}"
    if "/" in names["service"]:
        return f"service must not contain a slash, got {names['service']!r}"
    if not (math.isfinite(at_s) and at_s >= 0):
        return f"at_s must be seconds since 1970, got {at_s!r}"
    return None


class Request(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One request of one client.

    client         an IP address or an API key; keys the topic
    at_s           seconds since the Unix epoch, when the request arrived
    path           as it was sent: raw, with its query
    status         HTTP status, 100 to 599; 0 where nobody answered
    duration_s     how long the answer took
    bytes_in       size of the request; bytes_out: of the answer
    agent, referer header fields of that name; user: who was logged in
    service        which service was asked; "default" where the source does not say
    body           the request's body, capped by the source; headers: further header fields
    """

    client: str
    at_s: float
    path: str
    method: str = "GET"
    host: str = ""
    status: int = 0
    duration_s: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    agent: str = ""
    referer: str = ""
    user: str = ""
    service: str = "default"
    body: str = ""
    headers: dict[str, str] | None = None

    def key(self) -> str:
        """Return the client's one name, so that however its address is written, its requests meet in one partition."""
        return client_of(self.client)

    def subject(self) -> str:
        """Return the client: one source record makes at most one request."""
        return self.client

    def problem(self) -> str | None:
        """Say what makes this request unusable, if anything does."""
        wrong = problem_of(self.at_s, client=self.client, service=self.service)
        if wrong is not None:
            return wrong
        if not 0 <= self.status <= 999:
            return f"status must be 0 to 999, got {self.status!r}"
        if not 0 <= self.duration_s <= 1e9:
            return f"duration_s must be 0 to 1e9 seconds, got {self.duration_s!r}"
        return None


REQUESTS = Topic("requests", (Request,), key="client", keep_days=3, hot=True)
