"""Bank: the state of one capability for one partition, in pages that know nothing of each other."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import msgspec
import numpy as np

from detectors.columns import Columns, Flags, Ints, Run
from topics import Derived
from topics.control import Feedback
from topics.settings import Settings

PAGES = 64
NEVER = int(np.iinfo(np.int64).max)

Migration = Callable[[bytes], bytes]
"""Makes of what `take` returned in one version what it would have returned in the next, had that folded the log."""


def page_of(group: bytes) -> int:
    """Return the page that all rows of a group (a service, a client) live in.

    >>> page_of(b"checkout")
    14
    """
    return zlib.crc32(group) % PAGES


def service_of(name: bytes) -> bytes:
    """Return the service of a series: the text before the first slash."""
    return name.split(b"/", 1)[0]


class Finding(NamedTuple):
    """What a bank concludes from a record: which of the chunk's, and what."""

    at: int
    record: Derived


class Budget(NamedTuple):
    """Alarms raised in the last ten days or so, and how many of them were promised."""

    raised: float
    promised: float


class Bank(ABC):
    """State is a function of the log's prefix, page by page, and nothing else.

    A bank is handed runs of records in log order; it folds each into the page of its group, and returns what it
    concludes. When the log's clock enters a new beat (a whole `beat_ms`), it is first asked what the passing of time
    brings.
    What it returns must not depend on where runs were cut, nor on any page but the group's own.

    capability     its name; version: of the saved state, raised whenever the meaning of a saved byte changes
    migrations     by version, what makes a page of it one of the next; where there is none, pages are learned again
    key            the text column that names the row ("series", "client", "service")
    placed         whether a record belongs to the partition of its key (False: wherever it first appeared)
    beat_ms        how finely time passes for it; 0: nothing is ever due
    """

    capability: ClassVar[str]
    version: ClassVar[int] = 1
    migrations: ClassVar[Mapping[int, Migration]] = {}
    key: ClassVar[str]
    placed: ClassVar[bool] = True
    beat_ms: ClassVar[int] = 1000

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self.dirty: Flags = np.zeros(PAGES, np.bool_)
        self.evicted = 0
        self.owns = owns
        self.settings = settings
        self.configure(settings)

    @classmethod
    def path_from(cls, version: int) -> tuple[Migration, ...] | None:
        """Return the migrations that lead from a version to this one, in order; None where they do not lead here."""
        versions = range(version, cls.version)
        if version > cls.version or any(one not in cls.migrations for one in versions):
            return None
        return tuple(cls.migrations[one] for one in versions)

    def configure(self, settings: Settings) -> None:
        """Put settings into force from the next record on. What is derived from them is made anew here, never saved."""
        self.settings = settings

    def group(self, name: bytes) -> bytes:
        """Return the group of a name of the key column."""
        return name

    @abstractmethod
    def group_at(self, columns: Columns, i: int) -> bytes | None:
        """Return the group of a record, or None where the bank does not care for it."""

    def pages_at(self, columns: Columns, which: Ints) -> Ints:
        """Return the pages of the records `which`; -1 for one that the bank does not care for."""
        groups = (self.group_at(columns, i) for i in which.tolist())
        return np.array([-1 if group is None else page_of(group) for group in groups], np.int64)

    @property
    @abstractmethod
    def due_ms(self) -> int:
        """Return the next moment of the log's clock at which the passing of time brings something, or NEVER."""

    def soonest_ms(self, columns: Columns, clock_ms: Ints, start: int, end: int) -> int:
        """Return the earliest moment at which anything that records start..end bring can be due.

        A bank that knows (its windows end on a grid, say) lets longer runs be folded at once; too early is never wrong.

        clock_ms       int64 [n]: the log's clock at each record
        """
        return int(clock_ms[start])

    @abstractmethod
    def fold(self, run: Run) -> list[Finding]:
        """Fold the kept records of a run, in order."""

    @abstractmethod
    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Do all that is due at or before `clock_ms`, in the pages that are `ready`; leave the others as they are."""

    @property
    def warming(self) -> int:
        """Return how many rows are still learned silently."""
        return 0

    def figures(self) -> dict[tuple[str, str], float]:
        """Return what operators may want to follow, by service and figure; not part of the state."""
        return {}

    def counts(self) -> dict[str, int]:
        """Return what it has counted since the partition came, by what it is; not part of the state."""
        return {}

    def budget(self) -> dict[str, Budget]:
        """Return, by service, what it raised of late and what it was promised; not part of the state."""
        return {}

    def feedback(self, feedback: Feedback, clock_ms: int, ready: Flags) -> list[Derived]:
        """Take what a person says; only a page that is `ready` may change."""
        return []

    def lesson(self) -> bytes | None:
        """Return all that was learned of what is normal, where that is worth a record of the log; else None.

        What it is made of is no part of the state: it may be lost, and what another worker learned may be other. So
        nothing that is concluded may depend on it before it stands in the log.
        """
        return None

    def learn(self, lesson: bytes) -> None:
        """Put what `lesson` returned somewhere into force; raises ValueError where it is none."""
        raise ValueError(f"{self.capability} takes no lessons")

    @abstractmethod
    def take(self, page: int) -> bytes:
        """Return a page as bytes: equal state, equal bytes."""

    @classmethod
    def shown(cls, raw: bytes) -> dict[str, Any]:
        """Return what `take` returned as plain data by the names of its rows, for people who compare two pages."""
        return {"page": msgspec.msgpack.decode(raw)}

    @abstractmethod
    def put(self, page: int, raw: bytes) -> None:
        """Fill an empty page with what `take` returned."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""
