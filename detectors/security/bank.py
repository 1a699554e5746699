"""SecurityBank: a row for each client, and what its requests show it to be up to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.bank import NEVER, Finding, page_of
from detectors.columns import Columns, Flags, Ints, Run
from detectors.compiled import kernel
from detectors.rows import RowBank
from detectors.security import blocks
from detectors.security.blocks import BLOCK_FIELDS
from detectors.security.clients import name_of
from detectors.security.gate import FIELDS, Gate
from detectors.security.limits import SEPARATOR, Limits
from detectors.security.payloads import Evidence, inspect, inspect_headers
from detectors.security.rates import RATE_FIELDS, exceeds
from detectors.security.scans import SCAN_FIELDS, hash_path, scans
from detectors.security.verdicts import Case, of_evidence, of_rate, of_scan
from detectors.security.view import service_at, view_of
from topics import Derived, Record
from topics.control import Feedback
from topics.requests import Request
from topics.settings import Settings

Row = np.dtype([*RATE_FIELDS, *SCAN_FIELDS, *BLOCK_FIELDS])
RATE, SCAN = 1, 2
HEADERS = 1 << len(FIELDS)


@kernel
def judge_rows(  # type: ignore[no-untyped-def]
    rows, ids, at_s, status, late, whole, rated, path_buf, path_at, path_length, requests, window_s, paths,
    scan_window_s, start, end, signs,
):  # fmt: skip
    """Fold the times and the paths asked for in vain of requests start..end; signs[i] says what each shows."""
    for i in range(start, end):
        row_id = ids[i]
        if row_id < 0:
            continue
        row = rows[row_id]
        if rated[i] and exceeds(row, at_s[i], late[i], requests[row_id], window_s[row_id]):
            signs[i] |= np.uint8(RATE)
        if whole[i] and 400 <= status[i] < 500:
            path_hash = hash_path(path_buf, path_at[i], path_length[i])
            if scans(row, path_hash, at_s[i], late[i], paths, scan_window_s):
                signs[i] |= np.uint8(SCAN)


class SecurityBank(RowBank):
    """Says threats (too many requests, scans, hostile payloads), and proposes blocks.

    A row is a client's, or, where a service has a limit of its own for the client, that of the client at the service,
    which counts requests only. Compiled loops fold every request; Python sees those that show something, and texts
    worth a look.
    """

    capability = "security"
    key = "client"
    beat_ms = 0  # Windows end with a client's newest request: the passing of time brings nothing.
    dtype = Row

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self._gate = Gate()
        self._requests = np.zeros(64, np.int64)
        self._window_s = np.zeros(64)
        self._headed: tuple[dict[int, Record], list[int]] = ({}, [])
        super().__init__(settings, owns)

    def configure(self, settings: Settings) -> None:
        """Put settings into force; every row gets the limit that now holds for it."""
        super().configure(settings)
        self._limits = Limits(settings.security)
        rows = self.living()
        self.admitted(rows, [self.name_of[row] for row in rows.tolist()])

    def admitted(self, rows: Ints, names: Sequence[bytes]) -> None:
        """Remember the limits of rows."""
        if len(self._requests) < len(self.rows):
            more = np.zeros(len(self.rows) - len(self._requests))
            self._requests = np.concatenate([self._requests, more.astype(np.int64)])
            self._window_s = np.concatenate([self._window_s, more])
        limits = [self._limits.of_row(name) for name in names]
        self._requests[rows] = [limit.requests for limit in limits]
        self._window_s[rows] = [limit.window_s for limit in limits]

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
        """Take back the last block of a client that a person lets go."""
        client = name_of(feedback.subject.encode("utf-8", "replace"))
        page, row = page_of(client), self.names.row(client)
        if feedback.verdict in ("lift", "false alarm") and ready[page] and row >= 0:
            blocks.lift(self.rows[row])
            self.dirty[page] = True
        return []

    def fold(self, run: Run) -> list[Finding]:
        """Fold the kept requests of a run, each under its client's one name."""
        doubts = self._gate.doubts(run.columns, run.keep, run.start, run.end)
        for i in self._with_headers(run.columns, run.start, run.end):
            doubts[i] |= HEADERS
        view = view_of(run, self._limits, doubts)
        self._sent, self._view = run.columns, view
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
        view, settings, path = self._view, self.settings.security, columns.text["path"]
        signs = np.zeros(len(columns), np.uint8)
        judge_rows(
            self.rows, ids, columns.number["at_s"], columns.number["status"], run.late, view.whole, view.rated,
            path.buf, path.at, path.length, self._requests, self._window_s, settings.scan_paths,
            settings.scan_window_s, start, end, signs,
        )  # fmt: skip
        found = []
        for i in (start + np.flatnonzero(signs[start:end] | view.doubts[start:end])).tolist():
            if ids[i] >= 0:
                said = self._conclude(int(ids[i]), i, int(signs[i]), run)
                found += [Finding(i, record) for record in said]
        return found

    def _conclude(self, row: int, i: int, sign: int, run: Run) -> list[Derived]:
        """Return what request i of the view leads to."""
        doubts, source = int(self._view.doubts[i]), int(self._view.source[i])
        pieces = self._evidence(source, doubts) if doubts else []
        if not sign and not pieces:
            return []
        name, said = self.name_of[row], list[Derived]()
        client = name.split(SEPARATOR, 1)[0]
        # A client's times in the blocklist are kept in its own row; only where that made room in between, in this one.
        clients_row = self.names.row(client)
        case = Case(
            row=self.rows[clients_row if clients_row >= 0 else row],
            client=client.decode("utf-8", "replace"),
            service=service_at(self._sent, source).decode("utf-8", "replace"),
            at_s=float(run.columns.number["at_s"][i]),
            clock_s=int(run.clock_ms[i]) / 1000,
            late=bool(run.late[i]),
            settings=self.settings.security,
        )
        if sign & RATE:
            said += of_rate(case, self._limits.of_row(name))
        if sign & SCAN:
            said += of_scan(case)
        return said + of_evidence(case, pieces)

    def _evidence(self, i: int, doubts: int) -> list[Evidence]:
        """Return the evidence in a request as it was sent, one piece a family; remember the texts that hold none."""
        found: list[Evidence] = []
        for k, field in enumerate(FIELDS):
            if not doubts & 1 << k:
                continue
            raw = self._sent.text[field][i]
            if self._gate.is_harmless(k, raw):
                continue
            pieces = inspect(field, raw)
            found += pieces
            if not pieces:
                self._gate.remember(k, raw)
        if doubts & HEADERS:
            request = self._sent.record(i)
            assert isinstance(request, Request)
            found += inspect_headers(request.headers or {})
        return list({piece.family: piece for piece in reversed(found)}.values())
