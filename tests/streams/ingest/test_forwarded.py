import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest import FORMATS
from streams.ingest.forwarded import client_behind
from topics.requests import Request
from topics.settings import Source

PROXIES = ("10.0.0.0/8", "2001:db8:f::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", "1.2.3.4", "192.0.2.7"),  # who is no proxy is not believed
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "1.2.3.4, 192.0.2.7", "192.0.2.7"),  # what a client made up stands further left
        ("10.0.0.1", "1.2.3.4, 192.0.2.7, 10.0.0.3,10.0.0.2", "192.0.2.7"),
        ("10.0.0.1", "10.0.0.9", "10.0.0.9"),  # asked from inside
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.7, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1:443", "192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8:f::1]:443", '"[2001:db8:1::7]:99"', "2001:db8:1::7"),
        ("::ffff:10.0.0.1", "::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_listed_proxies_are_believed_about_the_one_before_them(peer: str, forwarded: str, client: str) -> None:
    assert client_behind(peer, forwarded, PROXIES) == client
    assert client_behind(peer, forwarded, ()) == peer


@given(made_up=st.lists(st.sampled_from(["10.0.0.5", "1.2.3.4", "x", "", "::1"]), max_size=40))
def test_whatever_a_client_writes_into_the_header_it_stays_itself(made_up: list[str]) -> None:
    header = ", ".join([*made_up, "192.0.2.7", "10.0.0.2"])
    assert client_behind("10.0.0.1", header, PROXIES) == "192.0.2.7"


def test_formats_that_carry_the_header_ask_for_it() -> None:
    source = Source(topic="t", format="nginx_json", proxies=PROXIES)
    line = b'{"remote_addr": "%s", "msec": "1.5", "request_uri": "/", "http_x_forwarded_for": "1.2.3.4, 192.0.2.7"}'
    for peer, client in ((b"10.0.0.1", "192.0.2.7"), (b"198.51.100.1", "198.51.100.1")):
        (request,) = FORMATS["nginx_json"](line % peer, None, source)
        assert isinstance(request, Request)
        assert request.client == client
    ours = b'{"client": "10.0.0.1", "path": "/", "at_s": 5, "headers": {"X-Forwarded-For": "192.0.2.7"}}'
    (request,) = FORMATS["canonical"](ours, None, source)
    assert isinstance(request, Request)
    assert request.client == "192.0.2.7"
