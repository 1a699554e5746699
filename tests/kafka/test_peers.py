"""Peers on a real Kafka, small: those whose environment is there do their jobs, rightly. No time is looked at."""

import pytest

from benchmarks.peers import drains, live
from benchmarks.peers.environments import Absent
from benchmarks.peers.roster import LUMINAR, PEERS, Peer

pytestmark = pytest.mark.kafka

RECORDS = 70_000
LOSING = "faust-table"
"""Its windows are closed by the wall clock, so that a drain loses nearly all of them."""
OTHERS = [peer for peer in PEERS if peer.name != LUMINAR]


def ready(name: str) -> Peer:
    """Return a peer, or skip with the word that says what is missing."""
    (peer,) = [peer for peer in PEERS if peer.name == name]
    try:
        peer.program()
    except Absent as absent:
        pytest.skip(str(absent))
    return peer


@pytest.mark.parametrize("name", [peer.name for peer in OTHERS if peer.windows and peer.name != LOSING])
def test_every_closed_window_is_said_once_and_rightly(name: str) -> None:
    result = drains.windows(ready(name), RECORDS, repetitions=1)
    assert (result["missing"], result["wrong"], result["doubled"]) == (0, 0, 0)
    assert result["correct"]


@pytest.mark.parametrize("name", [peer.name for peer in OTHERS if peer.noop])
def test_all_records_are_read(name: str) -> None:
    assert drains.noop(ready(name), RECORDS, repetitions=1)["correct"]


@pytest.mark.parametrize("name", ["luminar", "aiokafka-loop"])
def test_every_record_is_answered(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WARM_S", 1.0)
    monkeypatch.setattr(live, "TIMED_S", 1.0)
    result = live.latency(ready(name), 500)
    assert (result["missing"], result["wrong"], result["doubled"]) == (0, 0, 0)


def test_nothing_stays_unanswered_after_a_kill() -> None:
    result = live.takeover(ready("aiokafka-loop"), 2_000)
    assert (result["missing"], result["wrong"]) == (0, 0)
