"""Verification: whether what workers have saved and said is what the fold of the log gives, beside the running system.

The pages of the state topic are read first, then the log is folded, and each page is compared at the very offset at
which it says that it is true; what was said is compared as in a replay. No group is joined, nothing is published.
"""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

import click

from streams.bus import Capability, capabilities
from streams.cli_options import waiting
from streams.cli_words import say
from streams.reader import bounds
from streams.replay import chosen_of
from streams.replay_compare import Comparison, as_plain, lines_of, plain_tallies
from streams.replay_letters import isolated
from streams.replay_logs import Moment, Span, chunks, hear, span_of
from streams.settings import Loaded
from streams.settings_tree import near
from streams.tables import table
from streams.verify_pages import Limits, Shelf, read_claims
from streams.verify_shards import Outcome, Start, Verification
from topics import Topic

SHOWN = 20
"""Pages, and things that could not be checked, that are put into words."""
HEADS = ("same", "different", "unchecked", "rows")
Verdict = Literal["equal", "different", "unchecked"]


@dataclass(frozen=True)
class Report:
    """What a verification found: of the pages in `outcome`, of what was said in `comparison`."""

    topic: str
    span: Span
    folded: int
    outcome: Outcome
    comparison: Comparison

    @property
    def verdict(self) -> Verdict:
        """Return "unchecked" where no difference was found, but not all that was asked for could be looked at."""
        if self.outcome.deviations or not self.comparison.is_equal:
            return "different"
        return "unchecked" if self.outcome.unchecked else "equal"

    def as_plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        begins, since, until = self.span.begins, self.span.since, self.span.until
        return {
            "topic": self.topic,
            "verdict": self.verdict,
            "folded": self.folded,
            "partitions": {str(p): {"begin": begins[p], "since": since[p], "until": until[p]} for p in begins},
            "state": {name: {head: counts[head] for head in HEADS} for name, counts in self.outcome.counts.items()},
            "outputs": plain_tallies(self.comparison),
            "pages": [one.as_plain() for one in self.outcome.deviations],
            "differences": [as_plain(one) for one in self.comparison.differences],
            "unchecked": self.outcome.unchecked,
            "notes": self.outcome.notes,
        }

    def lines(self) -> list[str]:
        """Return it as lines for a terminal."""
        said = {"equal": "state and outputs agree with the fold", "different": "not what the fold gives"}
        lines = [f"{self.topic}: {said.get(self.verdict, 'no difference, but not all could be checked')}"]
        lines += [f"folded {self.folded} records", "", *self._pages(), "", *lines_of(self.comparison)]
        for title, told in (("not checked:", self.outcome.unchecked), ("begun from pages:", self.outcome.notes)):
            lines += ["", title, *(f"  {one}" for one in told[:SHOWN])] if told else []
            lines += [f"  and {len(told) - SHOWN} more; --json tells all"] if len(told) > SHOWN else []
        return lines

    def _pages(self) -> list[str]:
        counts, deviations = self.outcome.counts, self.outcome.deviations
        lines = table(("pages of", *HEADS), [(name, *(one[head] for head in HEADS)) for name, one in counts.items()])
        lines += ["", *(one.in_words() for one in deviations[:SHOWN])] if deviations else []
        lines += [f"and {len(deviations) - SHOWN} more pages; --json tells all"] if len(deviations) > SHOWN else []
        return lines


async def verify(
    loaded: Loaded,
    topic: Topic,
    chosen: tuple[Capability, ...],
    since: Moment,
    until: Moment,
    watch_s: float | None = None,
) -> Report:
    """Fold a log beside those who work on it, and hold what they saved and said to that.

    since          outputs before that are not compared; until: neither are outputs or pages behind that
    watch_s        take the pages as they are now on trust, wait so long, and verify what was done meanwhile
    """
    process, names = loaded.process, tuple(capability.name for capability in chosen)
    span = await span_of(process, topic, since, until, say)
    starts: dict[Shelf, Start] = {}
    if watch_s is not None:
        now = await read_claims(process, names, {p: Limits() for p in span.begins}, say)
        starts = {at: found.last for at, found in now.items() if all(found.last) or span.begins[at[1]]}
        await asyncio.sleep(watch_s)
    # What pages claim is read first: what was said up to there is in its topics by then, and the log reaches as far.
    claims = await read_claims(process, names, _limits(span, until), say)
    if watch_s is None:
        starts = {at: found.first for at, found in claims.items() if found.limits.begin}
    ends = {p: end for p, (_, end) in (await bounds(process, topic, say)).items()}
    if until == "now":
        span = Span(span.begins, span.since, ends)
    skips = await isolated(process, topic, say)
    run = Verification(topic, chosen, claims, ends, starts=starts, watching=watch_s is not None, skips=skips)
    span = run.narrowed(span)
    async with aclosing(chunks(process, topic, span.begins, span.until, say)) as found_chunks:
        async for chunk in found_chunks:
            run.fold(chunk, span)
    outcome = run.finish()
    heard = await hear(process, run.homes, run.speakers, topic, span, say)
    comparison = run.compared_with(heard, run.is_pending)
    return Report(process.prefix + topic.name, span, run.before + run.folded, outcome, comparison)


def _limits(span: Span, until: Moment) -> dict[int, Limits]:
    return {
        p: Limits(begin, span.since[p], math.inf if until == "now" else span.until[p])
        for p, begin in span.begins.items()
    }


def _topics_of(capability: str | None) -> list[str]:
    """Return the topics that a capability, or any, reads; raises click.BadParameter where there is no such."""
    named = {one.name: one.topic.name for one in capabilities()}
    if capability is not None and capability not in named:
        raise click.BadParameter(f"there is no capability {capability!r}; {near(capability, list(named))}")
    return list(dict.fromkeys(name for one, name in named.items() if capability in (None, one)))


def run(
    loaded: Loaded,
    *,
    topic: str | None,
    since: Moment,
    until: Moment,
    watch_s: float | None,
    capability: str | None,
    as_json: bool,
) -> int:
    """Verify a topic, or all that capabilities read, and print what came of it.

    Returns 0 where all agrees, 1 where something differs, 2 where not all that was asked for could be checked.
    """
    verdicts: set[Verdict] = set()
    for number, name in enumerate([topic] if topic is not None else _topics_of(capability)):
        declared, chosen = chosen_of(name, capability)
        report: Report = waiting(verify(loaded, declared, chosen, since, until, watch_s))
        verdicts.add(report.verdict)
        if as_json:
            click.echo(json.dumps(report.as_plain()))
        else:
            for line in ([""] if number else []) + report.lines():
                click.echo(line)
    return 1 if "different" in verdicts else 2 if "unchecked" in verdicts else 0
