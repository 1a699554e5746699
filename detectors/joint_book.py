"""The services of a bank, judged as a whole: which series stand for each, when a vector is due, and what is said."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.anomaly_feedback import take_joint
from detectors.anomaly_loops import NEVER
from detectors.anomaly_rows import rule_of
from detectors.bank import page_of, service_of
from detectors.columns import Flags, Ints
from detectors.compiled import kernel
from detectors.covariance import MEMBERS, blank_covariance, pair
from detectors.joint import JOINT, NOTE, UNUSUAL, judge_services
from detectors.rows import RowBank
from topics import Derived
from topics.control import Feedback
from topics.settings import Settings
from topics.signals import Anomaly

TOGETHER = b"/joint"
"""Ends the name under which a service's series are judged together."""
_BLANK = blank_covariance()


@kernel
def look_around(  # type: ignore[no-untyped-def]
    rows, heard_ms, living, service, place, fit, size, warmup, newest_ms, restless
):
    """Find when each service was last heard of, and the rows that may join its vector or must leave it.

    Return how many rows are `restless`.
    """
    n = 0
    for row in living:
        s = service[row]
        newest_ms[s] = max(newest_ms[s], heard_ms[row])
        wants = not fit[row] if place[row] >= 0 else fit[row] and size[s] < MEMBERS and rows[row].seen >= warmup
        if wants:
            restless[n] = row
            n += 1
    return n


@kernel
def join_rows(rows, service, place, members, size):  # type: ignore[no-untyped-def]
    """Give each of the rows the first free place of its service, while there is one."""
    for row in rows:
        s = service[row]
        if size[s] < MEMBERS:
            free = 0
            while members[s, free] >= 0:
                free += 1
            members[s, free], place[row] = row, free
            size[s] += 1


class SavedBook(msgspec.Struct, array_like=True, gc=False):
    """What a page holds beside its rows: each row's place, by name; then of each service, as they come by name.

    tops           one more than the service's highest place; so much of its covariance is saved
    """

    places: bytes
    tops: bytes
    joints: bytes
    covs: bytes


_decode = msgspec.msgpack.Decoder(SavedBook).decode


