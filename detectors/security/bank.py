"""SecurityBank: a row for each client, and what its requests show it to be up to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bank import NEVER, PAGES, Finding
from detectors.columns import Columns, Flags, Ints, Run
from detectors.rows import RowBank
from detectors.security import blocks
from detectors.security.abstaining import Abstaining
from detectors.security.behaviour import (
    AGENT,
    CRAWL,
    HELD_AGAINST,
    LOGIN,
    RATE,
    SCAN,
    TRIED,
    UNUSUAL,
    WALK,
    Row,
    bounds_of,
    judge_rows,
    place_of,
)
from detectors.security.clients import name_of
from detectors.security.gate import FIELDS, Gate
from detectors.security.habits import PAGE_SERVICES, Usual
from detectors.security.limits import SEPARATOR, Limits
from detectors.security.logins import words_of
from detectors.security.model import Model
from detectors.security.payloads import EXCERPT, LOOKS_HOSTILE, Evidence, inspect_headers, look
from detectors.security.verdicts import (
    Case,
    of_agent,
    of_crawl,
    of_evidence,
    of_login,
    of_rate,
    of_scan,
    of_unusual,
    of_walk,
)
from detectors.security.view import service_at, view_of
from topics import Derived, Record
from topics.accounts import Use
from topics.control import Feedback
from topics.requests import Request
from topics.settings import Settings

HEADERS = 1 << len(FIELDS)
JUDGED = ("path", "method", "user", "agent", "service")
LONGEST_PATH = 512
HELD_SHARE = 0.5
"""So much of a page is at most kept for clients against whom something is held, when others come."""


class SecurityBank(RowBank):
    """Says threats (too many requests, scans, hostile payloads), and proposes blocks.

    A row is a client's, or, where a service or a route has a limit of its own for the client, that of the client there,
    which counts requests only. Compiled loops fold every request; Python sees those that show something, and texts
    worth a look. Beside the rows each page keeps what its clients usually ask of a service.
    """

    capability = "security"
    version = 3
    crowded = True
    key = "client"
    beat_ms = 0  # Windows end with a client's newest request: the passing of time brings nothing.
    dtype = Row
    model: ClassVar[Model | None] = None
    """Of payloads; the shipped one where there is no other."""

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self._gate, self._abstaining = Gate(), Abstaining()
        self._unsure: list[str] = []
        self._requests = np.zeros(64, np.int64)
        self._window_s = np.zeros(64)
        self._held: Flags = np.zeros(64, np.bool_)
        self._usual = np.zeros((PAGES, PAGE_SERVICES), Usual)
        self._headed: tuple[dict[int, Record], list[int]] = ({}, [])
        self._misread = 0
        super().__init__(settings, owns)

    def configure(self, settings: Settings) -> None:
        """Put settings into force; every row gets the limit that now holds for it."""
        super().configure(settings)
        self._limits = Limits(settings.security)
        self._bounds, self._words = bounds_of(settings.security), words_of(settings.security)
        rows = self.living()
        self.admitted(rows, [self.name_of[row] for row in rows.tolist()])

    def admitted(self, rows: Ints, names: Sequence[bytes]) -> None:
        """Remember the limits of rows."""
        if len(self._requests) < len(self.rows):
            more = np.zeros(len(self.rows) - len(self._requests))
            self._requests = np.concatenate([self._requests, more.astype(np.int64)])
            self._window_s = np.concatenate([self._window_s, more])
            self._held = np.concatenate([self._held, more.astype(np.bool_)])
        limits = [self._limits.of_row(name) for name in names]
        self._requests[rows] = [limit.requests for limit in limits]
        self._window_s[rows] = [limit.window_s for limit in limits]

    def restored(self, row: int, name: bytes) -> None:
        """See whether something is held against a loaded row's client."""
        self._held[row] = blocks.is_held(self.rows[row])

    def dropped(self, row: int, name: bytes) -> None:
        """Forget that something was held against a client."""
        self._held[row] = False

    def group(self, name: bytes) -> bytes:
        """Return the client of a row, or of a request as it was sent."""
        return name_of(name.split(SEPARATOR, 1)[0])

    @property
    def due_ms(self) -> int:
        """Return that nothing is ever due."""
        return NEVER

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Do nothing."""
        return []

    def feedback(self, feedback: Feedback, clock_ms: int, ready: Flags) -> list[Derived]:
        """Take back the last blocks of those whom a person lets go; but for their habits they begin anew."""
        rows = blocks.let_go(self, feedback, clock_ms / 1000, ready)
        for name in HELD_AGAINST:
            self.rows[name][rows] = 0
        self._held[rows] = self.rows["blocked"][rows] > 0
        return []

    def counts(self) -> dict[str, int]:
        """Return how many bodies were no JSON, XML or parts, though they began so, and were looked at as text."""
        return {"bodies_as_text": self._misread, "abstained": self._abstaining.times}

    def lesson(self) -> bytes | None:
        """Return where the model should abstain, where that is elsewhere than it does."""
        return self._abstaining.lesson()

    def learn(self, lesson: bytes) -> None:
        """Let the model abstain there from now on."""
        self._abstaining.learn(lesson)

    def extra(self, page: int) -> bytes:
        """Return what the clients of a page usually ask of services, where anything is known."""
        usual = self._usual[page]
        if not usual["minute"].any():
            return b""
        return msgspec.msgpack.encode({field: usual[field].tolist() for field in Usual.names or ()})

    def put_extra(self, page: int, raw: bytes) -> None:
        """Take back what is usual in a page."""
        for field, values in (msgspec.msgpack.decode(raw) if raw else {}).items():
            self._usual[page][field] = values

    def spare(self, page: int, most: int) -> NDArray[np.int64]:
        """Return rows that may make room: not those of clients against whom something is held, unless they are many."""
        rows = self.rows_of(page)
        held = self._held[rows]
        n = np.count_nonzero(held)
        if n:
            rows = rows[held] if n > HELD_SHARE * len(rows) else rows[~held]
        return self.oldest(rows, most)

    def fold(self, run: Run) -> list[Finding]:
        """Fold the kept requests of a run, each under its client's one name."""
        doubts = self._gate.doubts(run.columns, run.keep, run.start, run.end)
        for i in self._with_headers(run.columns, run.start, run.end):
            doubts[i] |= HEADERS
        view = view_of(run, self._limits, doubts)
        self._sent, self._view = run.columns, view
        self._signs, self._facts = np.zeros(len(view.doubts), np.uint8), np.zeros(len(view.doubts))
        found = super().fold(view.run)
        run.foreign += sorted({int(view.source[i]) for i in view.run.foreign})
        return [Finding(int(view.source[i]), record) for i, record in found]

    def _with_headers(self, columns: Columns, start: int, end: int) -> list[int]:
        """Return which requests carry header fields: they are among those that had to be decoded into objects."""
        if self._headed[0] is not columns.records:
            headed = [i for i, record in columns.records.items() if isinstance(record, Request) and record.headers]
            self._headed = (columns.records, sorted(headed))
        return [i for i in self._headed[1] if start <= i < end]

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Fold requests start..end; return what those that show something lead to, in their order."""
        view = self._view
        signs, facts = self._signs, self._facts
        judge_rows(
            self.rows, ids, self.pages, self._usual, columns.number["at_s"], columns.number["status"], run.late,
            view.whole, view.rated, *(place_of(columns.text[name]) for name in JUDGED), self._requests, self._window_s,
            *self._words, self._bounds, start, end, signs, facts,
        )  # fmt: skip
        marks, found = signs[start:end] | view.doubts[start:end], []
        if self._limits.users:
            marks[view.whole[start:end] & (columns.text["user"].length[start:end] > 0)] |= np.uint8(TRIED)
        for i in (start + np.flatnonzero(marks)).tolist():
            if ids[i] >= 0:
                said = self._conclude(int(ids[i]), i, int(signs[i]), float(facts[i]), run)
                found += [Finding(i, record) for record in said]
        return found

    def _conclude(self, row: int, i: int, sign: int, fact: float, run: Run) -> list[Derived]:
        """Return what request i of the view leads to."""
        doubts, source = int(self._view.doubts[i]), int(self._view.source[i])
        pieces = self._evidence(source, doubts) if doubts else []
        if not sign and not pieces and not self._limits.users:
            return []
        name = self.name_of[row]
        # A client's times in the blocklist are kept in its own row; only where that made room in between, in this one.
        clients_row = self.names.row(name.split(SEPARATOR, 1)[0])
        clients_row = clients_row if clients_row >= 0 else row
        if pieces:
            ruled = [piece.field for piece in pieces if piece.rule != LOOKS_HOSTILE]
            self._abstaining.note(service_at(self._sent, source), name, self._unsure, ruled)
        case = self._case(clients_row, i, run)
        said = self._uses(case, source, bool(sign & TRIED)) if self._view.whole[i] else []
        if sign & RATE:
            said += of_rate(case, self._limits.of_row(name))
        if sign & AGENT:
            of_agent(case, self._sent.text["agent"][source].decode("utf-8", "replace"))
        if sign & SCAN:
            said += of_scan(case)
        if sign & LOGIN:
            said += of_login(case, int(fact))
        if sign & UNUSUAL:
            said += of_unusual(case, fact)
        if sign & CRAWL:
            said += of_crawl(case)
        if sign & WALK:
            said += of_walk(case, self._sent.text["path"][source][:EXCERPT].decode("utf-8", "replace"))
        said += of_evidence(case, pieces)
        self._held[clients_row] = blocks.is_held(self.rows[clients_row])
        return said

    def _uses(self, case: Case, source: int, failed: bool) -> list[Derived]:
        """Return what an account is to hear of a request: that a login failed, or that one of its limits counts it.

        Of a client whose block would run nothing more is told that failed.
        """
        text, path = self._sent.text["user"], self._sent.text["path"][source].partition(b"?")[0][:LONGEST_PATH]
        failed = failed and not blocks.runs(case.row, case.clock_s)
        if text.length[source] <= 0 or not (failed or self._limits.of_user(case.service.encode(), path)):
            return []
        use = Use(
            account=text[source].decode("utf-8", "replace"), client=case.client, at_s=case.at_s, service=case.service,
            path=path.decode("utf-8", "replace"), failed=failed,
        )  # fmt: skip
        return [] if use.problem() else [use]

    def _case(self, row: int, i: int, run: Run) -> Case:
        client = self.name_of[row].split(SEPARATOR, 1)[0]
        return Case(
            row=self.rows[row],
            client=client.decode("utf-8", "replace"),
            service=service_at(self._sent, int(self._view.source[i])).decode("utf-8", "replace"),
            at_s=float(run.columns.number["at_s"][i]),
            clock_s=int(run.clock_ms[i]) / 1000,
            late=bool(run.late[i]),
            settings=self.settings.security,
        )

    def _evidence(self, i: int, doubts: int) -> list[Evidence]:
        """Return the evidence in a request as it was sent, one piece a family; remember the texts that hold none."""
        found: list[Evidence] = []
        before, self._unsure = self._abstaining.times, []

        def abstains(where: str) -> bool:
            self._unsure.append(where)
            return self._abstaining.at(service_at(self._sent, i), where)

        for k, field in enumerate(FIELDS):
            if not doubts & 1 << k:
                continue
            raw = self._sent.text[field][i]
            if self._gate.is_harmless(k, raw):
                continue
            pieces, understood = look(field, raw, self.model, abstains)
            found += pieces
            self._misread += not understood
            if not pieces and self._abstaining.times == before:  # elsewhere, or later, it may be evidence
                self._gate.remember(k, raw)
        if doubts & HEADERS:
            request = self._sent.record(i)
            assert isinstance(request, Request)
            found += inspect_headers(request.headers or {})
        return list({piece.family: piece for piece in reversed(found)}.values())
