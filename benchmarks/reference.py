"""The reference: a log folded in one go, without Kafka, pages or chunks of a worker, against what a worker has said."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from contextlib import aclosing

from benchmarks.harness import CREATE_TIME, PARTITIONS, Result, Setup, Site
from benchmarks.logs import Batch
from streams import bus
from streams.engine.chunks import Chunk
from streams.reader import bounds
from streams.replay_compare import in_words
from streams.replay_logs import Span, chunks, hear
from streams.replay_shards import Replay
from streams.settings import Loaded
from streams.verify import verify
from topics import Topic
from topics.settings import SETTINGS, Settings
from topics.state import STATE

SHOWN = 20


class Reference:
    """What capabilities say of a log.

    names          of the capabilities; run: their shards, and their words by origin
    """

    def __init__(self, topic: Topic, names: Iterable[str], partitions: int = PARTITIONS) -> None:
        self.topic, self.names, self.partitions = topic, tuple(names), partitions
        chosen = tuple(capability for capability in bus.capabilities() if capability.name in self.names)
        self.run = Replay(topic, chosen, partitions)
        self._ends = dict.fromkeys(range(partitions), 0)

    def fold(self, log: Iterable[Chunk]) -> Reference:
        """Fold a log that is all there is."""
        everything = _span(dict.fromkeys(range(self.partitions), sys.maxsize))
        for chunk in log:
            self.run.fold(chunk, everything)
            self._ends[chunk.partition] = chunk.next
        return self

    async def fold_topic(self, site: Site) -> Reference:
        """Fold what a topic holds now."""
        ends = {p: end for p, (_, end) in (await bounds(site.process, self.topic)).items()}
        async with aclosing(chunks(site.process, self.topic, dict.fromkeys(ends, 0), ends, _say)) as log:
            async for chunk in log:
                self.run.fold(chunk, _span(ends))
        self._ends = ends
        return self

    async def agrees(self, site: Site) -> bool:
        """Say whether the topics hold what the fold says and nothing else; name differences on standard error."""
        heard = await hear(site.process, self.run.homes, self.run.speakers, self.topic, _span(self._ends), _say)
        found = self.run.compared_with(heard, lambda origin: origin.offset >= self._ends[origin.partition])
        for difference in found.differences[:SHOWN]:
            print(in_words(difference), file=sys.stderr)
        return found.is_equal

    def drain(self, setup: Setup, batches: list[Batch]) -> tuple[Result, bool]:
        """Let a worker drain the log that these batches are; return what it measured, and whether it says the same."""
        site, beside = Site(setup.address), (self.topic, STATE, SETTINGS)
        asyncio.run(site.create({topic.name for topic in (*self.run.homes, *beside)}, CREATE_TIME))
        asyncio.run(site.fill(self.topic.name, batches))
        run = site.drain(",".join(self.names))
        return run | {"outputs": self.words}, asyncio.run(self.agrees(site))

    @property
    def words(self) -> int:
        """Return how many records the fold says."""
        return len(self.run.now)


async def verified(site: Site, topic: Topic, names: Iterable[str]) -> tuple[bool, int]:
    """Say whether all pages and words on a site's topics are what the fold of the log gives; and how many words."""
    chosen = tuple(capability for capability in bus.capabilities() if capability.name in set(names))
    report = await verify(Loaded(site.process, Settings(), ""), topic, chosen, "beginning", "now")
    if report.verdict != "equal":
        print("\n".join(report.lines()[:SHOWN]), file=sys.stderr)
    return report.verdict == "equal", sum(tally.said for tally in report.comparison.tallies.values())


def _span(ends: Mapping[int, int]) -> Span:
    begins = dict.fromkeys(ends, 0)
    return Span(begins, begins, ends)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
