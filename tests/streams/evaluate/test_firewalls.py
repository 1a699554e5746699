"""The detectors that can be asked."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.evaluate.firewalls import by_signatures, each, firewall_of, luminar, naively, passing
from tests.streams.evaluate.recorded import make_requests
from topics.requests import Request

ATTACK = "/?q=%27%20or%20%271%27=%271"


def request(path: str, **more: Any) -> Request:
    return Request(client="192.0.2.1", at_s=0.0, path=path, **more)


@pytest.mark.parametrize("detector", ["luminar", "signatures", "naive"])
def test_each_detector_finds_a_plain_attack_and_no_more(detector: str) -> None:
    found = firewall_of(detector)([request(ATTACK), request("/a?b=c"), request("/", body=ATTACK[4:])])
    assert found.hostile.tolist() == [True, False, True]


def test_signatures_see_headers_and_the_naive_do_not() -> None:
    hidden = Request(client="a", at_s=0.0, path="/", headers={"x-api": "${jndi:ldap://a}"})
    assert by_signatures(hidden)
    assert not naively(hidden)


def test_signatures_alone_do_not_ask_the_model() -> None:
    looks = request("/?q=%22%3E%3Cq%20z=%22")
    assert (luminar([looks]).hostile.tolist(), by_signatures(looks)) == ([True], False)


def test_only_the_bank_counts_requests() -> None:
    many = [request("/")] * 101
    assert luminar(many).over.sum() == 1
    assert each(naively)(many).over.sum() == 0


def test_what_the_gate_lets_pass_is_known_without_its_agents() -> None:
    some = [request("/a", agent="Mozilla/5.0 (X11)"), request(ATTACK), request("/", referer="/ a")]
    assert passing(some).tolist() == [True, False, False]


def test_the_command_prints_what_a_detector_finds(tmp_path: Path) -> None:
    folder, out = make_requests(tmp_path / "requests"), tmp_path / "figures.json"
    arguments = ["evaluate", "requests", "--data", str(tmp_path), "--detector", "naive", "--json", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "wcp.balanced_accuracy" in result.output
    assert out.exists()
    again = CliRunner().invoke(main, ["evaluate", "requests", "--data", str(folder), "--detector", "none"])
    assert "no detector 'none'" in again.output
