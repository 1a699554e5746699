"""Lines of the kernel's packet filter become connections."""

import json

import pytest

from tests.streams.ingest.border import connection, outcome, parse
from topics.connections import Connection

LINE = (
    "2024-04-18T23:59:55+00:00 gw kernel: [12.5] {}IN=eth0 OUT= MAC=01:02 SRC=192.0.2.7 DST=198.51.100.1 LEN=40 "
    "TOS=0x00 PREC=0x00 TTL=244 ID=54321 PROTO={}"
)
TCP = "TCP SPT=40000 DPT=22 WINDOW=65535 RES=0x00 {} URGP=0"
FOUND = Connection(
    client="192.0.2.7", at_s=1713484795.0, target="198.51.100.1", port=22, outcome="refused", bytes=40, service="edge"
)


def packet(prefix: str = "[UFW BLOCK] ", rest: str = TCP.format("SYN")) -> str:
    return LINE.format(prefix, rest)


def test_a_line_is_a_connection() -> None:
    assert connection("netfilter", packet(), "edge") == FOUND


@pytest.mark.parametrize(
    "shipped",
    [
        {"MESSAGE": packet()[26:], "__REALTIME_TIMESTAMP": "1713484795000000"},
        {"message": packet(), "host": "gw"},
        {"log": packet(), "@timestamp": "2024-04-18T23:59:55Z"},
    ],
)
def test_a_log_shipper_may_stand_in_between(shipped: dict[str, str]) -> None:
    assert connection("netfilter", json.dumps(shipped), "edge") == FOUND


@pytest.mark.parametrize(
    ("prefix", "outcome_"),
    [
        ("iptables denied: ", "refused"), ("IN_drop: DROP ", "refused"), ("FINAL_REJECT: ", "refused"),
        ("new ssh: ", "unknown"), ("[UFW ALLOW] ", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_the_rules_own_words_say_what_came_of_it(prefix: str, outcome_: str) -> None:
    assert connection("netfilter", packet(prefix)).outcome == outcome_


@pytest.mark.parametrize(
    "rest",
    [
        TCP.format("ACK FIN"), TCP.format("RST"), "UDP SPT=53 DPT=40000 LEN=90",
        "ICMP TYPE=3 CODE=1 [SRC=198.51.100.1 DST=192.0.2.7 LEN=60 PROTO=TCP SPT=1 DPT=2 ]",
    ],
)  # fmt: skip
def test_a_packet_that_opens_nothing_says_nothing(rest: str) -> None:
    assert parse("netfilter", packet(rest=rest)) == []


@pytest.mark.parametrize(
    ("rest", "protocol", "port"),
    [("UDP SPT=4000 DPT=161 LEN=40", "udp", 161), ("ICMP TYPE=8 CODE=0 ID=1", "icmp", 0), ("47", "other", 0)],
)
def test_other_protocols_are_connections_too(rest: str, protocol: str, port: int) -> None:
    found = connection("netfilter", packet(rest=rest))
    assert (found.protocol, found.port) == (protocol, port)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Apr 18 23:59:55" + packet()[25:], "ISO 8601"),
        ("2024-04-18T23:59:55Z gw sshd: hello", "SRC="),
        (packet(rest="TCP SPT=1 DPT=99999 SYN"), "port"),
        ('{"a": 1}', "message"),
    ],
)
def test_what_is_wrong_is_said(line: str, reason: str) -> None:
    said = outcome("netfilter", line.encode())
    assert isinstance(said, str)
    assert reason in said


def test_a_line_of_nothing_but_beginnings_takes_no_time() -> None:
    assert isinstance(outcome("netfilter", b"IN=" * 300_000), str)
