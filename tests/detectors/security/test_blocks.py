import numpy as np
import pytest

from detectors.security.bank import SecurityBank
from detectors.security.blocks import PROPOSAL_EXPIRES_S
from tests.contract import check
from tests.detectors.security.logs import CLIENT, START_S, log_of, proposals, request, said_of, threats
from tests.fakes import fold
from topics.control import Feedback
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


def test_a_late_piece_teaches_and_says_nothing() -> None:
    sent = [request(0, path=SQLI), request(1, path=XSS), request(400, "other"), request(2, path=TRAVERSAL)]
    said = said_of([*sent, request(401, path="/?q=;cat+/etc/hostname")])
    assert [t.at_s - START_S for t in threats(said)] == [0.0, 1.0, 401.0]
    assert len(proposals(said)) == 1
