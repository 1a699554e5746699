"""Clients: one name for each, however its address is written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.clients import client_of

V4 = st.ip_addresses(v=4)
V6 = st.integers(1 << 48, (1 << 128) - 1).map(ipaddress.IPv6Address)  # Below: the loopback, and IPv4 written as IPv6.
PORTS = st.integers(1, 65_535)


@given(text=st.text() | V4.map(str) | V6.map(str))
def test_a_name_is_its_own_name(text: str) -> None:
    """What is named twice, by the producer and by the reader, is keyed the same."""
    assert client_of(client_of(text)) == client_of(text)


@given(address=V4, port=PORTS)
def test_an_ipv4_address_is_one_client_in_every_spelling(address: ipaddress.IPv4Address, port: int) -> None:
    spellings = [f"{address}", f"{address}:{port}", f"::ffff:{address}", f"[::ffff:{address}]:{port}", f" {address} "]
    assert {client_of(spelling) for spelling in spellings} == {str(address)}


@given(address=V6, port=PORTS)
def test_whoever_has_one_ipv6_address_has_its_whole_network(address: ipaddress.IPv6Address, port: int) -> None:
    network = ipaddress.IPv6Network((int(address) >> 64 << 64, 64))
    spellings = [
        address.compressed,
        address.exploded,
        f"[{address}]:{port}",
        f"{address}%eth0",
        str(network),
        f"{network[7]}",
    ]
    assert {client_of(spelling) for spelling in spellings} == {str(network)}


@pytest.mark.parametrize("text", ["key:7f3a", "a:b:c", "999.1.1.1", "1.2.3", "", "ffff", "2001:db8::/48"])
def test_what_is_no_address_stays_as_it_is(text: str) -> None:
    assert client_of(text) == text


def test_no_name_holds_a_nul() -> None:
    assert "\0" not in client_of("key\0one")
    assert "\0" not in client_of("a:b:\0")
