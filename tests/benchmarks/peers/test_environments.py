"""Environments of peers: what is not there is said, with the way to it."""

from pathlib import Path

import pytest

from benchmarks.peers import environments
from benchmarks.peers.environments import Absent, interpreter, java
from benchmarks.peers.roster import PEERS


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_python_peer_without_an_environment_says_how_to_make_it() -> None:
    with pytest.raises(Absent, match=r"python -m benchmarks\.peers setup --only quix"):
        interpreter("quix")


def test_java_that_is_not_compiled_says_how_to_do_it() -> None:
    with pytest.raises(Absent, match=r"python -m benchmarks\.peers setup --only java"):
        java()


def test_an_environment_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("./there-is-no-such-folder\n")
    monkeypatch.setattr(environments, "requirements", lambda name: wanted)
    with pytest.raises(Absent, match=r"(?s)quix could not be made.*there-is-no-such-folder"):
        environments.make_python("quix")
    with pytest.raises(Absent):
        interpreter("quix")


@pytest.mark.parametrize("place", sorted({peer.place for peer in PEERS} - {"java", "luminar"}))
def test_every_requirement_is_pinned(place: str) -> None:
    lines = environments.requirements(place).read_text().splitlines()
    assert lines
    assert [line for line in lines if "==" not in line] == []
