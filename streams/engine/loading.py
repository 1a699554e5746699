"""Loading: what is to become of a page that is found in the state topic. Decided here, carried out by the shard."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from detectors.bank import PAGES, Bank
from streams.engine.pages import Mark, Page, Statement, decode_page, decode_statements
from streams.tables import counted

log = logging.getLogger(__name__)

Fate = Literal["kept", "migrated", "dropped", "newer"]
"""kept: as it is; migrated: made one of this version; dropped: and learned again from the log; newer: of a version that
this program does not know, and left for one that does."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page, and what is to become of it.

    statement      what is known of it from now on
    said_to        all that the log before this offset led to was said when the page was written, dropped or not
    payload        for the bank; empty where there is nothing to take over
    why            it is not kept as it is
    """

    fate: Fate
    statement: Statement
    said_to: int
    marks: Sequence[Mark] = ()
    payload: bytes = b""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a shard's pages are judged by.

    first, end     what the log still has; None: not known
    has_settings   whether the settings of an offset were saved; has_lesson: whether its lesson was, or is in the log
    relearn        whether pages of a newer version are dropped, too
    """

    bank: type[Bank]
    first: int
    end: int | None
    has_settings: Callable[[int], bool]
    relearn: bool = False
    has_lesson: Callable[[int], bool] = lambda at: True


def later(stated: Statement, own: Statement) -> Statement:
    """Return what is known of a page: its own statement, or a later one about the same writing of it."""
    return stated if stated.stamp == own.stamp and stated.position > own.position else own


def stated_of(raw: bytes | None, name: str) -> list[Statement]:
    """Return what is stated of pages that were not written anew; without it, they stand where they were written."""
    if raw is None:
        return [Statement()] * PAGES
    try:
        stated = decode_statements(raw)
        if len(stated) == PAGES:
            return stated
        problem = f"it is about {len(stated)} pages, there are {PAGES}"
    except (msgspec.DecodeError, ValueError) as error:
        problem = str(error)
    log.error("%s: what is stated of its pages is unreadable: %s", name, problem)
    return [Statement()] * PAGES


def look(raw: bytes | None, stated: Statement, ground: Ground, broken: str = "") -> Found:
    """Decide what becomes of a page.

    raw            its record, None where it was never written
    broken         why the bank could not take it, if that was tried
    """
    try:
        page = decode_page(raw) if raw else Page(ground.bank.version, Statement(), [], b"")
    except (msgspec.DecodeError, ValueError) as error:
        return Found("dropped", Statement(position=ground.first), 0, why=f"unreadable: {error}")
    known, path = later(stated, page.statement), ground.bank.path_from(page.version)
    said_to = known.position if ground.end is None or known.position <= ground.end else 0
    problem = broken or problem_of(page.version, path is not None, known, ground)
    if page.version > ground.bank.version and not ground.relearn:
        return Found("newer", known, said_to, why=problem)
    payload, path = page.payload, path or ()
    if not problem:
        try:
            for migrate in path:
                payload = migrate(payload)
        except (msgspec.DecodeError, ValueError) as error:
            problem = f"unreadable: {error}"
    if problem:
        # A page that was never written holds nothing that could be lost.
        return Found("dropped", Statement(position=ground.first), said_to, why=problem if page.payload else "")
    why = f"from version {page.version} by {', '.join(migrate.__name__ for migrate in path)}" if path else ""
    return Found("migrated" if path else "kept", known, said_to, page.marks, payload, why)


def problem_of(version: int, leads_here: bool, known: Statement, ground: Ground) -> str:
    """Say why a page cannot be taken over, if so."""
    if not leads_here:
        return f"of version {version}, this is version {ground.bank.version}"
    if known.position < ground.first or (ground.end is not None and known.position > ground.end):
        return f"standing at {known.position}, the log has {ground.first}..{ground.end}"
    if known.settings_at >= 0 and not ground.has_settings(known.settings_at):
        return f"learned under the settings of @{known.settings_at}, which were not saved"
    if known.lesson_at >= 0 and not ground.has_lesson(known.lesson_at):
        return f"learned under the lesson of @{known.lesson_at}, which was not saved, and is in the log no longer"
    return ""


def tell(name: str, found: Iterable[Found]) -> None:
    """Log which of a shard's pages are migrated, dropped, or left, and why; name: "capability/partition"."""
    grouped: dict[tuple[Fate, str], list[int]] = {}
    for number, one in enumerate(found):
        if one.why:
            grouped.setdefault((one.fate, one.why), []).append(number)
    for (fate, why), numbers in grouped.items():
        which = f"{counted('page', numbers)} {'is' if len(numbers) == 1 else 'are'}"
        what = {"migrated": "migrated", "dropped": "dropped and learned again from the log"}.get(fate, "left alone")
        level = logging.WARNING if fate == "migrated" else logging.ERROR
        log.log(level, "%s: %s %s: %s", name, which, what, why)
