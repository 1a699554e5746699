"""Blocks: what evidence there is against a client, and which block it leads to."""

from __future__ import annotations

import math
import zlib
from typing import Any, NamedTuple

import numpy as np

from detectors.bank import page_of
from detectors.columns import Flags, Ints
from detectors.rows import RowBank
from detectors.security.clients import name_of
from detectors.security.payloads import Evidence
from topics.control import EVERYBODY, Feedback
from topics.proposals import Proposal
from topics.settings import SecuritySettings

PIECES = 8
PROPOSAL_EXPIRES_S = 300.0
MOST_TIMES = 64

# evidence_hash, evidence_s and evidence_weight: distinct pieces of evidence, in which second each came last (0: a free
# place), and how much it counts.
# block_until_s: until when, by the log's clock, the block that was proposed last would run; blocked: how many were
# proposed.
EVIDENCE_FIELDS = [("evidence_hash", "u4", PIECES), ("evidence_s", "u4", PIECES), ("evidence_weight", "f4", PIECES)]
TIMES_FIELDS = [("block_until_s", "f8"), ("blocked", "i8")]
BLOCK_FIELDS = [*EVIDENCE_FIELDS, *TIMES_FIELDS]


class Standing(NamedTuple):
    """What is held against a client.

    new            whether the piece that came last is new in the window; distinct: how many there are in it
    weight         what all that are remembered weigh, older ones less
    """

    new: bool
    distinct: int
    weight: float


def note(row: Any, piece: Evidence, at_s: float, window_s: float, weight: float = 1.0) -> Standing:
    """Remember a piece of evidence; return what is now held against the client.

    Of more than `PIECES` the oldest makes room.
    """
    text = "\0".join((piece.rule, piece.field, piece.excerpt))
    mark, second = zlib.crc32(text.encode("utf-8", "replace")), max(1, min(math.floor(at_s), 2**32 - 1))
    hashes, seconds, weights = (row[name].tolist() for name in ("evidence_hash", "evidence_s", "evidence_weight"))
    known = next((k for k in range(PIECES) if hashes[k] == mark and seconds[k] != 0), None)
    new = known is None or seconds[known] <= second - window_s
    place = seconds.index(min(seconds)) if known is None else known
    seconds[place] = max(0 if known is None else seconds[known], second)
    row["evidence_hash"][place], row["evidence_s"][place], row["evidence_weight"][place] = mark, seconds[place], weight
    weights[place] = float(row["evidence_weight"][place])
    held = [(float(second - at), one) for at, one in zip(seconds, weights, strict=True) if at != 0]
    distinct = sum(age_s < window_s for age_s, _ in held)
    return Standing(new, distinct, sum(one * left_of(age_s, window_s) for age_s, one in held))


def left_of(age_s: float, window_s: float) -> float:
    """Return how much evidence of some age still counts: all within the window, then half as much in as long again.

    >>> [left_of(age_s, 600.0) for age_s in (0.0, 600.0, 1200.0, 1800.0)]
    [1.0, 1.0, 0.5, 0.25]
    """
    return float(0.5 ** max(0.0, age_s / window_s - 1.0))


def runs(row: Any, clock_s: float) -> bool:
    """Say whether a block that was proposed would still run."""
    return clock_s < float(row["block_until_s"])


def propose(
    row: Any, client: str, service: str, family: str, why: str, clock_s: float, settings: SecuritySettings
) -> Proposal | None:
    """Propose a block unless one runs: longer each time, until a client has kept quiet for the longest block."""
    if runs(row, clock_s):
        return None
    if clock_s >= float(row["block_until_s"]) + settings.block_most_s:
        row["blocked"] = 0
    wanted_s = duration_s(int(row["blocked"]), settings)
    row["blocked"] = min(int(row["blocked"]) + 1, MOST_TIMES)
    row["block_until_s"] = clock_s + wanted_s
    return Proposal(
        action="block", target=client, wanted=wanted_s, why=why, at_s=clock_s,
        expires_at_s=clock_s + PROPOSAL_EXPIRES_S, service=service, family=family,
    )  # fmt: skip


def duration_s(times: int, settings: SecuritySettings) -> float:
    """Return how long a client is blocked that was blocked so many times before.

    >>> [duration_s(times, SecuritySettings()) for times in (0, 1, 2, 9)]
    [240.0, 960.0, 3840.0, 86400.0]
    """
    wanted_s = min(settings.block_s, settings.block_most_s)
    for _ in range(times):
        wanted_s = min(wanted_s * settings.escalation, settings.block_most_s)
    return wanted_s


def let_go(bank: RowBank, feedback: Feedback, clock_s: float, ready: Flags) -> Ints:
    """Take back the last blocks of those whom a person lets go: they do not run, and were none of the clients' times.

    Return the rows: all of the one client that is meant, or, where everybody is, of each whose block would run. What
    else is held against them is the bank's to forget.
    """
    rows = np.zeros(0, np.int64)
    if feedback.verdict not in ("lift", "false alarm"):
        return rows
    if feedback.subject == EVERYBODY:
        living = bank.living()
        rows = living[ready[bank.pages[living]] & (bank.rows["block_until_s"][living] > clock_s)]
    else:
        client = name_of(feedback.subject.encode("utf-8", "replace"))
        page = page_of(client)
        its = [row for row in bank.rows_of(page).tolist() if ready[page] and bank.group(bank.name_of[row]) == client]
        rows = np.array(its, np.int64)
    bank.rows["block_until_s"][rows] = 0.0
    bank.rows["blocked"][rows] = np.maximum(bank.rows["blocked"][rows] - 1, 0)
    bank.dirty[bank.pages[rows]] = True
    return rows


def is_held(row: Any) -> bool:
    """Say whether something is held against a client: such rows make room for others last."""
    return bool(row["blocked"] > 0 or (row["evidence_s"] != 0).any())
