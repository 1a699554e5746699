"""Limits: which limit holds for a client, and which services have their own."""

from __future__ import annotations

from functools import lru_cache

from detectors.security.clients import is_in
from topics.settings import Limit, SecuritySettings

SEPARATOR = b"\x00"


def fits(limit: Limit, client: str, service: str | None) -> bool:
    """Say whether a limit is meant for a client; `service` None asks among the limits that name no service."""
    return limit.service in (None, service) and (limit.network is None or is_in(client, limit.network))


class Limits:
    """The limits in force: the first that fits counts, else the general one.

    A service with a limit of its own is counted by itself, in a row of its own; all others of a client are counted
    together.

    >>> shop = Limit(requests=5, service="shop")
    >>> limits = Limits(SecuritySettings(limits=(shop,)))
    >>> client = b"192.0.2.7"
    >>> limits.own(client, b"shop") is shop, limits.own(client, b"blog"), limits.of_row(client).requests
    (True, None, 100)
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self.general, self.exceptions = settings.limit, settings.limits
        self.services = sorted({limit.service for limit in settings.limits if limit.service is not None})
        self.own = lru_cache(65_536)(self._own)

    def _own(self, client: bytes, service: bytes) -> Limit | None:
        """Return the limit that a service has of its own for a client."""
        who, what = client.decode("utf-8", "replace"), service.decode("utf-8", "replace")
        first = next((limit for limit in self.exceptions if fits(limit, who, what)), None)
        return first if first is not None and first.service is not None else None

    def of_row(self, name: bytes) -> Limit:
        """Return the limit of a row: of a client, or of a client at a service."""
        client, separator, service = name.partition(SEPARATOR)
        own = self.own(client, service) if separator else None
        if own is not None:
            return own
        who = client.decode("utf-8", "replace")
        return next((limit for limit in self.exceptions if fits(limit, who, None)), self.general)
