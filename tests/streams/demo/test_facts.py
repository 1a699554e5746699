"""What is told, and what counts as seen."""

from typing import Literal

import pytest

from streams.demo.facts import WANTED, Facts
from streams.demo.lines import of_block, of_command
from topics.alerts import Alert
from topics.blocklist import Block
from topics.commands import Command
from topics.metrics import Reading
from topics.proposals import Refusal
from topics.requests import Request


class Play:
    """Facts with a clock that is set by hand, and what they told."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.told: list[str] = []
        self.facts = Facts(self.told.append, lambda: self.now_s)

    def gauge(self, name: str, *values: float) -> None:
        for value in values:
            self.now_s += 1
            self.facts.take_gauge(Reading(series=f"shop/{name}", value=value, at_s=self.now_s))


@pytest.fixture
def play() -> Play:
    return Play()


def alert(state: Literal["firing", "resolved"], at_s: float, service: str = "checkout") -> Alert:
    return Alert(
        id=f"{service}-1", state=state, severity="warning", service=service, title=f"{service} is slow", at_s=at_s,
        since_s=100.0,
    )  # fmt: skip


def block(client: str = "127.0.0.66", times: int = 1) -> Block:
    why = "100 requests in 60 s exceeded"
    return Block(client=client, family="rate", until_s=130.0, why=why, at_s=100.0, times=times)


def scale(before: float | None, after: float, epoch: int = 1) -> Command:
    return Command(
        id=f"command {epoch}", action="scale", target="shop", before=before, after=after, why="60 requests/s need 4",
        at_s=100.0, expires_at_s=130.0, epoch=epoch,
    )  # fmt: skip


def test_nothing_is_seen_at_first(play: Play) -> None:
    assert play.facts.missing() == list(WANTED.values())


def test_an_alert_is_told_when_it_fires_and_when_it_is_resolved_not_when_it_is_said_again(play: Play) -> None:
    for said in (alert("firing", 100.0), alert("firing", 110.0), alert("resolved", 123.0)):
        play.now_s += 1
        play.facts.take_alert(said)
    assert play.told == ["alert firing: checkout is slow", "alert resolved after 23 s: checkout is slow"]
    assert play.facts.events == {"alert_fired": 1.0, "alert_resolved": 3.0}
    assert play.facts.examples["alert_resolved"]["service"] == "checkout"


def test_an_alert_that_never_fired_is_not_resolved(play: Play) -> None:
    play.facts.take_alert(alert("resolved", 123.0))
    assert (play.told, play.facts.events) == ([], {})


def request(client: str, status: int) -> Request:
    return Request(client=client, at_s=101.0, path="/", status=status)


def test_a_403_counts_when_its_client_was_blocked_before(play: Play) -> None:
    play.facts.take_request(request("127.0.0.66", 403))
    play.facts.take_block("127.0.0.66", block())
    play.facts.take_request(request("127.0.0.66", 200))
    play.facts.take_request(request("127.0.0.67", 403))
    assert "client_refused" not in play.facts.events
    play.facts.take_request(request("127.0.0.66", 403))
    play.facts.take_request(request("127.0.0.66", 403))
    assert "client_refused" in play.facts.events
    assert play.told[-2:] == [
        "blocked 127.0.0.66: 100 requests in 60 s exceeded",
        "403 for 127.0.0.66: the shop keeps to the blocklist",
    ]


def test_a_lifted_client_can_be_refused_anew(play: Play) -> None:
    play.facts.take_block("127.0.0.67", None)
    assert "client_lifted" not in play.facts.events
    for _ in range(2):
        play.facts.take_block("127.0.0.66", block())
        play.facts.take_request(request("127.0.0.66", 403))
        assert "127.0.0.66" in play.facts.refused
        play.facts.take_block("127.0.0.66", None)
        assert "127.0.0.66" not in play.facts.refused
        assert "client_lifted" in play.facts.events


def test_a_command_has_relieved_the_shop_when_it_is_obeyed_and_the_long_queue_is_gone(play: Play) -> None:
    play.gauge("queue_s", 0.0, 0.9)
    play.facts.take_command(scale(2, 4))
    play.gauge("replicas_ready", 2)
    play.gauge("queue_s", 1.5)
    assert "scale_obeyed" not in play.facts.events
    play.gauge("replicas_ready", 4)
    assert "scale_obeyed" in play.facts.events
    play.gauge("queue_s", 0.4, 0.05, 0.01, 0.2, 0.0, 0.0)
    assert play.facts.reliefs == 0
    play.gauge("queue_s", 0.0)
    assert play.facts.reliefs == 1
    assert play.facts.events["scale_relieved"] == play.now_s
    assert play.told == ["shop scaled 2 → 4: 60 requests/s need 4", "the shop has caught up: nobody waits any more"]


def test_a_queue_that_was_never_long_is_no_relief(play: Play) -> None:
    play.facts.take_command(scale(2, 4))
    play.gauge("replicas_ready", 4)
    play.gauge("queue_s", 0.1, 0.0, 0.0, 0.0, 0.0)
    assert play.facts.reliefs == 0


def test_a_queue_that_goes_away_by_itself_is_no_relief(play: Play) -> None:
    play.gauge("queue_s", 0.9)
    play.facts.take_command(scale(2, 4))
    play.gauge("queue_s", 0.0, 0.0, 0.0, 0.0)
    assert play.facts.reliefs == 0


def test_taking_replicas_away_is_told_but_is_not_what_is_waited_for(play: Play) -> None:
    play.facts.take_command(scale(4, 2))
    assert play.told == ["shop scaled 4 → 2: 60 requests/s need 4"]
    assert play.facts.events == {}


def test_the_same_refusal_is_told_once_in_a_while(play: Play) -> None:
    refusal = Refusal(action="scale", target="shop", rule="cooldown", why="2 s of 5 s have passed", at_s=100.0)
    for now_s in (0.0, 1.0, 5.0, 30.0):
        play.now_s = now_s
        play.facts.take_refusal(refusal)
    assert play.told == ["not done (cooldown): scale shop: 2 s of 5 s have passed"] * 2


def test_a_client_that_returns_is_told_as_such() -> None:
    assert of_block("127.0.0.66", block(times=3)) == "blocked 127.0.0.66 (time 3): 100 requests in 60 s exceeded"


def test_what_cannot_be_printed_does_not_reach_the_terminal_and_a_line_fits() -> None:
    line = of_command(scale(None, 4).__class__(
        id="x", action="restart", target="shop", before=None, after=1, why="\x1b[2J" + "so " * 100, at_s=0.0,
        expires_at_s=1.0, epoch=1,
    ))  # fmt: skip
    assert line.isprintable()
    assert len(line) <= 110
