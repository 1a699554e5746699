"""Connections: who tried to reach what, and what came of it."""

from __future__ import annotations

from typing import Literal

from topics import Derived, Topic
from topics.clients import client_of
from topics.requests import problem_of

LARGEST_PORT = 65_535
Outcome = Literal["unknown", "answered", "refused", "none"]
Protocol = Literal["tcp", "udp", "icmp", "other"]


class Connection(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One connection, or the attempt at one.

    client         the address that opened it; keys the topic
    at_s           seconds since the Unix epoch, when it was opened
    target         the address that was to be reached; port: of the target, 0 where the protocol has none
    outcome        "answered" (somebody was there), "refused" (by the target, or a firewall before it), "none" (no
                   answer came), "unknown" (the source does not say)
    bytes          sent both ways, as far as the source says
    service        which service the target belongs to; "default" where the source does not say
    """

    client: str
    at_s: float
    target: str
    port: int = 0
    protocol: Literal["tcp", "udp", "icmp", "other"] = "tcp"
    outcome: Literal["unknown", "answered", "refused", "none"] = "unknown"
    bytes: int = 0
    service: str = "default"

    def key(self) -> str:
        """Return the client's one name: however its address is written, its connections meet in one partition."""
        return client_of(self.client)

    def subject(self) -> str:
        """Return client and target: one source record tells of one connection between the two at most."""
        return f"{self.client} {self.target} {self.port} {self.protocol}"

    def problem(self) -> str | None:
        """Say what makes this connection unusable, if anything does."""
        wrong = problem_of(self.at_s, client=self.client, target=self.target, service=self.service)
        if wrong is not None:
            return wrong
        if not 0 <= self.port <= LARGEST_PORT:
            return f"port must be 0 to {LARGEST_PORT}, got {self.port!r}"
        return None


CONNECTIONS = Topic("connections", (Connection,), key="client", keep_days=3, hot=True)
