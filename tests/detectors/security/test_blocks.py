import numpy as np
import pytest

from detectors.security.bank import SecurityBank
from detectors.security.blocks import PROPOSAL_EXPIRES_S
from tests.contract import check
from tests.detectors.security.logs import CLIENT, START_S, log_of, proposals, request, said_of, threats
from tests.fakes import fold
from topics.control import EVERYBODY, Feedback
from topics.requests import REQUESTS, Request
from topics.settings import Limit, SecuritySettings, Settings

SQLI, XSS, TRAVERSAL = "/?q=1'+or+'1'='1", "/?q=<script>alert(1)</script>", "/?f=../../etc/passwd"
STRICT = SecuritySettings(limit=Limit(requests=1, window_s=10.0), block_s=100.0, escalation=3.0, block_most_s=2000.0)


def burst(at_s: float, client: str = CLIENT) -> list[Request]:
    """Return one request too many."""
    return [request(at_s, client), request(at_s + 0.1, client)]


def test_distinct_evidence_leads_to_a_block_and_the_same_again_does_not() -> None:
    assert proposals(said_of(request(k, path=SQLI) for k in range(50))) == []
    (block,) = proposals(said_of(request(k, path=path) for k, path in enumerate((SQLI, XSS, SQLI, TRAVERSAL))))
    assert (block.action, block.target, block.family, block.at_s) == ("block", CLIENT, "traversal", START_S + 3.0)
    assert block.expires_at_s == block.at_s + PROPOSAL_EXPIRES_S
    where = "path traversal in path f: parent folders: ../../etc/passwd"
    assert block.why == f"3 distinct pieces of hostile evidence in 600 s, the last: {where}"


def test_the_same_payload_in_another_parameter_is_another_piece() -> None:
    sent = [request(k, path=f"/?{name}=<script>alert(1)</script>") for k, name in enumerate("abc")]
    assert len(proposals(said_of(sent))) == 1


def test_evidence_older_than_its_window_does_not_count() -> None:
    sent = [request(k * 400, path=path) for k, path in enumerate((SQLI, XSS, TRAVERSAL))]
    said = said_of(sent)
    assert len(threats(said)) == 3
    assert proposals(said) == []


def test_each_distinct_piece_is_a_threat_until_the_client_is_known_well_enough() -> None:
    sent = [request(k, path=f"/?a{k}=<script>alert(1)</script>") for k in range(40)]
    said = said_of(sent)
    assert len(threats(said)) == 7
    assert len(proposals(said)) == 1
    scores = [t.score for t in threats(said)][:3]
    assert 1.0 < scores[0] < 3.0
    assert np.diff(scores) == pytest.approx([1 / 3, 1 / 3])


def test_a_client_that_returns_is_blocked_longer_each_time_up_to_the_most() -> None:
    ends, at_s = [], 0.0
    sent = []
    for wanted_s in (100.0, 300.0, 900.0, 2000.0, 2000.0):
        sent += burst(at_s)
        ends.append(wanted_s)
        at_s += wanted_s + 1
    assert [p.wanted for p in proposals(said_of(sent, STRICT))] == ends


def test_while_a_block_would_run_none_is_proposed_and_after_it_one_is_if_the_abuse_goes_on() -> None:
    said = said_of((request(k * 0.5) for k in range(500)), STRICT)
    assert [p.at_s - START_S for p in proposals(said)] == pytest.approx([0.5, 100.5])
    assert len(threats(said)) > 20


def test_a_client_that_kept_quiet_for_the_longest_block_begins_anew() -> None:
    sent = burst(0.0) + burst(101.0) + burst(101.0 + 300.0 + 2001.0)
    assert [p.wanted for p in proposals(said_of(sent, STRICT))] == [100.0, 300.0, 100.0]


def test_a_client_that_a_person_lets_go_can_be_proposed_again_and_was_not_blocked() -> None:
    lift = Feedback(verdict="lift", subject=CLIENT)
    log = log_of(burst(0.0))
    log += [(int((START_S + 20) * 1000), lift), *log_of(burst(30.0))]
    said = fold(SecurityBank, REQUESTS, log, Settings(security=STRICT))
    assert [p.wanted for p in proposals(said)] == [100.0, 100.0]
    assert check(SecurityBank, REQUESTS, log, Settings(security=STRICT)) == said


def lifted(at_s: float, subject: str) -> tuple[int, Feedback]:
    return int((START_S + at_s) * 1000), Feedback(verdict="lift", subject=subject)


def test_evidence_against_a_client_that_a_person_lets_go_is_forgotten() -> None:
    """Its next hostile request is one piece of evidence, and not the fourth."""
    log = log_of(request(k, path=path) for k, path in enumerate((SQLI, XSS, TRAVERSAL)))
    again = [request(300 + k, path=path) for k, path in enumerate((SQLI, XSS, TRAVERSAL))]
    said = fold(SecurityBank, REQUESTS, [*log, lifted(20, CLIENT), *log_of(again)])
    assert [p.at_s - START_S for p in proposals(said)] == [2.0, 302.0]
    assert [t.at_s - START_S for t in threats(said)] == [0.0, 1.0, 2.0, 300.0, 301.0, 302.0]


def test_failed_logins_scans_and_limits_of_routes_begin_anew_for_a_client_that_is_let_go() -> None:
    limits = (Limit(requests=1, window_s=3600.0, route="/api"),)
    security = SecuritySettings(limits=limits, login_failures=3, scan_paths=3)
    tries = [request(k, path="/login", method="POST", status=401) for k in range(3)]
    paths = [request(10 + k, path=f"/{k}", status=404) for k in range(2)]
    before = [*tries, *paths, request(20, path="/api")]
    after = [request(30, path="/login", method="POST", status=401), request(31, path="/9", status=404)]
    after.append(request(32, path="/api"))
    whole = Settings(security=security)
    assert {t.family for t in threats(fold(SecurityBank, REQUESTS, log_of(before + after), whole))} == {
        "login", "scan", "rate"
    }  # fmt: skip
    log = [*log_of(before), lifted(25, CLIENT), *log_of(after)]
    assert check(SecurityBank, REQUESTS, log, whole) == []


def test_all_are_let_go_whose_block_would_run_and_nobody_else() -> None:
    first = [
        *burst(0.0, "192.0.2.1"),
        *burst(90.0, "192.0.2.2"),
        *burst(91.0, "2001:db8::1"),
        request(95.0, "192.0.2.3"),
    ]
    log = [*log_of(first), lifted(120, EVERYBODY)]
    again = [one for client in ("192.0.2.1", "192.0.2.2", "2001:db8::1") for one in burst(125.0, client)]
    log += log_of([*sorted(again, key=lambda one: one.at_s), request(126.0, "192.0.2.3")])
    said = check(SecurityBank, REQUESTS, log, Settings(security=STRICT))
    wanted = {(p.target, p.wanted) for p in proposals(said) if p.at_s > START_S + 120}
    assert wanted == {("192.0.2.1", 300.0), ("192.0.2.2", 100.0), ("2001:db8::/64", 100.0)}


def test_a_late_piece_teaches_and_says_nothing() -> None:
    sent = [request(0, path=SQLI), request(1, path=XSS), request(400, "other"), request(2, path=TRAVERSAL)]
    said = said_of([*sent, request(401, path="/?q=;cat+/etc/hostname")])
    assert [t.at_s - START_S for t in threats(said)] == [0.0, 1.0, 401.0]
    assert len(proposals(said)) == 1
