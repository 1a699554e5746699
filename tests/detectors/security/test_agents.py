import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.security.agents import SCANNERS, is_scanner
from tests.detectors.security.logs import proposals, request, said_of

SQLI, XSS = "/?q=1'+or+'1'='1", "/?q=<script>alert(1)</script>"


def found(agent: str) -> bool:
    raw = np.frombuffer(agent.encode() or b"\0", np.uint8)
    return bool(is_scanner(raw.ctypes.data, len(agent.encode())))


@given(before=st.text(max_size=20), name=st.sampled_from(SCANNERS), after=st.text(max_size=20))
def test_a_scanner_is_found_wherever_its_name_stands(before: str, name: str, after: str) -> None:
    assert found(before + name + after)
    assert found(before + name.upper() + after)


@given(agent=st.text("nikto sqlmap/masc", max_size=30))
def test_it_finds_what_a_plain_search_finds(agent: str) -> None:
    assert found(agent) == any(name in agent.lower() for name in SCANNERS)


@pytest.mark.parametrize(
    "agent", ["", "Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "Googlebot/2.1", "python-requests"]
)
def test_browsers_and_ordinary_programs_are_none(agent: str) -> None:
    assert not found(agent)


def test_an_agent_says_nothing_by_itself_and_helps_other_evidence() -> None:
    assert said_of(request(k, agent="nikto/2.5", status=404) for k in range(30)) == []
    sent = [request(k, path=path) for k, path in enumerate((SQLI, XSS, "/?q=<script>alert(2)</script>"))]
    plain = said_of(sent[:2])
    assert proposals(plain) == []
    two = [request(0, path="/", agent="nmap"), request(1, path="/b", agent="nikto", status=404)]
    assert len(proposals(said_of([*two, *[request(k + 2, path=path) for k, path in enumerate((SQLI, XSS))]]))) == 1
