"""What decisions remembers: of each service that scales, of each client, and of the blocklist as a whole."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from msgspec import field

from detectors.ledger import Entry

MINUTE_MS = 60_000
REFUSALS_KEPT = 1000


class Target(Entry, kw_only=True, array_like=True, tag=1):
    """A service that was told how many replicas to have.

    epoch          of the last command; replicas: what it ordered; ordered_ms: when
    refused_ms     when each rule last refused, told at most once a minute
    """

    epoch: int = 0
    replicas: float | None = None
    ordered_ms: int = 0
    refused_ms: dict[str, int] = field(default_factory=dict)


class Client(Entry, kw_only=True, array_like=True, tag=2):
    """A client that is blocked, or was: `until_ms` is 0 once the block is lifted. Short, since there may be thousands.

    times          how often it was blocked; spared_ms: until when it is not, since a person lifted its block
    """

    until_ms: int = 0
    times: int = 0
    spared_ms: int = 0


class Desk(Entry, kw_only=True, array_like=True, tag=3):
    """What belongs to the whole blocklist.

    live           how many clients are blocked; recent_ms: when the blocks of the last minute began
    refused_ms     when each rule last refused each client, told at most once a minute, and for so many at most
    """

    live: int = 0
    recent_ms: list[int] = field(default_factory=list)
    refused_ms: dict[str, int] = field(default_factory=dict)


def tell_refusal(refused_ms: dict[str, int], what: str, clock_ms: int) -> bool:
    """Say whether a refusal is to be said, and note it: each at most once a minute, and only so many different ones."""
    if clock_ms - refused_ms.get(what, -MINUTE_MS) < MINUTE_MS:
        return False
    refused_ms.pop(what, None)
    for old in list(refused_ms):  # The oldest stand first.
        if clock_ms - refused_ms[old] < MINUTE_MS:
            break
        del refused_ms[old]
    if len(refused_ms) >= REFUSALS_KEPT:
        return False
    refused_ms[what] = clock_ms
    return True


class AllowList:
    """Networks and clients that are never blocked.

    >>> allowed = AllowList(("192.0.2.0/24", "2001:db8::/32", "key:health"))
    >>> allowed.entry_for("192.0.2.7"), allowed.entry_for("key:health"), allowed.entry_for("198.51.100.1")
    ('192.0.2.0/24', 'key:health', None)
    """

    def __init__(self, allow: tuple[str, ...]) -> None:
        self.names = frozenset(allow)
        self.networks = [(network, entry) for entry in allow if (network := network_of(entry)) is not None]

    def entry_for(self, client: str) -> str | None:
        """Return the entry that covers a client, or any part of its network; None: it may be blocked."""
        if client in self.names:
            return client
        wanted = network_of(client)
        if wanted is None:
            return None
        for network, entry in self.networks:
            if network.version == wanted.version and network.overlaps(wanted):
                return entry
        return None


def network_of(text: str) -> IPv4Network | IPv6Network | None:
    """Return the network that a text names, an IPv4 one where it is that written as IPv6; None: it is a name."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        return IPv4Network((int(mapped), network.prefixlen - 96))
    return network


def is_one_client(client: str) -> bool:
    """Say whether a text names one client: an API key, one IPv4 address, or at most the /64 of an IPv6 client."""
    network = network_of(client)
    if network is None:
        return bool(client.strip())
    return network.prefixlen >= (32 if network.version == 4 else 64)
