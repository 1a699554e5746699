"""Scans: clients that try what may be there, found by what comes of their first contacts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bank import NEVER, Finding
from detectors.columns import Columns, Flags, Ints, Run
from detectors.rows import RowBank
from detectors.scans_rows import Row, bounds, evidence, judge_contacts
from detectors.security import blocks
from detectors.security.clients import is_in, name_of, with_names
from topics import Derived
from topics.control import Feedback
from topics.settings import Settings
from topics.signals import Threat

FAMILY = "portscan"
BITS = 64


class ScansBank(RowBank):
    """Says who scans, once the test concludes it, and proposes a block; again whenever more is tried after that block.

    Nobody has to receive an answer to be called a scanner, so what is proposed says that it may be somebody else.

    A row is a client's. Of a full page the client with the least evidence against it makes room, so that a flood of
    made-up addresses does not hide a slow scan.
    """

    capability = "scans"
    key = "client"
    version = 2
    crowded = True
    beat_ms = 0  # Evidence fades by the clients' own times: the passing of time brings nothing.
    dtype = Row

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self._is_own = np.zeros(64, np.bool_)
        super().__init__(settings, owns)

    def configure(self, settings: Settings) -> None:
        """Put settings into force: how sure a conclusion must be, and which clients are our own."""
        super().configure(settings)
        self._credit, self._scan = bounds(settings.scans.alpha)
        living = self.living()
        self.admitted(living, [self.name_of[row] for row in living.tolist()])

    def admitted(self, rows: Ints, names: Sequence[bytes]) -> None:
        """Remember which clients are our own."""
        if len(self._is_own) < len(self.rows):
            more = np.zeros(len(self.rows) - len(self._is_own), np.bool_)
            self._is_own = np.concatenate([self._is_own, more])
        own = self.settings.scans.own
        self._is_own[rows] = [any(is_in(name.decode("utf-8", "replace"), one) for one in own) for name in names]

    def group(self, name: bytes) -> bytes:
        """Return the one name of a client, however it was sent."""
        return name_of(name)

    @property
    def due_ms(self) -> int:
        """Return that nothing is ever due."""
        return NEVER

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Do nothing."""
        return []

    def feedback(self, feedback: Feedback, clock_ms: int, ready: Flags) -> list[Derived]:
        """Take back the last blocks of those whom a person lets go, and what was held against them."""
        rows = blocks.let_go(self, feedback, clock_ms / 1000, ready)
        self.rows["ratio"][rows] = 0.0
        return []

    def fold(self, run: Run) -> list[Finding]:
        """Fold the kept connections of a run, each under its client's one name."""
        return super().fold(replace(run, columns=with_names(run.columns, run.start, run.end)))

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Fold connections start..end; return what those lead to at which the test concludes."""
        target, number, code = columns.text["target"], columns.number, columns.code
        found, at = list[Finding](), start
        while at < end:
            at = judge_contacts(
                self.rows, ids, self._is_own, target.buf, target.at, target.length, number["port"], code["protocol"],
                code["outcome"], number["at_s"], run.late, run.clock_ms, self.settings.scans.half_life_s,
                self._credit, self._scan, at, end,
            )  # fmt: skip
            if at < end:
                found += [Finding(at, record) for record in self._conclude(int(ids[at]), at, columns, run)]
            at += 1
        return found

    def _conclude(self, row: int, i: int, columns: Columns, run: Run) -> list[Derived]:
        """Say that a client scans, and propose a block."""
        cell = self.rows[row]
        client, service = self.name_of[row].decode("utf-8", "replace"), columns.text["service"][i].decode()
        rule, why = words(int(cell["tried"]), int(cell["vain"]), int(cell["targets"]), int(cell["ports"]))
        threat = Threat(
            client=client, service=service, family=FAMILY, rule=rule, at_s=float(columns.number["at_s"][i]),
            score=round(float(cell["ratio"]) / self._scan, 3), text=why,
        )  # fmt: skip
        clock_s = int(run.clock_ms[i]) / 1000
        block = blocks.propose(cell, client, service, FAMILY, why, clock_s, self.settings.security)
        return [threat] if block is None else [threat, msgspec.structs.replace(block, forgeable=True)]

    def spare(self, page: int, most: int) -> NDArray[np.int64]:
        """Return the rows of a page against which there is no evidence to speak of, longest not heard of; else one."""
        rows = self.rows_of(page)
        held = evidence(self.rows, rows, float(self.heard_ms[rows].max()) / 1000, self.settings.scans.half_life_s)
        if not held.all():
            return self.oldest(rows[held == 0], most)
        return self.oldest(rows[held == held.min()], 1)


def words(tried: int, vain: int, targets: int, ports: int) -> tuple[str, str]:
    """Return which kind of scan it is, and what was found in one sentence.

    targets, ports  a bit of 64 for each of those that did not answer, so that what is many is told as about so many

    >>> words(9, 8, 0b1, 0b1111111)
    ('vertical', '8 of 9 first contacts in vain: 1 target, about 8 ports')
    >>> words(60, 0, 2**40 - 1, 0b1)
    ('horizontal', '60 first contacts, and nobody knows what came: about 60 targets, 1 port')
    """
    one_target, one_port = targets.bit_count() == 1, ports.bit_count() == 1
    kind = "vertical" if one_target else "horizontal" if one_port else "mixed"
    what = (
        f"{vain} of {tried} first contacts in vain" if vain else f"{tried} first contacts, and nobody knows what came"
    )
    # No two first contacts are the same: those with one target have as many ports, and the other way round.
    many_targets = _about(targets, vain if one_port else 0, tried, "target")
    return kind, f"{what}: {many_targets}, {_about(ports, vain if one_target else 0, tried, 'port')}"


def _about(bits: int, least: int, most: int, what: str) -> str:
    """Say how many there are of which so many bits are set: where there are many, some share one."""
    set_ = bits.bit_count()
    if set_ == BITS:
        return f"{max(4 * BITS, least)} {what}s or more"
    count = min(max(round(-BITS * math.log(1 - set_ / BITS)), least), most)
    return f"1 {what}" if count == 1 else f"about {count} {what}s"
