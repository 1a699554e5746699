"""Scans: who tries what may be there is found, fast or slow, and nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.scans import ScansBank
from detectors.scans_rows import Row
from tests.contract import check
from tests.fakes import fold, fold_into, shard_of
from topics import Derived, Origin
from topics.connections import CONNECTIONS, Connection
from topics.control import EVERYBODY, Feedback
from topics.proposals import Proposal
from topics.settings import ScanSettings, SecuritySettings, Settings
from topics.signals import Threat

START_S = 1_000_000
HOUR_S, DAY_S = 3600.0, 86_400.0
CLIENT = "192.0.2.1"


def connection(at_s: float = 0.0, port: int = 22, outcome: Any = "none", **more: Any) -> Connection:
    """Return a connection that was tried `at_s` seconds after the start."""
    ends = {"client": CLIENT, "target": "198.51.100.1", **more}
    return Connection(**ends, at_s=START_S + at_s, port=port, outcome=outcome)


def log_of(connections: Iterable[Connection]) -> list[tuple[int, Any]]:
    """Append each connection when it came, or, where it is late, when the one before it was appended."""
    log: list[tuple[int, Any]] = []
    time_ms = 0
    for one in connections:
        time_ms = max(time_ms, int(one.at_s * 1000))
        log.append((time_ms, one))
    return log


def said_of(connections: Iterable[Connection], scans: ScanSettings | None = None) -> list[Derived]:
    return fold(ScansBank, CONNECTIONS, log_of(connections), Settings(scans=scans or ScanSettings()))


def threats(said: Iterable[Derived]) -> list[Threat]:
    return [one for one in said if isinstance(one, Threat)]


def proposals(said: Iterable[Derived]) -> list[Proposal]:
    return [one for one in said if isinstance(one, Proposal)]


@pytest.mark.parametrize("step_s", [0.01, 60.0, HOUR_S])
def test_seven_ports_tried_in_vain_are_a_scan_however_slow(step_s: float) -> None:
    said = said_of(connection(k * step_s, 100 + k) for k in range(7))
    (threat,), (block,) = threats(said), proposals(said)
    assert (threat.client, threat.family, threat.rule, threat.service) == (CLIENT, "portscan", "vertical", "default")
    assert threat.text == "7 of 7 first contacts in vain: 1 target, about 7 ports"
    assert threat.score == pytest.approx(1.0, abs=0.06)
    assert (block.action, block.target, block.family, block.why) == ("block", CLIENT, "portscan", threat.text)
    assert block.forgeable
    assert [one.origin.offset for one in said if one.origin is not None] == [6, 6]


def test_one_port_of_many_targets_is_a_horizontal_scan() -> None:
    said = said_of(connection(k, 23, "refused", target=f"198.51.100.{k}") for k in range(20))
    assert threats(said)[0].rule == "horizontal"


def test_a_visitor_of_a_service_that_is_away_is_no_scanner() -> None:
    """However often it tries: only what it has not tried before is a trial."""
    assert said_of(connection(k * 10.0, 443 + k % 3) for k in range(2000)) == []


def test_what_answers_speaks_for_a_client() -> None:
    calm = [connection(k, 1000 + k, "answered") for k in range(5)]
    assert threats(said_of(calm + [connection(9 + k, 100 + k) for k in range(9)])) == []
    assert threats(said_of(calm + [connection(9 + k, 100 + k) for k in range(10)])) != []


@given(st.lists(st.booleans(), max_size=300))
@settings(max_examples=30)
def test_who_is_answered_as_often_as_not_answered_at_any_time_is_no_scanner(answers: list[bool]) -> None:
    """Each contact in vain comes after one that was answered."""
    sent = []
    for k, first in enumerate(answers):
        sent += [
            connection(2 * k, 2 * k, "answered"),
            connection(2 * k + 1, 2 * k + 1, "none" if first else "answered"),
        ]
    assert said_of(sent) == []


def test_contacts_of_which_nobody_knows_what_came_are_a_scan_after_fifty() -> None:
    sent = [connection(k, k, "unknown") for k in range(51)]
    assert said_of(sent[:50]) == []
    (threat,) = threats(said_of(sent))
    assert threat.text.startswith("51 first contacts, and nobody knows what came: 1 target, about ")
    assert said_of(connection(k, k % 50, "unknown") for k in range(2000)) == []


def test_what_becomes_known_later_counts_then() -> None:
    sent = [connection(k, 100 + k % 7, "unknown" if k < 7 else "refused") for k in range(14)]
    assert said_of(sent[:13]) == []
    assert len(threats(said_of(sent))) == 1


def test_a_few_stale_trials_are_forgotten() -> None:
    """One new thing tried in vain a week, for two years, is no scan; three a day are."""
    assert said_of(connection(k * 7 * DAY_S, k) for k in range(100)) == []
    assert threats(said_of(connection(k * DAY_S / 3, k) for k in range(12))) != []


def test_our_own_hosts_are_never_judged() -> None:
    own = ScanSettings(own=("192.0.2.0/28", "2001:db8::/32"))
    sent = [
        connection(k, k, client=client) for k in range(100) for client in ("192.0.2.1", "2001:db8::7", "192.0.2.99")
    ]
    assert {threat.client for threat in threats(said_of(sent, own))} == {"192.0.2.99"}


def test_a_scan_is_said_again_only_after_its_block_and_each_block_is_longer() -> None:
    said = said_of(connection(k * 10.0, k) for k in range(300))
    assert [one.wanted for one in proposals(said)] == [240.0, 960.0, 3840.0]
    assert len(threats(said)) == 3
    at_s = [one.at_s for one in proposals(said)]
    assert all(later >= first + wanted for first, later, wanted in zip(at_s, at_s[1:], (240.0, 960.0), strict=False))


def test_alpha_says_how_sure_a_conclusion_is() -> None:
    sent = [connection(k, k) for k in range(12)]
    at = {alpha: threats(said_of(sent, ScanSettings(alpha=alpha)))[0].at_s - START_S for alpha in (1e-2, 1e-4, 1e-6)}
    assert at == {1e-2: 3.0, 1e-4: 6.0, 1e-6: 9.0}


def test_late_connections_teach_and_say_nothing() -> None:
    sent = [connection(0, 1), connection(5000, 2)] + [connection(k, 100 + k) for k in range(8)]
    assert said_of(sent) == []
    assert [t.at_s - START_S for t in threats(said_of([*sent, connection(5001, 999)]))] == [5001]


def test_a_repeated_connection_is_one() -> None:
    origin = Origin("ingest", "zeek", 0, 17, (1, CLIENT))
    sent = [connection(k, k) for k in range(6)]
    assert said_of([*sent, *sent, connection(9, 5, origin=origin), connection(9, 5, origin=origin)]) == []


def test_a_client_that_a_person_lets_go_begins_anew() -> None:
    first = log_of(connection(k, k) for k in range(7))
    lift = Feedback(verdict="lift", subject=f"{CLIENT}:80")
    rest = log_of(connection(20 + k, 50 + k) for k in range(7))
    log = [*first, (first[-1][0], lift), *rest]
    said = check(ScansBank, CONNECTIONS, log)
    assert [p.wanted for p in proposals(said)] == [240.0, 240.0]
    assert len(threats(fold(ScansBank, CONNECTIONS, log[:-1]))) == 1


def test_all_are_let_go_whose_block_would_run() -> None:
    first = log_of(connection(k, k, client=client) for k in range(7) for client in (CLIENT, "192.0.2.2"))
    lift = Feedback(verdict="lift", subject=EVERYBODY)
    again = log_of(connection(20 + k, 50 + k, client=client) for k in range(6) for client in (CLIENT, "192.0.2.2"))
    assert proposals(check(ScansBank, CONNECTIONS, [*first, (first[-1][0], lift), *again])) == proposals(
        fold(ScansBank, CONNECTIONS, first)
    )


def test_spellings_of_a_client_are_one_and_foreign_ones_are_forwarded() -> None:
    sent = [connection(k, k, client=f"2001:db8::{k + 1}") for k in range(7)]
    assert [t.client for t in threats(said_of(sent))] == ["2001:db8::/64"]
    home = shard_of(ScansBank, CONNECTIONS, owns=lambda group: group == b"2001:db8::/64")
    said = fold_into(home, CONNECTIONS, log_of([connection(0), connection(1, client="2001:db8::9")]))
    assert [one.client for one in said if isinstance(one, Connection)] == [CLIENT]


def test_changed_settings_hold_from_the_next_connection_on() -> None:
    shard = shard_of(ScansBank, CONNECTIONS)
    assert fold_into(shard, CONNECTIONS, log_of(connection(k, k) for k in range(4))) == []
    shard.bank.configure(Settings(scans=ScanSettings(alpha=0.01)))
    assert len(threats(fold_into(shard, CONNECTIONS, log_of([connection(5, 5)]), start=4))) == 1


def test_a_flood_of_made_up_addresses_does_not_hide_a_slow_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of four clients: whoever has tried two things in vain stays, whoever came once makes room."""
    monkeypatch.setattr("detectors.rows.PAGE_BYTES", 4 * Row.itemsize)
    flood = [connection(n, 23, client=f"10.{n % 200}.{n // 200}.1") for n in range(8000)]
    slow = [connection(at_s, 100 + k) for k, at_s in enumerate((0.1, 0.2, 2000.5, 4000.5, 5000.5, 6000.5, 7000.5))]
    sent = sorted([*flood, *slow], key=lambda one: one.at_s)
    shard = shard_of(ScansBank, CONNECTIONS)
    said = fold_into(shard, CONNECTIONS, log_of(sent))
    assert [t.client for t in threats(said)] == [CLIENT]
    assert shard.bank.evicted > 7000
    assert len(shard.bank) <= 4 * 64


