"""Shard: one capability's state for one partition, folded from the partition's log and nothing else.

Records are folded strictly in log order, however the log was cut into chunks. A control record, a record that was
isolated as a fault, and the log's clock entering a new beat cut the run that the bank folds at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from detectors.bank import PAGES, Bank, Finding
from detectors.columns import Columns, Origins, Run
from streams.engine import pages
from streams.engine.lessons import Lessons
from streams.engine.letters import Letter, Said, fault_of
from streams.engine.loading import Found, Ground, look, stated_of, tell
from streams.engine.marks import Marks
from streams.engine.origins import LONGEST_WHAT, forwarded, in_order, origin_of, problem_of
from streams.engine.pages import Mark, Page, Statement, page_key
from streams.engine.times import mark_times
from topics import Derived, Origin
from topics.control import Feedback, Lesson, SettingsChange
from topics.settings import Settings


class Shard:
    """A bank, and what it is true of.

    next           the offset to fold next; clock_ms: the log's clock before it
    version        of the settings in force; settings_at: their offset, -1: the defaults
    positions      int64 [PAGES]: what each page held when it was loaded; records before that are skipped
    spoken         all that the log before this offset led to is in its topics already, and is not said again
    leads          whether this capability forwards the topic's misplaced records and writes its dead letters
    known          the capabilities whose origins count, where a deployment names them: no other may fill the marks
    verb           what folds a run into the bank
    skips          offsets of records that were isolated as faults, with the reason
    fates          how many pages were kept, migrated or dropped when they were loaded last
    newer          what is wrong where pages are of a version that this program does not know: it must not fold on
    """

    def __init__(
        self,
        bank: type[Bank],
        topic: str,
        partition: int,
        *,
        owns: Callable[[bytes], bool] | None = None,
        settings: Settings | None = None,
        leads: bool = True,
        known: frozenset[str] = frozenset(),
        verb: Callable[[Run, Bank], list[Finding]] | None = None,
    ) -> None:
        self._make_bank: Callable[[], Bank] = lambda: bank(settings or Settings(), owns)
        self._verb = verb or (lambda run, bank: bank.fold(run))
        self.capability, self.topic, self.partition = bank.capability, topic, partition
        self.leads, self.known = leads, known
        self.skips: dict[int, str] = {}
        self.late = self.duplicates = 0
        self._reset()

    def _reset(self) -> None:
        self.bank = self._make_bank()
        self.version, self.settings_at = "", -1
        self._settings: dict[int, bytes] = {}
        self.positions: NDArray[np.int64] = np.zeros(PAGES, np.int64)
        self.statements = [Statement()] * PAGES
        self.marks, self.lessons = Marks(), Lessons(self.capability, self.partition)
        self.fates: Counter[str] = Counter()
        self.newer = ""
        self.next = self.spoken = self._written = 0
        self.clock_ms = self._began_ms = -1

    # Folding ---------------------------------------------------------------------------------------------------------

    def fold(self, columns: Columns, start: int, end: int, following: int) -> Said:
        """Fold records start..end; afterwards everything before the offset `following` is in the state."""
        said, clocks = Said([], []), np.zeros(len(columns), np.int64)
        np.maximum(np.maximum.accumulate(columns.time_ms[start:end]), self.clock_ms, out=clocks[start:end])
        special = self._special(columns, start, end)
        at = start
        while at < end:
            if self._begins_beat(clocks, at, start):
                self._pass_time(columns, clocks, at, said)
            if special and special[-1] == at:
                special.pop()
                self._take_special(columns, clocks, at, said)
                at += 1
                continue
            stop = self._next_due(columns, clocks, at, special[-1] if special else end)
            self._fold_run(columns, clocks, at, stop, said)
            at = stop
        if end > start:
            self._began_ms = int(clocks[start]) if self.clock_ms < 0 else self._began_ms
            self.clock_ms = int(clocks[end - 1])
        self.next = following
        if start < end and columns.offset[start] < self.spoken:
            said.records = [record for record in said.records if origin_of(record).offset >= self.spoken]
            said.letters = [letter for letter in said.letters if columns.offset[letter.index] >= self.spoken]
        return said

    def _special(self, columns: Columns, start: int, end: int) -> list[int]:
        """Return the records that are not the bank's to fold, the first of them last: control, and faults."""
        special = {i for i in columns.control if start <= i < end}
        if self.skips:
            offsets = columns.offset[start:end].tolist()
            special |= {start + i for i, offset in enumerate(offsets) if offset in self.skips}
        return sorted(special, reverse=True)

    def _begins_beat(self, clocks: NDArray[np.int64], i: int, start: int) -> bool:
        """Say whether the log's clock enters a new beat with record i."""
        beat, before = self.bank.beat_ms, int(clocks[i - 1]) if i > start else self.clock_ms
        return bool(beat) and int(clocks[i]) // beat != before // beat

    def _next_due(self, columns: Columns, clocks: NDArray[np.int64], at: int, end: int) -> int:
        """Return the first record after `at` and before `end` that begins a beat in which something may be due."""
        beat = self.bank.beat_ms
        if not beat:
            return end
        clock_ms = int(clocks[at])
        limit_ms = max(clock_ms, min(self.bank.due_ms, self.bank.soonest_ms(columns, clocks, at, end)))
        cut = max(at + 1, int(clocks[:end].searchsorted(limit_ms)) if limit_ms > clock_ms else at + 1)
        if cut < end and clocks[cut] // beat == clocks[cut - 1] // beat:
            cut = int(clocks[:end].searchsorted((clocks[cut] // beat + 1) * beat))
        return min(cut, end)

    def _take_special(self, columns: Columns, clocks: NDArray[np.int64], i: int, said: Said) -> None:
        """Handle a record that is not the bank's to fold: control, or a fault."""
        control, offset = columns.control.get(i), int(columns.offset[i])
        if offset in self.skips:
            self._say_fault(columns, clocks, i, said)
        elif isinstance(control, SettingsChange):
            self._settings[offset] = pages.encode((control.version, control.settings))
            self._enforce(offset, control.version, control.settings)
        elif isinstance(control, Feedback):
            found = self.bank.feedback(control, int(clocks[i]), self.positions <= offset)
            said.records += self._signed(columns, [Finding(i, record) for record in found], 1)
        elif isinstance(control, Lesson) and control.capability == self.capability:
            self.lessons.take(offset, control.content, self.bank.learn)

    def _enforce(self, offset: int, version: str, settings: Settings) -> None:
        self.settings_at, self.version = offset, version
        self.bank.configure(settings)

    def _say_fault(self, columns: Columns, clocks: NDArray[np.int64], i: int, said: Said) -> None:
        """Say of a record that the core cannot fold: a dead letter, and an anomaly of our own."""
        offset = int(columns.offset[i])
        said.letters.append(Letter(i, self.skips[offset], self.capability))
        fault = fault_of(self.capability, f"{self.topic}[{self.partition}]@{offset}", int(clocks[i]))
        said.records += self._signed(columns, [Finding(i, fault)], 2)

    def _pass_time(self, columns: Columns, clocks: NDArray[np.int64], i: int, said: Said) -> None:
        """Do what is due when the log's clock reaches record i, the first of a beat."""
        if self.bank.due_ms <= clocks[i]:
            found = self.bank.pass_time(int(clocks[i]), self.positions <= columns.offset[i])
            said.records += self._signed(columns, zip(repeat(i), found), 0)

    def _fold_run(self, columns: Columns, clocks: NDArray[np.int64], start: int, end: int, said: Said) -> None:
        run = self._run(columns, clocks, start, end, said)
        if columns.origins is not None:
            self._pass_over_repeats(run, columns.origins, said)
        found = self._verb(run, self.bank)
        signed = self._signed(columns, found, 1)
        if run.foreign and self.leads:
            signed = in_order(signed + self._forward(columns, run.foreign, said))
        said.records += signed

    def _run(self, columns: Columns, clocks: NDArray[np.int64], start: int, end: int, said: Said) -> Run:
        """Prepare a run: refuse what is stamped too far ahead, mark what is late, write dead letters."""
        settings, at_s = self.bank.settings, columns.number["at_s"]
        keep, late = np.zeros((2, len(columns)), np.bool_)
        ahead, behind = mark_times(
            columns.good, at_s, columns.time_ms, float(settings.ahead_s), float(settings.late_s), start, end, keep, late
        )
        self.late += behind
        if ahead and self.leads:
            for i in (start + np.flatnonzero(columns.good[start:end] & ~keep[start:end])).tolist():
                lead_s = at_s[i] - columns.time_ms[i] / 1000
                reason = f"at_s is {lead_s:.0f} s ahead of the append time, at most {settings.ahead_s:g} s may be"
                said.letters.append(Letter(i, reason, "bus"))
        if self.leads and columns.wrong:
            said.letters += [Letter(i, why, "bus") for i, why in sorted(columns.wrong.items()) if start <= i < end]
        return Run(columns, start, end, keep, late, self.positions, clocks)

    def _pass_over_repeats(self, run: Run, origins: Origins, said: Said) -> None:
        """Pass over what was accepted before, and refuse an origin that none of our capabilities gives."""
        columns, part = run.columns, slice(run.start, run.end)
        which = run.start + np.flatnonzero(run.keep[part] & (origins.source[part] >= 0))
        strange = [problem_of(Origin(*source, 0, (0, "")), self.known) is not None for source in origins.sources]
        odd = np.array(strange)[origins.source[which]] | (origins.offset[which] < 0)
        odd |= origins.what.length[which] > LONGEST_WHAT
        for i in which[odd].tolist():
            problem = problem_of(origin_of(columns.record(i)), self.known)
            run.keep[i] = problem is None
            if problem is not None and self.leads:
                said.letters.append(Letter(i, problem, "bus"))
        which = which[run.keep[which]]
        pages_at = self.bank.pages_at(columns, which)
        # What a page has had, the bank skips by the page's position.
        new = (pages_at >= 0) & (columns.offset[which] >= self.positions[pages_at])
        self.duplicates += self.marks.take(origins, which[new], pages_at[new], run.keep, self.bank.dirty)

    def _signed(self, columns: Columns, found: Iterable[tuple[int, Derived]], phase: int) -> list[Derived]:
        """Give what was concluded its origin, and bring it into the order of origins."""
        name, topic, partition, offset = self.capability, self.topic, self.partition, columns.offset.item
        return in_order(
            [
                replace(record, origin=Origin(name, topic, partition, offset(i), (phase, record.subject())))
                for i, record in found
            ]
        )

    def _forward(self, columns: Columns, foreign: list[int], said: Said) -> list[Derived]:
        """Return misplaced records as they go to their own partitions; what cannot go there is a dead letter."""
        moved = []
        for i in foreign:
            outcome = forwarded(columns, i, self.topic, self.partition)
            if isinstance(outcome, str):
                said.letters.append(Letter(i, outcome, "bus"))
            else:
                moved.append(outcome)
        return moved

    # Pages -----------------------------------------------------------------------------------------------------------

    def load(self, table: Mapping[bytes, bytes], first: int = 0, end: int | None = None, relearn: bool = False) -> int:
        """Take the pages out of the table; return the offset to read from.

        first, end     what the log still has; a page that stands outside of it is dropped, loudly, and learned again
        relearn        whether pages of a newer version are dropped, too; otherwise this shard is of no use (`newer`)
        """
        kept = Lessons(self.capability, self.partition)
        kept.read(table, end)
        ground = Ground(
            type(self.bank), first, end, lambda at: self._settings_key(at) in table, relearn,
            lambda at: kept.has(at, first),
        )  # fmt: skip
        name = f"{self.capability}/{self.partition}"
        stated = stated_of(table.get(page_key(self.capability, self.partition, "pages")), name)
        keys = [page_key(self.capability, self.partition, number) for number in range(PAGES)]
        broken: dict[int, str] = {}
        while True:
            self._reset()
            found = [look(table.get(key), stated[n], ground, broken.get(n, "")) for n, key in enumerate(keys)]
            if not (unfit := self._put(found)):
                break
            broken |= unfit
        tell(name, found)
        self.fates = Counter(one.fate for one in found if one.payload or one.why)
        self.newer = next((one.why for one in found if one.fate == "newer"), "")
        self.statements = [one.statement for one in found]
        self.positions[:] = [statement.position for statement in self.statements]
        lowest = min(self.statements, key=lambda statement: statement.position)
        self.next = self._written = kept.begin(lowest)
        self.clock_ms = lowest.clock_ms
        self.spoken = max(int(self.positions.max()), *(one.said_to for one in found))
        self._load_settings(table, lowest.settings_at)
        self.lessons = kept
        if (content := kept.before(lowest)) is not None:
            kept.take(kept.saved_at, content, self.bank.learn)
        # What the table has otherwise than the bank is soon saved anew: no statement about it would be believed.
        self.bank.dirty[:] = [
            one.fate == "migrated" or (one.fate == "dropped" and key in table)
            for one, key in zip(found, keys, strict=True)
        ]
        return self.next

    def _put(self, found: list[Found]) -> dict[int, str]:
        """Fill the bank; where a page does not fit it, which it is, and why: the bank is then to be filled anew."""
        for number, one in enumerate(found):
            if one.payload:
                try:
                    self.marks.put(number, one.marks)
                    self.bank.put(number, one.payload)
                except (msgspec.DecodeError, ValueError, OverflowError) as error:
                    return {number: f"unreadable: {error}"}
        return {}

    def _load_settings(self, table: Mapping[bytes, bytes], settings_at: int) -> None:
        for statement in self.statements:
            key = self._settings_key(statement.settings_at)
            if statement.settings_at >= 0 and key in table:
                self._settings[statement.settings_at] = table[key]
        if settings_at in self._settings:
            version, settings = pages.decode_settings(self._settings[settings_at])
            self._enforce(settings_at, version, settings)

    def _settings_key(self, settings_at: int) -> bytes:
        return page_key(self.capability, self.partition, f"settings/{settings_at}")

    def begin(self, position: int, settings_at: int = -1, change: SettingsChange | None = None) -> None:
        """Begin in the middle of a log, with empty rows, under the settings that are in force there."""
        self.next = position
        if change is not None:
            self._settings[settings_at] = pages.encode((change.version, change.settings))
            self._enforce(settings_at, change.version, change.settings)

    def contents(self) -> list[tuple[bytes, list[Mark]]]:
        """Return every page as bytes, with its marks: equal contents, equal state."""
        return [(self.bank.take(page), sorted(self.marks.of_page(page))) for page in range(PAGES)]

    @property
    def unsaved_ms(self) -> int:
        """Return how much of the log's time a takeover would fold again: since the page that is saved furthest back."""
        saved_ms = min(statement.clock_ms for statement in self.statements)
        return self.clock_ms - (saved_ms if saved_ms >= 0 else self._began_ms)

    @property
    def is_saved(self) -> bool:
        """Say whether there is nothing to save."""
        return self.next == self._written and not self.bank.dirty.any()

    def snapshot(self, budget: float) -> tuple[list[tuple[bytes, bytes]], int]:
        """Return what to save, all true at `next`, and the position that is safe once it is saved.

        Dirty pages, oldest position first, until `budget` bytes are spent (at least one). Only between two folds.
        """
        assert not self.newer, "pages that this program does not know must not be written over"
        records: list[tuple[bytes, bytes]] = []
        here = Statement(b"", self.next, self.clock_ms, self.settings_at, self.lessons.at)
        if self.settings_at >= 0 and self.settings_at >= self._written:
            records.append((self._settings_key(self.settings_at), self._settings[self.settings_at]))
        dirty = np.flatnonzero(self.bank.dirty).tolist()
        for number in sorted(dirty, key=lambda page: self.statements[page].position):
            if self.statements[number].position > self.next:
                break  # Migrated, and further than what is folded: what it holds is not what is true here.
            if budget <= 0:
                break
            statement = replace(here, stamp=pages.new_stamp())
            raw = self._encode_page(number, statement)
            records.append((page_key(self.capability, self.partition, number), raw))
            self.statements[number], self.bank.dirty[number] = statement, False
            budget -= len(raw)
        if self.next > self._written:
            for number, statement in enumerate(self.statements):
                if not self.bank.dirty[number] and statement.position < self.next:
                    self.statements[number] = replace(here, stamp=statement.stamp)
            records.append((page_key(self.capability, self.partition, "pages"), pages.encode(self.statements)))
        self._written, lowest = self.next, min(self.statements, key=lambda statement: statement.position)
        return records + self.lessons.record(lowest), self.lessons.begin(lowest)

    def _encode_page(self, number: int, statement: Statement) -> bytes:
        marks, payload = self.marks.of_page(number), self.bank.take(number)
        return pages.encode(Page(self.bank.version, statement, marks, payload))
