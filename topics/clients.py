"""Clients: one name for each, however its address was written."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network


@lru_cache(65_536)
def client_of(text: str) -> str:
    """Return the name of the client that a text stands for.

    An IPv4 address loses its port, an IPv6 address its brackets, port and zone, and becomes its /64, since whoever has
    one address of it has all; the loopback stays itself. An IPv4 address written as IPv6 is an IPv4 address. Everything
    else is an API key and stays as it is, but for a NUL, which no name may hold.

    >>> client_of("192.0.2.7:4711"), client_of("[2001:db8:0:1::2%eth0]:443"), client_of("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8:0:1::/64', '192.0.2.7')
    >>> client_of("2001:db8:0:1::/64"), client_of("::1"), client_of("key:7f3a")
    ('2001:db8:0:1::/64', '::1', 'key:7f3a')
    """
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    if ":" not in bare:
        try:
            return str(IPv4Address(bare))
        except AddressValueError:
            return text.replace("\x00", "\ufffd")
    try:
        address = IPv6Address(bare.removesuffix("/64").partition("%")[0])
    except AddressValueError:
        return text.replace("\x00", "\ufffd")
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))
