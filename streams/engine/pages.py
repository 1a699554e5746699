"""Pages: what is saved of a shard, and what is said about pages that need no saving."""

from __future__ import annotations

import itertools
import os
from typing import Any

import msgspec

from topics.settings import Settings

WARMED = "warmed"
"""The key under which stands up to where a shard's pages were learned from the past; nothing was said of that."""

Mark = tuple[str, str, int, int, int, str]
"""The last that was accepted of one origin: capability, topic, partition, offset, phase, what."""


class Statement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the state topic says of a page: it is true up to (not including) `position`.

    stamp          of the page record that this is about; empty where the page was never written
    clock_ms       the log's clock there; settings_at: the offset of the settings in force there, -1: the defaults
    lesson_at      the offset of the lesson in force there, -1: none
    """

    stamp: bytes = b""
    position: int = 0
    clock_ms: int = -1
    settings_at: int = -1
    lesson_at: int = -1


class Page(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A page as it is saved: of which version, what it states, the reader's marks, and the bank's bytes."""

    version: int
    statement: Statement
    marks: list[Mark]
    payload: bytes


class Writer:
    """Who writes pages: this process, and none that was forked from it.

    A stamp never repeats, so that a statement is never taken for one about another write of the same page.
    """

    def __init__(self) -> None:
        self.begin()
        os.register_at_fork(after_in_child=self.begin)

    def begin(self) -> None:
        """Be another one than before."""
        self._name, self._writes = os.urandom(8), itertools.count(1)

    def stamp(self) -> bytes:
        """Return a stamp that no other write bears."""
        return self._name + next(self._writes).to_bytes(8, "big")


new_stamp = Writer().stamp


encode = msgspec.msgpack.Encoder().encode
decode_page = msgspec.msgpack.Decoder(Page).decode
decode_statements = msgspec.msgpack.Decoder(list[Statement]).decode
decode_settings = msgspec.msgpack.Decoder(tuple[str, Settings]).decode


def page_key(capability: str, partition: int, what: Any) -> bytes:
    """Return the key of a record of the state topic.

    what           a page's number, "pages" (the statements), "settings/OFFSET" or "lesson"

    >>> page_key("anomaly", 3, 17)
    b'anomaly/3/17'
    """
    return f"{capability}/{partition}/{what}".encode()
