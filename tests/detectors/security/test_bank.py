import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.security.bank import SecurityBank
from detectors.security.behaviour import Row
from tests.contract import check
from tests.detectors.security.logs import CLIENT, START_S, log_of, proposals, request, said_of, threats
from tests.detectors.security.test_payloads import ATTACKS
from tests.fakes import fold, fold_into, shard_of
from topics import Origin
from topics.requests import REQUESTS, Request
from topics.settings import Limit, SecuritySettings, Settings

CLIENTS = ["192.0.2.1", "192.0.2.2:80", "2001:db8::1", "2001:db8::2", "[2001:db8::3]:443", "key:7f3a", "\ufffd\x00"]
PATHS = ["/", "/cart", "/a?x=1", *(paths[0] for paths in ATTACKS.values()), "/\x00", "/?q=" + "x" * 3000]

Requests = st.lists(
    st.builds(
        request,
        at_s=st.integers(-400_000, 90_000).map(lambda ms: ms / 1000) | st.sampled_from([0.0, 60.0]),
        client=st.sampled_from(CLIENTS),
        path=st.sampled_from(PATHS) | st.integers(0, 30).map("/login/{}".format),
        status=st.sampled_from([0, 200, 404, 401, 500]),
        method=st.sampled_from(["GET", "POST"]),
        user=st.sampled_from(["", "ann", "bob"]),
        service=st.sampled_from(["default", "shop", "blog"]),
        agent=st.sampled_from(["", "curl/8", "Mozilla/5.0 (X11; Linux)", "() { :;}; /bin/sh -c id"]),
        headers=st.sampled_from([None, {"X-Api": "${jndi:ldap://a}"}, {"Accept": "*/*"}]),
    ),
    max_size=60,
)
SETTINGS = [
    Settings(),
    Settings(
        security=SecuritySettings(
            limit=Limit(requests=4, window_s=20.0),
            limits=(
                Limit(requests=1, service="shop"),
                Limit(requests=2, network="192.0.2.0/24"),
                Limit(requests=1, route="/login", service="blog"),
                Limit(requests=2, service="default"),
            ),
            scan_paths=3,
            evidence=2,
            login_failures=2,
            crawl_pages=4,
            walk_ids=2,
            learned_least=2,
            block_s=10.0,
        )
    ),
]


@given(sent=Requests, which=st.integers(0, 1))
@settings(max_examples=6)
def test_it_keeps_the_contract_of_banks(sent: list[Request], which: int) -> None:
    check(SecurityBank, REQUESTS, log_of(sent), SETTINGS[which])


def test_a_flood_of_new_clients_makes_room_and_keeps_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.rows.PAGE_BYTES", 2 * Row.itemsize)
    sent = [request(n / 100, f"10.0.{n // 250}.{n % 250}", service=("shop", "blog")[n % 2]) for n in range(600)]
    check(SecurityBank, REQUESTS, log_of(sent), SETTINGS[1])


def test_a_row_is_small_and_has_no_gaps_that_could_differ() -> None:
    assert Row.itemsize <= 1500
    assert Row.itemsize == sum(np.dtype(Row[name]).itemsize for name in Row.names or ())


def test_an_ordinary_visitor_is_no_threat() -> None:
    sent = [
        request(k * 3, path=f"/a/page{k}?q=red+shoes", agent="Mozilla/5.0 (X11)", referer="https://shop.example/?a=b")
        for k in range(50)
    ]
    assert said_of(sent) == []


USUAL = ("sqli", "xss", "command")


def test_one_request_can_be_several_threats_and_is_one_block_at_most() -> None:
    sent = [request(k / 10, path=f"/p{k}", status=404) for k in range(100)]
    body = "&".join(f"{family}={paths[0].partition('=')[2]}" for family, paths in ATTACKS.items() if family in USUAL)
    said = said_of([*sent, request(10.0, path="/?q=..%2f..%2fetc%2fpasswd", status=404, body=body)])
    last = [one for one in said if one.origin is not None and one.origin.offset == 100]
    assert {t.family for t in threats(last)} == {"rate", "traversal", *USUAL}
    assert len(proposals(said)) == 1


