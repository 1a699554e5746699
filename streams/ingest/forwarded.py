"""Forwarded: who asked, where proxies stand between."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

HEADER = "x-forwarded-for"
MOST_HOPS = 32


def client_behind(peer: str, forwarded: str, proxies: tuple[str, ...]) -> str:
    """Return who asked: whoever connected, unless that is a listed proxy, which is believed about the one before it.

    Each proxy writes who connected to it behind what it was sent, so what stands furthest to the right is the word of
    the nearest one. It is followed to the left as far as those who are named are proxies themselves; anything further
    left may be made up. Where a name is no address, whoever named it is as far as we know.

    >>> client_behind("10.0.0.1", "1.2.3.4, 192.0.2.7, 10.0.0.2", ("10.0.0.0/8",))
    '192.0.2.7'
    >>> client_behind("192.0.2.7", "1.2.3.4", ("10.0.0.0/8",)), client_behind("10.0.0.1", "", ("10.0.0.0/8",))
    ('192.0.2.7', '10.0.0.1')
    """
    client = peer
    if not proxies or not forwarded:
        return client
    for name in reversed(forwarded.split(",")[-MOST_HOPS:]):
        if not is_listed(client, proxies):
            break
        before = _address_of(name)
        if before is None:
            break
        client = before
    return client


def is_listed(client: str, networks: tuple[str, ...]) -> bool:
    """Say whether an address is in one of some networks."""
    name = _address_of(client)
    if name is None:
        return False
    address = ip_address(name)
    return any(address in ip_network(network, strict=False) for network in networks)


def _address_of(text: str) -> str | None:
    """Return the address that a text names, without port, brackets and zone; None: it names none."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
