"""The blocklist: clients that are to be refused, each until a time."""

from __future__ import annotations

from topics import Derived, Origin, Topic


class Block(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A client to refuse until a time; a tombstone (the key with no value) lifts it.

    client         an IPv4 address, an IPv6 /64 network, or an API key; keys the topic
    family         the threat's; times: how often this client was blocked, this time included
    until_s        when the block ends, by the log's clock; at_s: when it began
    """

    client: str
    family: str
    until_s: float
    why: str
    at_s: float
    service: str = ""
    times: int = 1
    proposal: Origin | None = None

    def key(self) -> str:
        """Return the client."""
        return self.client

    def subject(self) -> str:
        """Return the client."""
        return self.client


class Lift(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The end of a block: published as a tombstone, its origin and reason in the headers."""

    client: str
    why: str
    at_s: float

    def key(self) -> str:
        """Return the client."""
        return self.client

    def subject(self) -> str:
        """Return the client."""
        return self.client


BLOCKLIST = Topic("blocklist", (Block,), key="client", compact=True)
