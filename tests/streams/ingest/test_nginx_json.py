"""nginx's JSON becomes requests."""

import json

import pytest

from tests.streams.ingest.border import outcome, request
from topics.requests import Request

TEXTS = {
    "msec": "1713441234.120",
    "remote_addr": "192.0.2.7",
    "request_method": "POST",
    "request_uri": "/pay?x=%27",
    "status": "502",
    "request_time": "0.250",
    "request_length": "312",
    "body_bytes_sent": "162",
    "http_user_agent": "curl/8",
    "http_referer": "-",
    "remote_user": "",
    "http_host": "shop.example",
}
PAY = Request(
    client="192.0.2.7",
    at_s=1713441234.12,
    method="POST",
    path="/pay?x=%27",
    host="shop.example",
    status=502,
    duration_s=0.25,
    bytes_in=312,
    bytes_out=162,
    agent="curl/8",
    service="shop",
)


def record(**other: object) -> str:
    return json.dumps({key: value for key, value in (TEXTS | other).items() if value is not None})


def test_values_are_texts_or_numbers() -> None:
    numbers = {
        "msec": 1713441234.12,
        "status": 502,
        "request_time": 0.25,
        "request_length": 312,
        "body_bytes_sent": 162,
    }
    assert request("nginx_json", record(), "shop") == request("nginx_json", record(**numbers), "shop") == PAY


@pytest.mark.parametrize(
    "time",
    [
        {"time_iso8601": "2024-04-18T11:53:54.120Z"},
        {"time_iso8601": "2024-04-18T13:53:54.120+02:00"},
        {"@timestamp": "2024-04-18T11:53:54.120"},
        {"timestamp": 1713441234120},
        {"time": 1713441234.12},
        {"time_local": "18/Apr/2024:11:53:54 +0000", "msec": "1713441234.12"},
    ],
)
def test_a_time_is_one_of_the_usual(time: dict[str, object]) -> None:
    assert request("nginx_json", record(**{"msec": None} | time), "shop") == PAY


def test_a_local_time_has_whole_seconds() -> None:
    assert request("nginx_json", record(msec=None, time_local="18/Apr/2024:11:53:54 +0000")).at_s == 1713441234.0


def test_method_and_path_may_be_in_the_request_line() -> None:
    lined = record(request_method=None, request_uri=None, request="POST /pay?x=%27 HTTP/1.1")
    assert request("nginx_json", lined, "shop") == PAY


def test_a_service_is_the_records_before_it_is_the_sources() -> None:
    assert request("nginx_json", record(service="till"), "shop").service == "till"


def test_a_client_is_who_connected_whatever_it_claims() -> None:
    assert request("nginx_json", record(http_x_forwarded_for="203.0.113.9")).client == "192.0.2.7"
    assert request("nginx_json", record(remote_addr="::ffff:192.0.2.7")).client == "192.0.2.7"


@pytest.mark.parametrize("name", ["message", "log"])
def test_what_a_shipper_wrapped(name: str) -> None:
    assert request("nginx_json", json.dumps({"host": "vm", name: record()}), "shop") == PAY
    line = '192.0.2.7 - - [18/Apr/2024:11:53:54 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"'
    assert request("nginx_json", json.dumps({name: line})).path == "/a"


def test_bytes_that_nginx_writes_in_its_own_way_are_read() -> None:
    own = record().replace("/pay?x=%27", r"/pay?x=\x22\\x41\x3C")
    assert request("nginx_json", own).path == '/pay?x="\\x41<'


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"remote_addr": None}, "expected the client in one of remote_addr, client, client_ip, remote_ip, found none"),
        ({"remote_addr": "-"}, "expected the client in one of"),
        ({"remote_addr": 7}, "expected remote_addr or client or client_ip or remote_ip to be a text, found 7"),
        ({"msec": None}, "expected the time in one of"),
        ({"msec": "soon"}, "expected the time to be a number, found 'soon'"),
        ({"request_uri": None}, "expected the path in one of"),
        ({"status": "ok"}, "expected status to be a number, found 'ok'"),
        ({"status": 2.5}, "expected status to be a whole number from 0 on, found 2.5"),
        ({"status": 1000}, "status must be 0 to 999, got 1000"),
        ({"request_time": "-1"}, "duration_s must be 0 to 1e9 seconds, got -1.0"),
        ({"body_bytes_sent": 10**30}, "expected bytes_sent to be a whole number from 0 on"),
        ({"service": "a/b"}, "service must not contain a slash"),
        ({"msec": "-1"}, "at_s must be seconds since 1970"),
    ],
)
def test_what_is_wrong_is_said(other: dict[str, object], reason: str) -> None:
    said = outcome("nginx_json", record(**other).encode())
    assert isinstance(said, str)
    assert said.startswith(reason)
