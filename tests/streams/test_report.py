"""What the topics tell of a stretch of time, added up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from streams.cli_report import ago
from streams.connection import TopicMissing
from streams.reader import Message
from streams.report import Threats, as_plain, collect, lines_of
from tests.streams.test_cli import luminar
from topics import Derived, Origin, Topic
from topics.blocklist import BLOCKLIST, Block
from topics.proposals import REFUSALS, Refusal
from topics.signals import SIGNALS, Anomaly, Threat

T = 1_700_000_000.0


def threat(second: float, client: str, family: str, service: str = "shop") -> Threat:
    return Threat(client=client, service=service, family=family, rule="r", at_s=T + second)


def block(second: float, client: str, until_s: float) -> Block:
    return Block(client=client, family="rate", until_s=T + until_s, why="x", at_s=T + second)


def refusal(second: float, client: str, rule: str) -> Refusal:
    return Refusal(action="block", target=client, rule=rule, why="x", at_s=T + second)


def message(record: Derived, offset: int) -> Message:
    origin = Origin("security", "requests", 0, offset, (1, record.subject()))
    value = msgspec.json.encode(msgspec.structs.replace(record, origin=origin))
    return Message("x", 0, offset, 0, record.key().encode(), value)


SAID: dict[str, list[Derived]] = {
    SIGNALS.name: [
        threat(1, "192.0.2.1", "rate"), threat(2, "192.0.2.1", "scan"), threat(3, "192.0.2.1", "rate", "blog"),
        threat(4, "192.0.2.2", "sqli"), threat(5, "*", "flood"), threat(6, "192.0.2.3", "scan"),
        threat(7, "192.0.2.4", "rate"), Anomaly(series="shop/x", kind="level", at_s=T),
    ],
    REFUSALS.name: [
        refusal(4, "192.0.2.2", "dry run"), refusal(6, "192.0.2.3", "allow-list"),
        Refusal(action="scale", target="shop", rule="cooldown", why="x", at_s=T),
    ],
    BLOCKLIST.name: [block(1, "192.0.2.1", 600), block(7, "192.0.2.4", 60)],
}  # fmt: skip
LIFTED = Message("x", 0, 99, 0, b"192.0.2.4", None, (("why", b"lifted by ann"),))


async def log_of(topic: Topic) -> AsyncIterator[Message]:
    """Give what was said, every record twice, a control record, and what nobody can read."""
    for offset, record in enumerate(SAID[topic.name]):
        yield message(record, offset)
        yield message(record, offset)
    yield Message("x", 0, 90, 0, None, b'{"control":"tick"}')
    yield Message("x", 0, 91, 0, b"k", b"\xff{")
    if topic is BLOCKLIST:
        yield LIFTED


def collected() -> Threats:
    return asyncio.run(collect(log_of))


def test_every_conclusion_counts_once_by_family_client_and_service() -> None:
    said = as_plain(collected(), T, T + 60)
    assert said["threats"] == 7
    assert said["families"]["rate"] == {"threats": 3, "clients": 2, "services": 2}
    assert said["families"]["flood"] == {"threats": 1, "clients": 1, "services": 1}
    assert said["services"] == {"blog": {"threats": 1, "clients": 1}, "shop": {"threats": 6, "clients": 5}}
    first = said["clients"][0]
    assert (first["client"], first["threats"], first["first_s"], first["last_s"]) == ("192.0.2.1", 3, T + 1, T + 3)
    assert first["families"] == {"rate": 2, "scan": 1}


def test_what_was_done_about_whom_is_told() -> None:
    said = as_plain(collected(), T, T + 60)
    fates = {one["client"]: one["fate"] for one in said["clients"]}
    assert fates == {
        "192.0.2.1": "blocked until 2023-11-14 22:23:20.000",
        "192.0.2.2": "would have been blocked (dry run)",
        "192.0.2.3": "not blocked: allow-list",
        "192.0.2.4": "lifted: lifted by ann",
        "*": "watched",
    }
    assert said["blocked"] == ["192.0.2.1", "192.0.2.4"]
    assert said["dry_run"] == ["192.0.2.2"]
    assert json.loads(json.dumps(said)) == said


def test_lines_tell_the_same_and_no_more_clients_than_asked_for() -> None:
    lines = lines_of(collected(), T, 2)
    assert lines[0] == "7 threats since 2023-11-14 22:13:20.000, 5 clients"
    assert "and 3 more clients; --json tells all" in lines
    assert "blocked: 2 (192.0.2.1, 192.0.2.4)" in lines
    assert "would be, but for the dry run: 1 (192.0.2.2)" in lines
    assert lines[-1] == "blocks not carried out: allow-list 1, dry run 1"
    assert not any(line.startswith("192.0.2.3") for line in lines)


def test_of_a_quiet_time_and_without_topics_it_is_said_that_there_is_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def nothing(topic: Topic) -> AsyncIterator[Message]:
        if topic.name in SAID:
            raise TopicMissing(f"no topic {topic.name}")
        yield LIFTED

    found = asyncio.run(collect(nothing))
    assert lines_of(found, 0.0, 5) == [
        "0 threats since the beginning, 0 clients", "", "blocked: 0", "would be, but for the dry run: 0",
        "blocks not carried out: none",
    ]  # fmt: skip
    assert "no topic refusals" in capsys.readouterr().err


def test_since_is_a_time_ago_or_a_time() -> None:
    assert ago("24h") == pytest.approx(ago("-86400s"), abs=5)
    assert ago("12.5") == 12.5
    assert "expected beginning, now" in luminar("report", "threats", "--since", "yesterday").output
