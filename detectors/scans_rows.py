"""The row of a client that opens connections, and the sequential test on its first contacts.

Who comes for a service knows where it is; who scans tries what may be there, and mostly finds nothing. So the first
contact with each target and port is a trial: the test multiplies how much more likely its outcome is for a scanner than
for a visitor, and concludes once the product is beyond what chance allows (Jung, Paxson, Berger and Balakrishnan 2004,
"Fast portscan detection using sequential hypothesis testing", section 4). It forgets slowly, so that a client that is
watched for years is no scanner by a few stale trials.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Ints
from detectors.compiled import kernel
from detectors.names import hash_name
from detectors.security.blocks import TIMES_FIELDS

SCANNER_FAILS, VISITOR_FAILS = 0.8, 0.2
MISSED = 0.01
"""The share of scanners that may be taken for visitors."""
VAIN_WEIGHT = math.log(SCANNER_FAILS / VISITOR_FAILS)
ANSWERED_WEIGHT = math.log((1 - SCANNER_FAILS) / (1 - VISITOR_FAILS))
UNKNOWN_WEIGHT = math.log(1.2)
"""A new target of which nobody says whether it answered tells a little: visitors come back to few. Fifty are enough."""
SUSPICIOUS = 1.5 * VAIN_WEIGHT
"""Who has less evidence against it makes room first: what is tried in vain twice is not forgotten for a day."""
KEPT = 64
"""Contacts that are remembered: with more targets than that a client's old ones count as new."""

UNKNOWN, ANSWERED, VAIN = range(3)
CLASS = np.uint32(3)
ONE, MIX, TOP, HALF = np.uint64(1), np.uint64(0xD6E8FEB86659FD93), np.uint64(58), np.uint64(32)

# contact: 30 bits that stand for target, port and protocol, and two for what came of it; the latest comes last,
# `count` are in use. ratio: the logarithm of the likelihoods' ratio at at_s. Of the walk since it last stood at nought
# or below: tried, the first contacts; vain, those refused or not answered; targets and ports, a bit of 64 for each that
# did not answer.
Row = np.dtype(
    [
        ("contact", "u4", KEPT),
        ("ratio", "f8"),
        ("at_s", "f8"),
        ("targets", "u8"),
        ("ports", "u8"),
        ("count", "i8"),
        ("tried", "i4"),
        ("vain", "i4"),
        *TIMES_FIELDS,
    ]
)


def bounds(alpha: float) -> tuple[float, float]:
    """Return between which values the walk goes on: credit for what answered, and beyond which it is a scan.

    >>> [round(bound, 2) for bound in bounds(1e-4)]
    [-4.61, 9.2]
    """
    return math.log(MISSED / (1 - alpha)), math.log((1 - MISSED) / alpha)


@kernel
def mark_of(target_hash, port, protocol):  # type: ignore[no-untyped-def]
    """Return what stands for a contact: 30 bits, and room for two."""
    place = np.uint64(port) * np.uint64(8) + np.uint64(protocol) + ONE
    mixed = (target_hash ^ (place * MIX)) * MIX
    return np.uint32(mixed >> HALF) & ~CLASS


@kernel
def bit_of(number):  # type: ignore[no-untyped-def]
    """Return one of 64 bits for a number."""
    mixed = (number + ONE) * MIX
    return ONE << ((mixed ^ (mixed >> HALF)) * MIX >> TOP)


@kernel
def remember(row, mark, outcome):  # type: ignore[no-untyped-def]
    """Put a contact behind all others; return what was known of it: an outcome, or -1. A full row drops the oldest."""
    count = np.int64(row.count)
    place = count - 1
    while place >= 0 and row.contact[place] & ~CLASS != mark:
        place -= 1
    was = np.int64(row.contact[place] & CLASS) if place >= 0 else np.int64(-1)
    if place < 0 and count < KEPT:
        row.count, place = count + 1, count
    last = np.int64(row.count) - 1
    if place < 0:
        place = np.int64(0)
    while place < last:
        row.contact[place] = row.contact[place + 1]
        place += 1
    row.contact[last] = mark | np.uint32(was if was > UNKNOWN else outcome)
    return was


@kernel
def faded(row, at_s, half_life_s):  # type: ignore[no-untyped-def]
    """Return the row's ratio as it is at a time; a time before the newest changes nothing."""
    elapsed_s = at_s - row.at_s
    return row.ratio * 0.5 ** (elapsed_s / half_life_s) if elapsed_s > 0 and row.ratio != 0 else row.ratio


@kernel
def weight(outcome):  # type: ignore[no-untyped-def]
    """Return how much an outcome tells for a scan."""
    if outcome == UNKNOWN:
        return UNKNOWN_WEIGHT
    return VAIN_WEIGHT if outcome == VAIN else ANSWERED_WEIGHT


@kernel
def learn(row, target_hash, port, protocol, outcome, at_s, half_life_s, least, most):  # type: ignore[no-untyped-def]
    """Take a connection; return whether it told for a scan: a first contact that was in vain, or of unknown outcome.

    What becomes known of a contact only later counts then. With a new one a walk at nought or below begins anew.
    """
    was = remember(row, mark_of(target_hash, port, protocol), outcome)
    if was > UNKNOWN or was == outcome:
        return False
    ratio = faded(row, at_s, half_life_s)
    if was < 0 and ratio <= 0:
        row.tried = row.vain = 0
        row.targets = row.ports = np.uint64(0)
    if was == UNKNOWN:
        ratio -= UNKNOWN_WEIGHT
    else:
        row.tried = min(row.tried + 1, 1 << 30)
    row.ratio = min(max(ratio + weight(outcome), least), most)
    row.at_s = max(row.at_s, at_s)
    if outcome == ANSWERED:
        return False
    row.vain = min(row.vain + (outcome == VAIN), 1 << 30)
    row.targets |= bit_of(target_hash)
    row.ports |= bit_of(np.uint64(port))
    return True


@kernel
def judge_contacts(  # type: ignore[no-untyped-def]
    rows, ids, is_own, target_buf, target_at, target_length, port, protocol, outcome, at_s, late, clock_ms,
    half_life_s, least, scan, start, end,
):  # fmt: skip
    """Learn the connections start..end, in log order; stop behind the first at which a scan is to be said.

    Return where it is, or `end`. While a block would run, and at what is late, nothing is said.
    """
    for i in range(start, end):
        if ids[i] < 0 or is_own[ids[i]]:
            continue
        row = rows[ids[i]]
        target_hash = hash_name(target_buf, target_at[i], target_length[i], np.uint64(0))
        its_port = np.int64(port[i]) if port[i] > 0 else np.int64(0)
        its_outcome = min(np.int64(outcome[i]), VAIN)
        tells = learn(
            row, target_hash, its_port, np.int64(protocol[i]), its_outcome, at_s[i], half_life_s, least, 2 * scan
        )
        if tells and row.ratio >= scan and not late[i] and clock_ms[i] / 1000 >= row.block_until_s:
            return i
    return end


def evidence(rows: NDArray[np.void], members: Ints, at_s: float, half_life_s: float) -> NDArray[np.float64]:
    """Return how much there is against each of some rows at a time; nought for what is below SUSPICIOUS, all alike."""
    ratio, age_s = rows["ratio"][members], np.maximum(at_s - rows["at_s"][members], 0.0)
    now: NDArray[np.float64] = ratio * 0.5 ** (age_s / half_life_s)
    return np.where(now >= SUSPICIOUS, now, 0.0)