def test_a_repeated_request_with_an_origin_counts_once_and_without_one_twice() -> None:
    security = SecuritySettings(limit=Limit(requests=1))
    origin = Origin("ingest", "access", 0, 17, (1, CLIENT))
    assert said_of([request(0, origin=origin)] * 2, security) == []
    assert len(threats(said_of([request(0)] * 2, security))) == 1


def test_a_client_in_the_wrong_partition_is_forwarded_under_whatever_name_it_came() -> None:
    home = shard_of(SecurityBank, REQUESTS, owns=lambda group: group == b"2001:db8::/64")
    said = fold_into(
        home,
        REQUESTS,
        log_of([request(0, "2001:db8::1"), request(1, CLIENT), request(2, "2001:db9::1", path="/<script>")]),
    )
    assert [(type(r).__name__, r.client) for r in said if isinstance(r, Request)] == [
        ("Request", CLIENT),
        ("Request", "2001:db9::1"),
    ]
    assert len(said) == 2


def test_changed_settings_hold_from_the_next_request_on() -> None:
    shard = shard_of(SecurityBank, REQUESTS)
    assert fold_into(shard, REQUESTS, log_of(request(k) for k in range(5))) == []
    shard.bank.configure(Settings(security=SecuritySettings(limit=Limit(requests=5))))
    said = fold_into(shard, REQUESTS, log_of([request(5)]), start=5)
    assert [t.text for t in threats(said)] == ["5 requests in 60 s exceeded"]


@pytest.mark.parametrize("raw", ['"\\u0000"', '"\\ud83d\\ude00"', '"a\\nb"', '"%ff%fe"', '"é"'])
def test_odd_characters_in_any_field_are_no_trouble(raw: str) -> None:
    fields = "client", "path", "agent", "referer", "user", "body", "service"
    value = ", ".join(f'"{field}": {raw}' for field in fields)
    log = [(START_S * 1000, f'{{"at_s": {START_S}, {value}}}'.encode())] * 3
    assert fold(SecurityBank, REQUESTS, log) == []


def test_a_body_of_a_megabyte_is_no_trouble() -> None:
    said = said_of([request(0, body="<script>" + "x" * 1_000_000)])
    assert len(msgspec.json.encode(said)) < 1000


def test_a_client_against_whom_something_is_held_outlives_a_flood_of_spoofed_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("detectors.rows.PAGE_BYTES", 4 * Row.itemsize)
    hostile = [request(k / 10, CLIENT, f"/?q=<script>alert({k})</script>") for k in range(3)]
    strangers = [request(1 + n / 100, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(3000)]
    shard = shard_of(SecurityBank, REQUESTS)
    fold_into(shard, REQUESTS, log_of([*hostile, *strangers]))
    assert shard.bank.evicted > 2000
    assert len(shard.bank) + shard.bank.evicted == 3001
    again = request(300, CLIENT, "/?q=<script>alert(9)</script>")
    (block,) = proposals(fold_into(shard, REQUESTS, log_of([again]), start=3003))
    assert block.wanted == 960.0, "its first block is remembered"


def test_a_page_full_of_hostile_clients_still_takes_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.rows.PAGE_BYTES", 4 * Row.itemsize)
    hostile = [request(n / 10, f"10.0.{n >> 8}.{n & 255}", "/?q=<script>alert(1)</script>") for n in range(600)]
    burst = [request(100 + k / 10, CLIENT) for k in range(101)]
    mixed = sorted([*burst, *(request(100 + n / 3, f"10.9.{n}.1") for n in range(30))], key=lambda one: one.at_s)
    shard = shard_of(SecurityBank, REQUESTS)
    said = fold_into(shard, REQUESTS, log_of([*hostile, *mixed]))
    assert [p.target for p in proposals(said)] == [CLIENT]
    assert shard.bank.evicted > 200