@pytest.mark.parametrize("going", [1, 2])
def test_rows_that_make_room_keep_the_contract(monkeypatch: pytest.MonkeyPatch, going: int) -> None:
    """One at a time, or some together."""
    monkeypatch.setattr("detectors.rows.PAGE_BYTES", 2 * Row.itemsize)
    monkeypatch.setattr("detectors.rows.AT_ONCE", 2 // going)
    sent = [connection(n, 20 + n % 9, client=f"10.0.{n % 40}.{n % 5}") for n in range(600)]
    check(ScansBank, CONNECTIONS, log_of(sent))


def test_a_row_is_small_and_has_no_gaps_that_could_differ() -> None:
    assert Row.itemsize <= 320
    assert Row.itemsize == sum(np.dtype(Row[name]).itemsize for name in Row.names or ())


Sent = st.lists(
    st.builds(
        connection,
        at_s=st.integers(-400_000, 900_000).map(lambda ms: ms / 1000) | st.sampled_from([0.0, 3 * DAY_S]),
        port=st.integers(0, 90),
        outcome=st.sampled_from(["unknown", "answered", "refused", "none", "none", "none"]),
        client=st.sampled_from(
            ["192.0.2.1", "192.0.2.2:80", "2001:db8::1", "[2001:db8::3]:443", "key:7f3a", "\ufffd\x00"]
        ),
        target=st.sampled_from(["198.51.100.1", "2001:db8:1::1", "größe"]),
        protocol=st.sampled_from(["tcp", "udp", "icmp", "other"]),
        service=st.sampled_from(["default", "shop"]),
    ),
    max_size=80,
)


@given(sent=Sent, alpha=st.sampled_from([1e-4, 0.1]))
@settings(max_examples=6)
def test_it_keeps_the_contract_of_banks(sent: list[Connection], alpha: float) -> None:
    scans = ScanSettings(alpha=alpha, own=("192.0.2.2",))
    check(ScansBank, CONNECTIONS, log_of(sent), Settings(scans=scans, security=SecuritySettings(block_s=10.0)))
