"""The verdict: what a run of the demo has shown, and what it has failed to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.demo.load import ATTACKERS
from streams.demo.show import Show


@dataclass(frozen=True)
class Verdict:
    """What an independent reader of the topics saw.

    missing        what should have been seen and was not, in words; nothing of that: `ok`
    elapsed_s      how long it took; events: when each was first seen, in seconds since the start
    examples       the record that shows an event
    requests       how many the shop answered, how many are in the log, how many were counted
    conclusions    how many there were, how often one was said again, taken twice, lost, or said differently
    blocked        clients that were blocked; innocents: those of them that are customers
    page           where the page was
    """

    ok: bool
    missing: list[str]
    elapsed_s: float
    events: dict[str, float]
    examples: dict[str, Any]
    requests: dict[str, int]
    conclusions: dict[str, int]
    blocked: list[str]
    innocents: list[str]
    page: str


def verdict_of(show: Show, problem: str) -> Verdict:
    """Judge a run; `problem` is why it could not come to its end, "" if it did."""
    facts, witness, marks = show.facts, show.witness, show.witness.marks
    innocents = sorted(facts.blocked - {attacker.client for attacker in ATTACKERS})
    conclusions = {
        "taken": witness.concluded,
        "said_again": marks.said_again,
        "taken_twice": marks.taken_twice,
        "lost": marks.lost,
        "differing": marks.differing,
    }
    missing = facts.missing()
    # What is not over yet cannot be counted.
    uncounted = show.uncounted() if not problem else ""
    missing += [text for text in (problem, uncounted) if text]
    missing += [
        f"{conclusions[what]} conclusions {what}" for what in ("taken_twice", "lost", "differing") if conclusions[what]
    ]
    missing += [f"a customer was blocked: {client}" for client in innocents]
    return Verdict(
        ok=not missing,
        missing=missing,
        elapsed_s=round(show.elapsed_s(), 1),
        events=facts.events,
        examples=facts.examples,
        requests={
            "answered": show.shop.published if show.shop is not None else 0,
            "asked": witness.asked.total(),
            "counted": witness.counted.total(),
        },
        conclusions=conclusions,
        blocked=sorted(facts.blocked),
        innocents=innocents,
        page=show.page,
    )
