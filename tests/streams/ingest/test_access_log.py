"""Lines of access logs become requests."""

import json

import pytest

from tests.streams.ingest.border import outcome, request
from topics.requests import Request

TIME = "10/Oct/2000:13:55:36 -0700"
COMMON = f'127.0.0.1 - frank [{TIME}] "GET /apache_pb.gif HTTP/1.0" 200 2326'
COMBINED = f'{COMMON} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"'
AT_S = 971211336.0


def test_a_common_line() -> None:
    assert request("access_log", COMMON, "shop") == Request(
        client="127.0.0.1",
        at_s=AT_S,
        method="GET",
        path="/apache_pb.gif",
        status=200,
        bytes_out=2326,
        user="frank",
        service="shop",
    )


def test_a_combined_line_with_more_behind_it() -> None:
    for line in (COMBINED, COMBINED + "\n", f'{COMBINED} "-" 0.005'):
        found = request("access_log", line)
        assert found.agent == "Mozilla/4.08 [en] (Win98; I ;Nav)"
        assert found.referer == "http://www.example.com/start.html"


@pytest.mark.parametrize("host", ["shop.example", "shop.example:443"])
def test_a_virtual_host_in_front(host: str) -> None:
    found = request("access_log", f"{host} {COMBINED}")
    assert (found.host, found.client, found.user) == (host, "127.0.0.1", "frank")


def test_a_user_with_a_blank_in_the_name() -> None:
    found = request("access_log", COMMON.replace("frank", "frank n furter"))
    assert (found.host, found.client, found.user) == ("", "127.0.0.1", "frank n furter")


@pytest.mark.parametrize("name", ["message", "log"])
def test_a_line_that_a_shipper_wrapped(name: str) -> None:
    wrapped = json.dumps({"host": "vm", "severity": "notice", name: COMBINED})
    assert request("access_log", wrapped) == request("access_log", COMBINED)


def test_an_ipv6_client_is_its_network() -> None:
    assert request("access_log", COMMON.replace("127.0.0.1", "2001:db8:1:2:3::4")).client == "2001:db8:1:2::/64"


@pytest.mark.parametrize(
    ("sent", "method", "path"),
    [
        ("POST /a b?c=d HTTP/1.1", "POST", "/a b?c=d"),
        ("GET /old", "GET", "/old"),
        ("-", "", "-"),
        (r"\x16\x03\x01", "", "\x16\x03\x01"),
        (r"GET /?q=\x22><script>\xC3\xA9\\ HTTP/1.1", "GET", '/?q="><script>é\\'),
        (r"GET /?q=\"a\" HTTP/1.1", "GET", '/?q="a"'),
        (r"GET /\xff HTTP/1.1", "GET", "/\ufffd"),
        ("GET /%27%20or%201=1 HTTP/1.1", "GET", "/%27%20or%201=1"),
    ],
)
def test_a_path_is_as_it_was_sent(sent: str, method: str, path: str) -> None:
    found = request("access_log", COMMON.replace("GET /apache_pb.gif HTTP/1.0", sent))
    assert (found.method, found.path) == (method, path)


def test_what_is_not_known_is_absent() -> None:
    found = request("access_log", f'192.0.2.1 - - [{TIME}] "GET / HTTP/1.1" - - "-" "-"')
    assert (found.status, found.bytes_out, found.user, found.agent, found.referer) == (0, 0, "", "", "")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hello", "expected a line like: client"),
        (COMMON.replace("Oct", "Okt"), "expected a time like 10/Oct/2026:13:55:36 +0000, found '10/Okt/2000"),
        (COMMON.replace("10/Oct", "31/Feb"), "expected a time that there is, found '31/Feb/2000:13:55:36 -0700'"),
        (COMMON.replace("-0700", "+9900"), "expected a time that there is"),
        (COMMON.replace("/2000", "/1960"), "at_s must be seconds since 1970"),
        (COMMON.replace("127.0.0.1 - frank", "frank"), "expected client, identity and user before the time"),
        (f"{COMMON}\n{COMMON}", "expected one line, found several"),
        (json.dumps({"message": 7}), "expected a log line, or an object with one in `message` or `log`"),
        (json.dumps({"message": ""}), "expected a line of an access log, found an empty one"),
    ],
)
def test_what_is_wrong_is_said(line: str, reason: str) -> None:
    said = outcome("access_log", line.encode())
    assert isinstance(said, str)
    assert said.startswith(reason)
