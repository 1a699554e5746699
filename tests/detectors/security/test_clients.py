from ipaddress import IPv6Address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.columns import Columns, Text
from detectors.security.clients import client_of, is_in, is_named, with_names
from tests.detectors.security.logs import request, said_of, threats
from topics.settings import Limit, SecuritySettings

Addresses = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str)
Texts = Addresses | st.text(max_size=40) | st.from_regex(r"\A[0-9a-f:.\[\]%/]{0,30}\Z")


@given(Texts)
def test_a_name_is_its_own_name(text: str) -> None:
    assert client_of(client_of(text)) == client_of(text)


@given(st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(IPv6Address))
def test_all_addresses_of_a_64_are_one_client(address: IPv6Address) -> None:
    text = str(address)
    names = {client_of(form) for form in (text, text.upper(), f"[{text}]", f"[{text}]:443", f"{text}%eth0")}
    assert names == {client_of(text)}
    assert client_of(text).endswith("::/64")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("2001:db8::/48", "2001:db8::/48"),
        ("::1", "::1"),
        ("key:7f3a", "key:7f3a"),
        ("300.1.1.1", "300.1.1.1"),
        ("[", "["),
        ("", ""),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ud800"),
    ],
)
def test_a_client_has_one_name(text: str, name: str) -> None:
    assert client_of(text) == name


@given(Texts | Addresses.map(client_of))
def test_what_the_compiled_look_takes_for_a_name_is_one(text: str) -> None:
    raw = text.encode("utf-8", "replace")
    if raw and is_named(np.frombuffer(raw, np.uint8), 0, len(raw)):
        assert client_of(raw.decode()) == raw.decode()


@given(Addresses.map(client_of))
def test_names_of_addresses_need_no_python(name: str) -> None:
    raw = name.encode()
    assert is_named(np.frombuffer(raw, np.uint8), 0, len(raw)) or name in ("::1", "::/64")


def test_columns_whose_clients_have_their_names_are_left_as_they_are() -> None:
    raw = np.frombuffer(b"192.0.2.7::1", np.uint8)
    text = {"client": Text(raw, np.array([0, 9], np.int32), np.array([9, 3], np.int32))}
    columns = Columns(np.arange(2), np.arange(2), np.ones(2, np.bool_), text=text)
    assert with_names(columns, 0, 1) is columns
    assert with_names(columns, 0, 2).text["client"][1] == b"::1"


def test_a_client_that_writes_its_address_in_many_ways_is_counted_as_one() -> None:
    forms = ["2001:db8::1", "2001:DB8::2", "[2001:db8::3]:80", "2001:db8::/64"]
    security = SecuritySettings(limit=Limit(requests=3))
    (threat,) = threats(said_of((request(k, client) for k, client in enumerate(forms)), security))
    assert threat.client == "2001:db8::/64"


def test_membership_in_a_network() -> None:
    assert is_in("192.0.2.7", "192.0.2.0/24")
    assert not is_in("192.0.3.7", "192.0.2.0/24")
    assert is_in("2001:db8:0:1::/64", "2001:db8::/32")
    assert not is_in("2001:db8:0:1::/64", "2001:db8:0:1::/65")
    assert not is_in("192.0.2.7", "2001:db8::/32")
    assert not is_in("key", "192.0.2.0/24")
    assert not is_in("192.0.2.7", "nonsense")