class JointBook:
    """A joint row, a covariance and up to 24 member rows for every service of an anomaly bank.

    A series joins once it is warmed up: those that the settings name for the service, else any without labels, the
    oldest first. A vector is taken once for every bucket of the log's clock in which the service was heard. What that
    does to a page follows from the page alone, and asking again in the same bucket does nothing.

    due_ms         nothing is due before
    joints, covs, members, scores   by service: its row, its covariance, its members' rows by place (-1: free), and the
                   score of its last vector
    """

    def __init__(self, bank: RowBank) -> None:
        self._bank = bank
        self.services: dict[bytes, int] = {}
        self._name_of: list[bytes] = []
        self._free: list[int] = []
        self._mains: dict[bytes, frozenset[bytes]] = {}
        self.joints = np.zeros(64, JOINT)
        self.covs = np.tile(_BLANK, (64, 1))
        self.members = np.full((64, MEMBERS), -1, np.int64)
        self.scores = np.zeros(64)
        self.page_of_service, self._size, self.rows_of_service = (np.zeros(64, np.int64) for _ in range(3))
        # By row of the bank: its service, its place in the service's vector, and whether it may have one.
        self.service_of_row, self._place, self._fit = (
            np.zeros(64, np.int64),
            np.full(64, -1, np.int8),
            np.zeros(64, np.bool_),
        )

    def configure(self, settings: Settings) -> None:
        """Put settings into force; series that they name otherwise now join and leave with the next vector."""
        self._settings, self._rule = settings, rule_of(settings)
        self._bucket_ms = max(100, round(1000 * settings.anomaly.bucket_s))
        self.due_ms = 0 if settings.anomaly.joint else NEVER
        mains = {
            name.encode(): frozenset(series.encode("utf-8", "replace") for series in service.main)
            for name, service in settings.services.items()
            if service.main
        }
        if mains != self._mains:
            self._mains = mains
            rows = self._bank.living()
            self._fit[rows] = self._may_join(rows, [self._bank.name_of[row] for row in rows.tolist()])

    def _may_join(self, rows: Ints, names: Sequence[bytes]) -> Flags:
        """Say which of the rows may stand for their services."""
        fit = np.array([b"{" not in name for name in names], np.bool_)
        if self._mains:
            for i, name in enumerate(names):
                main = self._mains.get(service_of(name))
                fit[i] = fit[i] if main is None else name in main
        fit &= self._bank.rows["ignored"][rows] == 0
        return fit

    # Rows and services -----------------------------------------------------------------------------------------------

    def admitted(self, rows: Ints, names: Sequence[bytes]) -> list[int]:
        """Note rows under their services; return the services that are new."""
        if len(self.service_of_row) < len(self._bank.rows):
            for which in ("service_of_row", "_place", "_fit"):
                setattr(self, which, grown(getattr(self, which), len(self._bank.rows)))
        services = [service_of(name) for name in names]
        begun = [self._begin(service) for service in dict.fromkeys(services) if service not in self.services]
        numbers = np.array([self.services[service] for service in services], np.int64)
        self.service_of_row[rows], self._place[rows], self._fit[rows] = numbers, -1, self._may_join(rows, names)
        np.add.at(self.rows_of_service, numbers, 1)
        return begun

    def _begin(self, service: bytes) -> int:
        """Return a blank place for a new service."""
        if self._free:
            s = self._free.pop()
            self._name_of[s] = service
        else:
            s = len(self._name_of)
            self._name_of.append(service)
            if s == len(self.joints):
                for which in ("joints", "covs", "members", "scores", "page_of_service", "_size", "rows_of_service"):
                    setattr(self, which, grown(getattr(self, which), 2 * s))
        self.joints[s], self.covs[s], self.members[s] = np.zeros((), JOINT), _BLANK, -1
        self.scores[s], self._size[s], self.rows_of_service[s], self.page_of_service[s] = 0.0, 0, 0, page_of(service)
        self.services[service] = s
        return s

    def dropped(self, row: int, name: bytes) -> None:
        """Forget a row, and with its last row the service."""
        s = int(self.service_of_row[row])
        if self._place[row] >= 0:
            self._leave(row)
        self.rows_of_service[s] -= 1
        if not self.rows_of_service[s]:
            del self.services[self._name_of[s]]
            self._free.append(s)

    def _leave(self, row: int) -> None:
        """Free a row's place, as if it had never been taken."""
        s, place = int(self.service_of_row[row]), int(self._place[row])
        self.members[s, place], self._place[row] = -1, -1
        self._size[s] -= 1
        for other in range(MEMBERS):
            self.covs[s, pair(max(place, other), min(place, other))] = float(other == place)

    # Time ------------------------------------------------------------------------------------------------------------

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Let series join and leave the services whose bucket is over, and take their vectors."""
        if clock_ms < self.due_ms:
            return []
        due = self._settle(clock_ms, ready)
        notes = np.zeros(len(due), NOTE)
        taken = judge_services(
            self._bank.rows, self.joints, self.covs, self.members, due, clock_ms, self._rule,
            self.scores, notes,
        )  # fmt: skip
        self._bank.dirty[self.page_of_service[due]] = True
        if ready.all():
            self.due_ms = (clock_ms // self._bucket_ms + 1) * self._bucket_ms
        return [self._record(note) for note in notes[:taken]]

    def _settle(self, clock_ms: int, ready: Flags) -> Ints:
        """Return the services that were heard of since the last vector, in a bucket that is over; settle who is in."""
        bank, living = self._bank, self._bank.living()
        newest_ms, restless = np.full(len(self.joints), -1, np.int64), np.empty(len(living), np.int64)
        n = look_around(
            bank.rows, bank.heard_ms, living, self.service_of_row, self._place, self._fit, self._size,
            self._settings.anomaly.warmup, newest_ms, restless,
        )  # fmt: skip
        over = newest_ms // self._bucket_ms < clock_ms // self._bucket_ms
        over &= (newest_ms >= self.joints["asked_ms"]) & (newest_ms >= 0) & ready[self.page_of_service]
        rows = restless[:n][over[self.service_of_row[restless[:n]]]]
        for row in rows[self._place[rows] >= 0].tolist():
            self._leave(row)
        joining = rows[self._fit[rows]]
        ages = bank.rows["first_ms"][joining].tolist()
        oldest_first = sorted((age, bank.name_of[row], row) for age, row in zip(ages, joining.tolist(), strict=True))
        ordered = np.array([row for *_, row in oldest_first], np.int64)
        join_rows(ordered, self.service_of_row, self._place, self.members, self._size)
        return np.flatnonzero(over)

    def feedback(self, series: bytes, feedback: Feedback) -> bool:
        """Learn what a person says of a service's series together; return whether that is what it is about."""
        s = self.services.get(series.removesuffix(TOGETHER)) if series.endswith(TOGETHER) else None
        if s is not None:
            take_joint(self.joints[s], feedback)
        return s is not None

    def score_of(self, service: bytes) -> float:
        """Return how unusual a service's last vector was, whether that was said or not; 0 where there was none."""
        s = self.services.get(service)
        return 0.0 if s is None else float(self.scores[s])

    def sums(self, rows: Ints, values: NDArray[np.float32]) -> dict[str, float]:
        """Return the sum of the rows' values by service."""
        totals = np.bincount(self.service_of_row[rows], values, len(self._name_of)).tolist()
        return {name.decode("utf-8", "replace"): totals[s] for name, s in self.services.items()}

    def _record(self, note: np.void) -> Anomaly:
        s = int(note["service"])
        named = [int(self.members[s, place]) for place in note["named"] if place >= 0]
        return Anomaly(
            series=(self._name_of[s] + TOGETHER).decode("utf-8", "replace"), kind="joint", at_s=float(note["at_s"]),
            score=float(note["score"]), calm=int(note["code"]) != UNUSUAL, since_s=float(note["since_s"]),
            stands_out=tuple(self._bank.name_of[row].decode("utf-8", "replace") for row in named),
        )  # fmt: skip

    # Pages -----------------------------------------------------------------------------------------------------------

    def take(self, page: int) -> bytes:
        """Return what is known of a page's services as bytes; none where none was asked about."""
        rows = sorted(self._bank.rows_of(page).tolist(), key=self._bank.name_of.__getitem__)
        places, services = self._place[rows], self._services_of(rows)
        if not self.joints[services]["asked_ms"].any():
            return b""
        tops = [_top(self.members[s]) for s in services]
        covs = b"".join(self.covs[s, : pair(top, 0)].tobytes() for s, top in zip(services, tops, strict=True))
        return msgspec.msgpack.encode(SavedBook(places.tobytes(), bytes(tops), self.joints[services].tobytes(), covs))

    def put(self, page: int, raw: bytes) -> None:
        """Take back what `take` returned, after the page's rows came in the order of their names."""
        self.due_ms = 0 if self._settings.anomaly.joint else NEVER
        if not raw:
            return
        saved = _decode(raw)
        rows = self._bank.rows_of(page)
        services = self._services_of(rows.tolist())
        self._place[rows] = np.frombuffer(saved.places, np.int8)
        placed = rows[self._place[rows] >= 0]
        self.members[self.service_of_row[placed], self._place[placed]] = placed
        np.add.at(self._size, self.service_of_row[placed], 1)
        self.joints[services] = np.frombuffer(saved.joints, JOINT)
        covs, at = np.frombuffer(saved.covs, np.float32), 0
        for s, top in zip(services, saved.tops, strict=True):
            size = pair(top, 0)
            self.covs[s, :size] = covs[at : at + size]
            at += size

    def _services_of(self, rows: list[int]) -> list[int]:
        return list(dict.fromkeys(self.service_of_row[rows].tolist()))


def _top(members: Ints) -> int:
    taken = np.flatnonzero(members >= 0)
    return int(taken[-1]) + 1 if len(taken) else 0


def grown(old: NDArray[np.generic], room: int) -> NDArray[np.generic]:
    """Return an array with room for more; what is new in it is filled when it is taken."""
    new = np.zeros((room, *old.shape[1:]), old.dtype)
    new[: len(old)] = old
    return new
