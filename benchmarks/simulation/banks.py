"""What is folded in the simulation: two hops of small banks that forget nothing of what they were told.

Every row is a chain: what comes next depends on all that came before, in its order, and on the settings in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from zlib import crc32

from detectors.bank import NEVER, Migration, page_of
from detectors.columns import Flags
from detectors.ledger import Entry, Ledger
from topics import Derived, Record, Topic
from topics.control import Feedback

POISON, LESSON = 666, 2
"""A value that cannot be folded; after so many records there is a lesson."""
NEWER = b"\x02"
GROUPS = tuple(f"g{i}" for i in range(9))
LISTENERS = tuple(f"s{i}" for i in range(5))


class Beat(Derived, frozen=True, kw_only=True, gc=False):
    """One value of a group, given from outside."""

    group: str
    value: int
    at_s: float

    def key(self) -> str:
        """Return the group."""
        return self.group

    def subject(self) -> str:
        """Return group and value."""
        return f"{self.group} {self.value}"


class Word(Derived, frozen=True, kw_only=True, gc=False):
    """What is concluded: said to a listener, about a group."""

    to: str
    about: str
    chain: int
    count: int
    why: str
    at_s: float

    def key(self) -> str:
        """Return the listener."""
        return self.to

    def subject(self) -> str:
        """Return about whom, to whom and why."""
        return f"{self.about} {self.to} {self.why}"


class Echo(Word, frozen=True, kw_only=True, gc=False):
    """What is concluded from words."""


class Link(Entry, kw_only=True):
    """A row: how many records there were, and the chain of all of them."""

    count: int = 0
    chain: int = 0


class Chain(Ledger):
    """Chains what it is told, says some of it, and what fell silent."""

    entry = Link
    entries_per_page = 6
    beat_ms = 500
    says: ClassVar[type[Word]] = Word
    often: ClassVar[int] = 2
    taught = heard = notes = 0

    def group_of(self, record: Record) -> str | None:
        """Return the key."""
        return record.key()

    def _chained(self, link: Link, *what: Any) -> int:
        link.chain = crc32(repr((link.chain, self.settings.late_s, self.taught, *what)).encode())
        return link.chain

    def lesson(self) -> bytes | None:
        """Return what comes of all that was folded here, again where that was done before: another's would be other."""
        if self.heard < LESSON:
            return None
        self.heard = 0
        return str(self.notes).encode()

    def learn(self, lesson: bytes) -> None:
        """Let every chain depend on a lesson from now on."""
        self.taught = int(lesson)

    def _say(self, group: str, link: Link, why: str, at_s: float, turn: int = 0) -> Derived:
        to = LISTENERS[(link.chain // 8 + turn) % len(LISTENERS)]
        return self.says(to=to, about=group, chain=link.chain, count=link.count, why=why, at_s=at_s)

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Chain a record; say so now and then, at times to two listeners."""
        group = record.key()
        self.heard, self.notes = self.heard + 1, crc32(f"{self.notes} {group}".encode())
        link = entries.setdefault(group, Link())
        link.count += 1
        link.heard_ms, link.due_ms = clock_ms, clock_ms + int(self.settings.late_s)
        told = (record.value,) if isinstance(record, Beat) else (record.about, record.chain)  # type: ignore[attr-defined]
        if self._chained(link, late, *told) % self.often:
            return []
        turns = (0, 1) if link.chain % 5 == 0 else (0,)
        return [self._say(group, link, "beat", clock_ms / 1000, turn) for turn in turns]

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Say that a group is silent; forget it where it was silent before."""
        link = entries[name]
        self._chained(link, "silent", clock_ms // self.beat_ms)
        if link.chain % 3 == 0:
            del entries[name]
        link.due_ms = NEVER
        return [self._say(name, link, "silence", clock_ms / 1000)]

    def feedback(self, feedback: Feedback, clock_ms: int, ready: Flags) -> list[Derived]:
        """Chain what a person says of a group, and say it."""
        page = page_of(feedback.subject.encode())
        link = self.entries[page].get(feedback.subject)
        if not ready[page] or link is None:
            return []
        self.dirty[page] = True
        self._chained(link, feedback.verdict)
        return [self._say(feedback.subject, link, "feedback", clock_ms / 1000)]


class First(Chain):
    """The first hop; it cannot take poison."""

    capability = "first"

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Chain a record, and fail at poison when it is too late to undo that."""
        said = super().take_one(record, entries, clock_ms, late)
        if isinstance(record, Beat) and record.value == POISON:
            raise ZeroDivisionError(f"poison for {record.group}")
        return said


class Second(Chain):
    """The second hop: it reads words, whatever was said twice among them."""

    capability = "second"
    says = Echo


class Wider:
    """The saved form of a newer version: one byte more."""

    version: ClassVar[int] = 2

    def take(self, page: int) -> bytes:
        """Return a page as the older version does, behind a byte."""
        raw: bytes = super().take(page)  # type: ignore[misc]
        return NEWER + raw

    def put(self, page: int, raw: bytes) -> None:
        """Take a page back."""
        assert raw[:1] == NEWER, "this is no page of the newer version"
        super().put(page, raw[1:])  # type: ignore[misc]


def widen(raw: bytes) -> bytes:
    """Make a page of the older version one of the newer."""
    return NEWER + raw


class MigratedFirst(Wider, First):
    """A newer version of the first hop, which makes older pages its own."""

    migrations: ClassVar[Mapping[int, Migration]] = {1: widen}


class RelearnedFirst(Wider, First):
    """A newer version of the first hop, which has to learn anew what older ones saved."""


class MigratedSecond(Wider, Second):
    """A newer version of the second hop, which makes older pages its own."""

    migrations: ClassVar[Mapping[int, Migration]] = {1: widen}


class RelearnedSecond(Wider, Second):
    """A newer version of the second hop, which has to learn anew what older ones saved."""


VERSIONS: dict[str, tuple[type[Chain], type[Chain]]] = {
    "": (First, Second),
    "migrated": (MigratedFirst, MigratedSecond),
    "relearned": (RelearnedFirst, RelearnedSecond),
}
"""By what becomes of older pages: the banks of a newer version; "" stands for those of the older."""

BEATS = Topic("sim-beats", (Beat,), key="group")
HOT_BEATS = Topic("sim-beats", (Beat,), key="group", hot=True)
WORDS = Topic("sim-words", (Word,), key="listener")
ECHOES = Topic("sim-echoes", (Echo,), key="listener")
