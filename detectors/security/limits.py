"""Limits: which limit holds for a client, and what is counted by itself: a service or a route with its own limit."""

from __future__ import annotations

from functools import lru_cache

from detectors.security.clients import is_in
from topics.settings import Limit, SecuritySettings

SEPARATOR = b"\x00"
QUESTION, SLASH = ord("?"), ord("/")


def is_below(path: bytes, route: bytes) -> bool:
    """Say whether a path as it was sent is a route, or lies below it.

    >>> [is_below(path, b"/login") for path in (b"/login", b"/login?next=/", b"/login/form", b"/logins")]
    [True, True, True, False]
    """
    if not path.startswith(route):
        return False
    return len(path) == len(route) or route.endswith(b"/") or path[len(route)] in (QUESTION, SLASH)


def fits(limit: Limit, client: str, service: str) -> bool:
    """Say whether a limit is meant for requests of a client to a service, whatever their route."""
    return limit.service in (None, service) and (limit.network is None or is_in(client, limit.network))


def is_own(limit: Limit) -> bool:
    """Say whether a limit is for part of what a client asks for, which is then counted by itself."""
    return limit.service is not None or limit.route is not None


class Limits:
    r"""The limits of clients in force: the first that fits counts, else the general one.

    A service or a route with a limit of its own is counted by itself, in a row of its own; all else that a client asks
    for is counted together. Limits of users are no matter of a client's rows.

    >>> shop, login = Limit(requests=5, service="shop"), Limit(requests=3, route="/login")
    >>> limits = Limits(SecuritySettings(limits=(login, shop)))
    >>> client = b"192.0.2.7"
    >>> limits.own(client, b"shop", b"/") is shop, limits.own(client, b"blog", b"/"), limits.of_row(client).requests
    (True, None, 100)
    >>> limits.own(client, b"shop", b"/login?a=b") is login, limits.scope_of(login)
    (True, b'\x00/login')
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self.general = settings.limit
        self.exceptions = tuple(limit for limit in settings.limits if limit.by == "client")
        self.users = tuple(limit for limit in settings.limits if limit.by == "user")
        own = [limit for limit in self.exceptions if is_own(limit)]
        self.services = sorted({limit.service for limit in own if limit.service is not None})
        self.routes = sorted({limit.route for limit in own if limit.service is None and limit.route is not None})
        self._fitting = lru_cache(65_536)(self._that_fit)

    def _that_fit(self, client: bytes, service: bytes) -> tuple[Limit, ...]:
        """Return the exceptions that are meant for a client at a service, up to the first that leaves no route open."""
        who, what = client.decode("utf-8", "replace"), service.decode("utf-8", "replace")
        fitting = [limit for limit in self.exceptions if fits(limit, who, what)]
        last = next((k for k, limit in enumerate(fitting) if limit.route is None), len(fitting))
        return tuple(fitting[: last + 1])

    def own(self, client: bytes, service: bytes, path: bytes) -> Limit | None:
        """Return the limit that a service or a route has of its own for a client's request."""
        for limit in self._fitting(client, service):
            if limit.route is None or is_below(path, limit.route.encode()):
                return limit if is_own(limit) else None
        return None

    def of_user(self, service: bytes, path: bytes) -> Limit | None:
        """Return the limit that counts a user's request, whatever client it comes from."""
        what = service.decode("utf-8", "replace")
        for limit in self.users:
            if limit.service in (None, what) and (limit.route is None or is_below(path, limit.route.encode())):
                return limit
        return None

    def scope_of(self, limit: Limit) -> bytes:
        """Return what stands behind the client in the name of the row that counts for a limit."""
        service = (limit.service or "").encode("utf-8", "replace")
        return service if limit.route is None else service + SEPARATOR + limit.route.encode()

    def of_row(self, name: bytes) -> Limit:
        """Return the limit of a row: of a client, or of a client at a service or a route."""
        client, separator, scope = name.partition(SEPARATOR)
        who = client.decode("utf-8", "replace")
        for limit in self.exceptions:
            of_scope = self.scope_of(limit) == scope if separator else not is_own(limit)
            if of_scope and is_own(limit) == bool(separator) and fits(limit, who, limit.service or ""):
                return limit
        if separator:
            return self.of_row(client)
        return self.general
