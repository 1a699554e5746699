"""The judge of a run sees whatever a deployment did wrong: without that, its silence would mean nothing."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable

import msgspec
import pytest

from benchmarks.storm.feed import SETTINGS, Feed
from benchmarks.storm.judge import Judge
from detectors.bank import PAGES
from streams.client import Publisher
from streams.engine import pages
from streams.engine.pages import page_key
from streams.reader import Message
from tests.kafka.conftest import MakeSite
from topics.alerts import ALERTS
from topics.dead_letters import DEAD_LETTERS
from topics.metrics import METRICS
from topics.requests import REQUESTS
from topics.signals import SIGNALS


@pytest.fixture(scope="module")
def run(module_site: MakeSite) -> Judge:
    """Let one worker fold a feed for some seconds; return all logs."""
    site = module_site(settings={**SETTINGS, "worker": {"save_every_s": 0.2}}).make_topics()
    worker = site.start().until_ready()

    async def feed() -> None:
        async with Publisher(site.loaded.process) as publisher:
            feed = Feed(publisher, 3)
            feeding = asyncio.create_task(feed.run())
            await asyncio.sleep(6)
            feed.stop()
            await feeding

    asyncio.run(feed())
    site.until_folded(METRICS, REQUESTS, SIGNALS)
    assert worker.stop() == 0
    return Judge(site)


def busiest(logs: list[list[Message]]) -> list[Message]:
    """Return the log with the most records."""
    return max(logs, key=len)


def first(log: list[Message], told: bytes) -> int:
    """Return where the first record that holds some bytes stands."""
    return next(i for i, message in enumerate(log) if told in (message.value or b""))


def lose_a_word(judge: Judge) -> None:
    log = busiest(judge.logs[SIGNALS.name])
    del log[first(log, b'"origin"')]


def change_a_word(judge: Judge) -> None:
    log = busiest(judge.logs[SIGNALS.name])
    i = first(log, b'"score":')
    log[i] = log[i]._replace(value=(log[i].value or b"").replace(b'"score":', b'"score":1'))


def say_it_under_another_key(judge: Judge) -> None:
    log = busiest(judge.logs[SIGNALS.name])
    i = first(log, b'"origin"')
    log[i] = log[i]._replace(key=b"elsewhere")


def say_it_too_late(judge: Judge) -> None:
    log = busiest(judge.logs[SIGNALS.name])
    log.append(log.pop(first(log, b'"origin"')))


def lose_rows(judge: Judge) -> None:
    """Empty a page, and leave standing up to where it is true."""
    keys = [page_key("anomaly", p, number) for p in range(judge.process.partitions) for number in range(PAGES)]
    saved = {key: pages.decode_page(judge.table[key]) for key in keys if key in judge.table}
    key = next(key for key, page in saved.items() if page.payload)
    judge.table[key] = pages.encode(msgspec.structs.replace(saved[key], payload=b""))


def lose_a_record(judge: Judge) -> None:
    log = busiest(judge.logs[METRICS.name])
    del log[first(log, b"/latency_s")]


def lose_a_letter(judge: Judge) -> None:
    del busiest(judge.logs[DEAD_LETTERS.name])[0]


def say_what_nobody_said(judge: Judge) -> None:
    log = busiest(judge.logs[ALERTS.name])
    log.append(log[0]._replace(value=(log[0].value or b"").replace(b'"offset":', b'"offset":9')))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lose_a_word, "was never said"),
        (change_a_word, "differs"),
        (say_it_under_another_key, "differs"),
        (say_it_too_late, "was taken 0 times"),
        (lose_rows, "is not what the fold of its log gives"),
        (lose_a_record, "is not what the fold of its log gives"),
        (lose_a_letter, "is not in the dead letters"),
        (say_what_nobody_said, "is nothing that the fold says"),
    ],
)
def test_harm_is_seen(harm: Callable[[Judge], None], told: str, run: Judge) -> None:
    judge = copy.deepcopy(run)
    harm(judge)
    assert any(told in text for text in judge.look().wrong)


def test_a_run_without_harm_is_as_its_fold(run: Judge) -> None:
    counts = copy.deepcopy(run).judge()
    assert counts["words"] > 100
    assert counts["records"] > 1000
