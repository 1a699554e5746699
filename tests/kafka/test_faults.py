"""A fault of our own: the record is found, kept and said; all others are folded, and all other shards go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.storm.judge import Judge
from benchmarks.storm.poisoned import Poisoned
from streams.bus import Capability
from streams.client import Position, Publisher
from streams.connection import partition_of
from streams.engine.shard import Shard
from streams.reader import Message
from tests.kafka.conftest import MakeSite
from tests.kafka.faulty import KNOWN, Timed
from tests.kafka.workers import Site, WorkerProcess, plain, reason_of, until
from topics import Topic
from topics.dead_letters import DEAD_LETTERS
from topics.metrics import METRICS, Reading
from topics.signals import SIGNALS

PARTITIONS = 2
# One service for each partition.
CALM, ILL = (next(f"s{i}" for i in range(99) if partition_of(b"s%d" % i, PARTITIONS) == p) for p in range(PARTITIONS))


@dataclass
class Outcome:
    """What a worker with banks that fail has done."""

    site: Site
    worker: WorkerProcess
    poison: list[Position]
    letters: list[Message]


async def send(site: Site, names: list[str]) -> list[Position]:
    """Send readings to both services; return where those of the ill one came to stand."""
    async with Publisher(site.loaded.process) as publisher:
        places = []
        for i, name in enumerate(names):
            for service in (CALM, ILL):
                own = name if service == ILL else "load"
                reading = Reading(series=f"{service}/{own}", value=float(i), at_s=time.time())
                place = await publisher.publish_now(METRICS, reading)
                if service == ILL and name != "load":
                    places.append(place)
        return places


@pytest.fixture(scope="module")
def outcome(module_site: MakeSite) -> Outcome:
    """Send two poisonous records among good ones, and one that fails once."""
    site = module_site(partitions=PARTITIONS, settings={"worker": {"save_every_s": 0.2}}).make_topics()
    worker = site.start(program=("-m", "tests.kafka.faulty")).until_ready()
    asyncio.run(send(site, ["load"] * 40))
    poison = asyncio.run(send(site, ["load"] * 15 + ["poison"] + ["load"] * 15 + ["poison"] + ["load"] * 30))
    asyncio.run(send(site, ["load"] * 25 + ["hiccup"] + ["load"] * 25))
    site.until_folded(METRICS)
    letters = once(site.records(DEAD_LETTERS), lambda letter: reason_of(letter)["offset"])
    return Outcome(site, worker, poison, letters)


def once(logs: list[list[Message]], identity: Callable[[Message], Any]) -> list[Message]:
    """Return each record once: what a replay says again is the same, byte for byte."""
    seen: dict[Any, Message] = {}
    for message in (message for log in logs for message in log):
        first = seen.setdefault(identity(message), message)
        assert first[4:] == message[4:]
    return list(seen.values())


def derived(site: Site, topic: Topic) -> list[Any]:
    """Return what was concluded, each once."""
    logs = [[message for message in log if b'"origin"' in (message.value or b"")] for log in site.records(topic)]
    return [plain(message) for message in once(logs, lambda message: str(plain(message)["origin"]))]


def test_a_poisonous_record_is_kept_with_its_traceback(outcome: Outcome) -> None:
    heads = [reason_of(letter) for letter in outcome.letters]
    assert [(int(head["partition"]), int(head["offset"])) for head in heads] == outcome.poison
    for head, letter in zip(heads, outcome.letters, strict=True):
        assert head["topic"] == outcome.site.name_of(METRICS)
        assert head["stage"] == "poisoned"
        assert "ZeroDivisionError: a bug of ours at" in head["reason"]
        assert "take_one" in head["reason"]
        assert plain(letter)["series"] == f"{ILL}/poison"


def test_an_anomaly_of_our_own_is_said(outcome: Outcome) -> None:
    faults = [one for one in derived(outcome.site, SIGNALS) if one["kind"] == "fault"]
    assert [one["series"] for one in faults] == ["luminar/faults{capability=poisoned}"] * 2
    where = outcome.poison[0]
    assert f"metrics[{where.partition}]@{where.offset}" in faults[0]["text"]
    assert [one["origin"]["offset"] for one in faults] == [place.offset for place in outcome.poison]


def test_all_others_are_folded_and_said_as_if_there_were_no_fault(outcome: Outcome) -> None:
    """Both capabilities have said every tenth of each series, without a gap."""
    said: dict[str, list[float]] = {}
    for one in derived(outcome.site, METRICS):
        said.setdefault(one["series"], []).append(one["value"])
    tens = [10.0 * i for i in range(1, 16)]
    for service in (CALM, ILL):
        assert said[f"{service}/counting"] == said[f"{service}/poisoned"] == tens


def test_a_fault_that_does_not_come_again_leaves_no_trace(outcome: Outcome) -> None:
    assert "MemoryError: only once" in outcome.worker.said()
    assert all(b"hiccup" not in (letter.value or b"") for letter in outcome.letters)


def test_what_failed_and_was_mended_is_counted(outcome: Outcome) -> None:
    meter = outcome.worker.meter
    assert meter("luminar_faults_total", capability="poisoned") > len(outcome.poison)
    assert meter("luminar_faults_total") == meter("luminar_faults_total", capability="poisoned")
    assert meter("luminar_loads_total", why="fault") >= meter("luminar_faults_total") - 1
    assert meter("luminar_loads_total", why="assigned") >= 3 * PARTITIONS
    assert meter("luminar_dead_letters_total", stage="poisoned") >= len(outcome.poison)


def test_a_fault_when_time_passes_stops_that_shard_alone_and_ready_says_so(outcome: Outcome) -> None:
    assert outcome.worker.ask("/ready")[0] == 200
    asyncio.run(send(outcome.site, ["clock"] + ["load"] * 10))
    _, text = until(lambda: (found := outcome.worker.ask("/ready"))[0] == 503 and found, "the shard stops")
    assert "timed fails at" in text
    assert "when time passes for" in text
    assert outcome.worker.ask("/live")[0] == 200
    assert outcome.worker.meter("luminar_stopped_shards") == 1
    asyncio.run(send(outcome.site, ["load"] * 10))

    def last(capability: str, partition: int) -> float:
        return outcome.worker.meter("luminar_position", capability=capability, partition=str(partition))

    ends = outcome.site.ends(METRICS)
    until(lambda: last("counting", 1) >= ends[1] and last("poisoned", 1) >= ends[1], "others of the partition go on")
    until(lambda: last("timed", 0) >= ends[0], "others of the capability go on")
    assert last("timed", 1) < ends[1]


class Forewarned(Judge):
    """Knows of the capability that stopped, too: its words are not judged, and count."""

    def shard(self, capability: Capability, partition: int) -> Shard:
        """Return an empty shard, as the worker made it."""
        shard = super().shard(capability, partition)
        shard.known |= {Timed.capability}
        return shard


def test_state_is_that_of_a_fold_without_the_poison(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Poisoned, "hiccups", ["had in the worker"])
    assert outcome.worker.stop() == 0
    poison = {(Poisoned.capability, 1): [place.offset for place in outcome.poison]}
    assert Forewarned(outcome.site, KNOWN[:2], poison=poison).judge()["letters"] == 2
