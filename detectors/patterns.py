"""Patterns: what operators have names for, judged once a bucket from what an anomaly bank knows of its series."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.anomaly_loops import NEVER
from detectors.columns import Flags, Ints
from detectors.joint_book import JointBook, grown
from detectors.patterns_roles import NONE, ROLES, Roles, Trait
from detectors.patterns_series import SERIES, SHAPES
from detectors.patterns_services import SERVICE, SIGNS
from detectors.patterns_steps import NOTE, TRAIT, heard_of, rule_of, step_all
from detectors.patterns_words import record_of
from detectors.rows import RowBank
from topics import Derived
from topics.settings import Settings


class SavedPatterns(msgspec.Struct, array_like=True, gc=False):
    """What a page holds of patterns: which of its rows have been stepped, as they come by name, and their series.

    services       as they come by name, of all rows
    """

    stepped: bytes
    series: bytes
    services: bytes


_decode = msgspec.msgpack.Decoder(SavedPatterns).decode


class PatternBook:
    """A row of patterns for every series and every service of an anomaly bank.

    A step is taken once for every bucket of the log's clock in which a service was heard. What that does to a page
    follows from the page alone, and asking again in the same bucket does nothing.

    joint          knows which service a row belongs to
    due_ms         nothing is due before
    series, services  the rows of patterns, by the bank's rows and by the joint book's services
    roles          by service and role: the row of the series that stands for it, -1: none
    """

    def __init__(self, bank: RowBank, joint: JointBook) -> None:
        self._bank, self._joint = bank, joint
        self.series: NDArray[np.void] = np.zeros(64, SERIES)
        self.services: NDArray[np.void] = np.zeros(64, SERVICE)
        self.roles = np.full((64, ROLES), -1, np.int64)
        self._which = np.zeros(64, np.int64)
        self._plain: object = None

    def configure(self, settings: Settings) -> None:
        """Put settings into force; what series are to their services is found anew where names mean something else."""
        self._rule = rule_of(settings)
        self._bucket_ms = round(1000 * self._rule.bucket_s)
        self._enabled = settings.patterns.enabled
        self.due_ms = 0 if self._enabled else NEVER
        meant = (settings.patterns, {name: service.latency_s for name, service in settings.services.items()})
        if meant != self._plain:
            self._plain, self._names = meant, Roles(settings)
            self._traits: list[Trait] = []
            self._trait_of: dict[Trait, int] = {}
            self._table: NDArray[np.void] = np.zeros(16, TRAIT)
            self.roles[:] = -1
            self._note(self._bank.living().tolist())

    # Rows and services -----------------------------------------------------------------------------------------------

    def admitted(self, rows: Ints, begun: list[int]) -> None:
        """Note rows, after the joint book has, and the services that have begun with them."""
        if len(self.series) < len(self._bank.rows):
            self._grow(("series", "_which"), len(self._bank.rows))
        if len(self.services) < len(self._joint.joints):
            self._grow(("services", "roles"), len(self._joint.joints))
        self.services[begun], self.roles[begun] = np.zeros((), SERVICE), -1
        self.series[rows] = np.zeros((), SERIES)
        self._note(rows.tolist())

    def _grow(self, which: tuple[str, ...], room: int) -> None:
        for name in which:
            setattr(self, name, grown(getattr(self, name), room))

    def _note(self, rows: list[int]) -> None:
        """Note what rows are by their names."""
        names, traits = self._bank.name_of, [self._names.of(self._bank.name_of[row]) for row in rows]
        self._which[rows] = [self._number(trait) for trait in traits]
        for row, trait in zip(rows, traits, strict=True):
            if trait.role != NONE and not self._bank.rows[row]["ignored"]:
                s = int(self._joint.service_of_row[row])
                other = int(self.roles[s, trait.role])
                if other < 0 or names[row] < names[other]:
                    self.roles[s, trait.role] = row

    def _number(self, trait: Trait) -> int:
        """Return the place of a trait in the table."""
        number = self._trait_of.get(trait)
        if number is None:
            number = self._trait_of[trait] = len(self._traits)
            self._traits.append(trait)
            if number == len(self._table):
                self._grow(("_table",), 2 * number)
            for field in TRAIT.names or ():
                self._table[number][field] = getattr(trait, field)
        return number

    def dropped(self, row: int, name: bytes) -> None:
        """Forget a row, before the joint book does; another of the service may stand in its place."""
        s = int(self._joint.service_of_row[row])
        if row not in self.roles[s]:
            return
        self.roles[s] = -1
        others = self._bank.rows_of(int(self._bank.pages[row]))
        self._note(others[(self._joint.service_of_row[others] == s) & (others != row)].tolist())

    # Time ------------------------------------------------------------------------------------------------------------

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Take the steps of the services whose bucket is over, and miss what was to come by now."""
        if clock_ms < self.due_ms:
            return []
        bank, joint, living = self._bank, self._joint, self._bank.living()
        newest_ms = np.full(len(self.services), -1, np.int64)
        heard_of(bank.heard_ms, living, joint.service_of_row, newest_ms)
        here = ready[joint.page_of_service[: len(newest_ms)]]
        due = newest_ms // self._bucket_ms < clock_ms // self._bucket_ms
        due &= (newest_ms >= self.services["asked_ms"]) & (newest_ms >= 0) & here
        touched = due.copy()
        notes = np.empty(len(SHAPES) * len(living) + len(SIGNS) * int(due.sum()) + 1, NOTE)
        taken = step_all(
            bank.rows, self.series, self.services, living, joint.service_of_row, self.roles, self._table, self._which,
            due, here, clock_ms, self._rule, notes, touched,
        )  # fmt: skip
        bank.dirty[joint.page_of_service[np.flatnonzero(touched)]] = True
        if ready.all():
            self.due_ms = (clock_ms // self._bucket_ms + 1) * self._bucket_ms
        return [record_of(note, bank.name_of, self._traits[self._which[note["row"]]]) for note in notes[:taken]]

    # Pages -----------------------------------------------------------------------------------------------------------

    def take(self, page: int) -> bytes:
        """Return what is known of a page's series and services as bytes; none where no step was taken."""
        rows = self._rows_of(page)
        services = self.services[self._services_of(rows)]
        if not services["asked_ms"].any():
            return b""
        stepped = self.series[rows]["steps"] > 0
        parts = (np.packbits(stepped), self.series[rows][stepped], services)
        return msgspec.msgpack.encode(SavedPatterns(*(part.tobytes() for part in parts)))

    def put(self, page: int, raw: bytes) -> None:
        """Take back what `take` returned, after the page's rows came in the order of their names."""
        self.due_ms = 0 if self._enabled else NEVER
        if not raw:
            return
        saved, rows = _decode(raw), self._rows_of(page)
        stepped = np.unpackbits(np.frombuffer(saved.stepped, np.uint8), count=len(rows)).astype(np.bool_)
        self.series[rows[stepped]] = np.frombuffer(saved.series, SERIES)
        self.services[self._services_of(rows)] = np.frombuffer(saved.services, SERVICE)

    def _rows_of(self, page: int) -> Ints:
        names = self._bank.name_of
        return np.array(sorted(self._bank.rows_of(page).tolist(), key=names.__getitem__), np.int64)

    def _services_of(self, rows: Ints) -> list[int]:
        return list(dict.fromkeys(self._joint.service_of_row[rows].tolist()))
