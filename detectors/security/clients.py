"""Clients: who sent a request, under one name, and which networks a client belongs to."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

import numpy as np

from detectors.columns import Columns, Flags
from detectors.compiled import kernel
from detectors.texts import replaced
from topics.clients import client_of

__all__ = ["client_of", "is_in", "network_of", "with_names"]

COLON, SLASH, ZERO, NINE, A, F = 58, 47, 48, 57, 97, 102


@kernel
def is_named(buf, at, length):  # type: ignore[no-untyped-def]
    """Say whether a text surely is a client's name: without a colon, blank or NUL, or a /64 in its canonical form.

    Most are, and need no Python. A canonical /64 has at most four groups of one to four lower-case digits without
    leading zeros, of which the last is not 0, before its "::/64".
    """
    colon = False
    for k in range(at, at + length):
        if buf[k] == COLON:
            colon = True
        elif buf[k] <= 32 or buf[k] > 126 or buf[k] == 91:
            return False
    if not colon:
        return True
    end = at + length - 5
    if (
        end < at
        or buf[end] != COLON
        or buf[end + 1] != COLON
        or buf[end + 2] != SLASH
        or buf[end + 3] != 54
        or buf[end + 4] != 52
    ):
        return False
    groups, first = 1, at
    for k in range(at, end + 1):
        if buf[k] == COLON:
            digits = k - first
            if digits > 4 or digits == 0 or (buf[first] == ZERO and (digits > 1 or k == end)):
                return False
            first = k + 1
            groups += k != end
        elif not (ZERO <= buf[k] <= NINE or A <= buf[k] <= F):
            return False
    return groups <= 4


@kernel
def mark_unnamed(buf, at, length, start, end, unnamed):  # type: ignore[no-untyped-def]
    """Mark the records start..end whose client is perhaps not yet named as it should be."""
    for i in range(start, end):
        unnamed[i] = length[i] > 0 and not is_named(buf, at[i], length[i])


def with_names(columns: Columns, start: int, end: int) -> Columns:
    """Return columns in which every client of start..end has its one name; the same columns where all had."""
    text = columns.text["client"]
    unnamed: Flags = np.zeros(len(columns), np.bool_)
    mark_unnamed(text.buf, text.at, text.length, start, end, unnamed)
    which = np.flatnonzero(unnamed)
    if not len(which):
        return columns
    named = replaced(text, which, [name_of(text[i]) for i in which.tolist()])
    return replace(columns, text={**columns.text, "client": named})


def name_of(client: bytes) -> bytes:
    """Return the name of a client in the column's bytes."""
    return client_of(client.decode("utf-8", "replace")).encode("utf-8", "replace")


@lru_cache(4096)
def network_of(text: str) -> IPv4Network | IPv6Network | None:
    """Return the network that a text stands for; None where it is none, an API key for one."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def is_in(client: str, network: str) -> bool:
    """Say whether a client belongs to a network, or is what the network's text names.

    >>> is_in("192.0.2.7", "192.0.2.0/24"), is_in("2001:db8:0:1::/64", "2001:db8::/32"), is_in("key:7f3a", "key:7f3a")
    (True, True, True)
    """
    if client == network:
        return True
    inner, outer = network_of(client), network_of(network)
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False
