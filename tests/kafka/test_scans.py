"""Zeek's lines from a topic of others become connections, and a slow scan among them a block, a kill in between.

Where addresses can be forged, the same scan is told, and nobody is blocked for it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

import msgspec
import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, plain, until
from topics.blocklist import BLOCKLIST, Block
from topics.connections import CONNECTIONS, Connection
from topics.dead_letters import DEAD_LETTERS
from topics.proposals import PROPOSALS, REFUSALS
from topics.signals import SIGNALS, Threat

SOURCE = "zeek-conn-of-scans"
SETTINGS = {
    "sources": [{"topic": SOURCE, "format": "zeek_conn", "service": "edge"}],
    "worker": {"save_every_s": 0.2},
    "security": {"block_s": 600},
    "decisions": {"genuine": ["203.0.113.0/24"]},
}
SCANNER, VISITOR = "203.0.113.9", "203.0.113.10"
FORGED = "198.18.0.9"
"""An address under which anybody may have sent."""


def line(client: str, port: int, state: str) -> bytes:
    ends = {"id.orig_h": client, "id.resp_h": "198.51.100.1", "id.resp_p": port, "proto": "tcp"}
    return json.dumps({"ts": time.time(), "conn_state": state, **ends}).encode()


async def feed(site: Site, ports: Sequence[int]) -> None:
    """Publish for each port a line of the scanner, one of a visitor whose service is away, and one that is none."""
    async with Publisher(site.loaded.process) as publisher:
        for port in ports:
            for client in (SCANNER, FORGED):
                await publisher.publish(SOURCE, line(client, port, "REJ"), key=b"sensor")
            await publisher.publish(SOURCE, line(VISITOR, 443, "S0"), key=b"sensor")
            await publisher.publish(SOURCE, b'{"no": "connection"}', key=b"sensor")


@pytest.fixture(scope="module")
def site(module_site: MakeSite) -> Site:
    """Let one worker see the first half of a scan and be killed, and another the rest."""
    site = module_site(settings=SETTINGS).make_topics()
    first = site.start("first").until_ready()
    asyncio.run(feed(site, range(4)))
    until(lambda: sum(site.ends(CONNECTIONS).values()) >= site.partitions + 12, "the lines are connections")
    site.until_folded(CONNECTIONS)
    first.kill()
    second = site.start("second").until_ready()
    asyncio.run(feed(site, range(4, 9)))
    until(lambda: sum(site.ends(BLOCKLIST).values()), "somebody is blocked")
    until(lambda: sum(site.ends(REFUSALS).values()), "a block is refused")
    site.until_folded(CONNECTIONS, SIGNALS, PROPOSALS)
    assert second.stop() == 0
    return site


def test_the_scanner_is_blocked_and_the_visitor_is_not(site: Site) -> None:
    values = [m.value for log in site.records(BLOCKLIST) for m in log if m.value]
    (block,) = [msgspec.json.decode(value, type=Block) for value in values]
    assert (block.client, block.family, block.service) == (SCANNER, "portscan", "edge")
    said = {m.value for log in site.records(SIGNALS) for m in log if m.value and b'"threat"' in m.value}
    threats = {threat.client: threat for threat in (msgspec.json.decode(value, type=Threat) for value in said)}
    assert threats.keys() == {SCANNER, FORGED}
    threat = threats[SCANNER]
    assert threat.text == "7 of 7 first contacts in vain: 1 target, about 7 ports"
    assert threat.origin is not None
    assert threat.origin.topic == "connections"
    log = site.records(CONNECTIONS)[threat.origin.partition]
    (led,) = [m.value for m in log if m.offset == threat.origin.offset]
    assert msgspec.json.decode(led or b"", type=Connection).port == 6


def test_who_may_be_somebody_else_is_told_of_and_not_blocked(site: Site) -> None:
    (refused,) = [plain(m) for log in site.records(REFUSALS) for m in log]
    assert (refused["target"], refused["rule"]) == (FORGED, "forgeable")


def test_what_is_no_connection_is_among_the_dead_letters(site: Site) -> None:
    letters = [m for log in site.records(DEAD_LETTERS) for m in log]
    assert {m.value for m in letters} == {b'{"no": "connection"}'}
    headers = dict(letters[0].headers)
    assert headers["stage"] == b"ingest/zeek_conn"
    assert b"ts" in headers["reason"]


def test_what_is_saved_and_said_is_what_the_log_gives(site: Site) -> None:
    arguments = ["verify", "connections", "--json", "--settings", str(site.file)]
    result = CliRunner().invoke(main, arguments, env={"LUMINAR_SETTINGS": None})
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout.splitlines()[0])
    assert told["outputs"]["scans"]["same"] == 4
