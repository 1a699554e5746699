"""Lessons: which one is in force in a shard, and where the shard finds it again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import msgspec

from streams.engine.pages import Statement, encode, page_key

log = logging.getLogger(__name__)

_decode = msgspec.msgpack.Decoder(tuple[int, bytes]).decode


def lesson_of(raw: bytes | None) -> tuple[int, bytes] | None:
    """Return a lesson's offset and content as they were saved; None where none was, or it cannot be read."""
    try:
        return None if raw is None else _decode(raw)
    except (msgspec.DecodeError, ValueError) as error:
        log.error("a saved lesson is unreadable; it is looked for in the log: %s", error)
        return None


class Lessons:
    """The lesson in force, and the one that is saved: the others stand in the log.

    at, content    the offset of the lesson in force, and what it says; -1: none is
    saved_at       the offset of the one that is saved, -1: none is
    """

    def __init__(self, capability: str, partition: int) -> None:
        self._key = page_key(capability, partition, "lesson")
        self.at, self.content = -1, b""
        self.saved_at, self._saved = -1, b""
        self._unsaved: dict[int, bytes] = {}

    def take(self, at: int, content: bytes, learn: Callable[[bytes], None]) -> None:
        """Put a lesson into force; pass over what is none, as everybody does who comes to that place."""
        try:
            learn(content)
        except ValueError as why:
            log.error("%s: what stands @%d is no lesson: %s", self._key.decode(), at, why)
        else:
            self.at, self.content = at, content
            if at > self.saved_at:
                self._unsaved[at] = content

    def record(self, lowest: Statement) -> list[tuple[bytes, bytes]]:
        """Return the record that saves the lesson of the lowest page, where that is newer than what is saved.

        It stands behind the pages. A newer one, or this one before them, would move where the fold begins back, behind
        what may be committed already.
        """
        content = self._unsaved.get(lowest.lesson_at)
        if content is None:
            return []
        self.saved_at = lowest.lesson_at
        self._unsaved = {at: later for at, later in self._unsaved.items() if at > self.saved_at}
        return [(self._key, encode((self.saved_at, content)))]

    def read(self, table: Mapping[bytes, bytes], end: int | None) -> None:
        """Take what is saved; end: of the log, behind which nothing that was said of it holds."""
        saved = lesson_of(table.get(self._key))
        if saved is not None and (end is None or saved[0] < end):
            self.saved_at, self._saved = saved

    def has(self, at: int, first: int) -> bool:
        """Say whether the lesson of an offset can be put into force again; first: of the log."""
        return at in (self.saved_at, -1) or at >= first

    def begin(self, lowest: Statement) -> int:
        """Return where the fold has to begin so that it comes to the lowest page under the lesson of that page."""
        return lowest.position if lowest.lesson_at in (self.saved_at, -1) else lowest.lesson_at

    def before(self, lowest: Statement) -> bytes | None:
        """Return the saved lesson where it is the last before what is to be folded; None: no lesson is in force there.

        Where the lowest page was dropped, no lesson is named, but there may be one that is saved.
        """
        return self._saved if max(lowest.lesson_at, 0) <= self.saved_at < self.begin(lowest) else None
