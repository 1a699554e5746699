"""Anomalies: every reading against what its own series has taught, every silence against its usual interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.anomaly_feedback import take_series
from detectors.anomaly_loops import (
    CALM,
    DELTA,
    HEARD_AGAIN,
    NEVER,
    NOTE,
    SILENT,
    UNUSUAL,
    end_ms,
    judge_rows,
    pass_rows,
    silence_s,
)
from detectors.anomaly_rows import ROW, VIEWS, rule_of
from detectors.anomaly_views import band_of, learn, look, pace, see, shown
from detectors.bank import Budget, Finding, page_of, service_of
from detectors.columns import Columns, Flags, Ints, Run
from detectors.joint_book import JointBook
from detectors.patterns import PatternBook
from detectors.rows import RowBank
from topics import Derived
from topics.control import Feedback
from topics.settings import Settings
from topics.signals import Anomaly

_decode_parts = msgspec.msgpack.Decoder(tuple[bytes, bytes]).decode
NOT_JUDGED = (b"_forecast", b"_forecast_lower", b"_forecast_upper")


def is_forecast(series: bytes) -> bool:
    """Say whether a series is what a capability expects of another one.

    >>> is_forecast(b"shop/requests_forecast_upper{route=/pay}"), is_forecast(b"shop/errors_of_forecasts")
    (True, False)
    """
    return series.split(b"/", 1)[-1].split(b"{", 1)[0].endswith(NOT_JUDGED)


class AnomalyBank(RowBank):
    """The rows of many series; beside them, in `joint`, the models of services, and in `patterns` what has a name.

    views          float32 [n, views]: what each view said of each record of the last run, by its index in the chunk
    """

    capability = "anomaly"
    version = 12
    key = "series"
    dtype: ClassVar[np.dtype[np.void]] = ROW
    page_bytes = 640 * 1024  # Room for 100,000 series in eight partitions, twice over.

    def __init__(self, settings: Settings, owns: Any = None) -> None:
        self._due_ms = NEVER
        self._living: Ints | None = None
        self._blank = np.zeros(1, ROW)
        self.views = np.zeros((0, len(VIEWS)), np.float32)
        self.joint = JointBook(self)
        self.patterns = PatternBook(self, self.joint)
        super().__init__(settings, owns)

    def configure(self, settings: Settings) -> None:
        """Put settings into force from the next reading on."""
        super().configure(settings)
        self.rule = rule_of(settings)
        self.joint.configure(settings)
        self.patterns.configure(settings)
        self._due_ms = 0

    def group(self, name: bytes) -> bytes:
        """Return the service of a series."""
        return service_of(name)

    def admitted(self, rows: Ints, names: Sequence[bytes]) -> None:
        """Note new rows: forecasts of other capabilities are not judged."""
        self.rows["ignored"][rows] = [NOT_JUDGED[0] in name and is_forecast(name) for name in names]
        self._living = None
        begun = self.joint.admitted(rows, names)
        self.patterns.admitted(rows, begun)

    def dropped(self, row: int, name: bytes) -> None:
        """Forget what is derived from a row."""
        self._living = None
        self.patterns.dropped(row, name)
        self.joint.dropped(row, name)

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Judge each reading against its own row, and learn it."""
        if start == end:
            return []
        notes = np.empty(end - start, NOTE)
        if len(self.views) < end:
            self.views = np.zeros((end, len(VIEWS)), np.float32)
        taken, due_ms = judge_rows(
            self.rows, self._blank, ids, columns.code["kind"], columns.number["value"], columns.number["at_s"],
            run.clock_ms, run.late, start, end, self.rule, notes, self.views,
        )  # fmt: skip
        self._due_ms = min(self._due_ms, int(due_ms), self.joint.due_ms, self.patterns.due_ms)
        return [
            Finding(int(note["index"]), record)
            for note in notes[:taken]
            for record in self._records(note, int(run.clock_ms[note["index"]]))
        ]

    @property
    def due_ms(self) -> int:
        """Return a moment not after the next bucket to close, silence to find, joint judgement, or step."""
        return self._due_ms if len(self) else NEVER

    def soonest_ms(self, columns: Columns, clock_ms: Ints, start: int, end: int) -> int:
        """Return when the first silence may be found, the first delta's bucket closed, a service judged."""
        its = self.rule
        due_ms = int(clock_ms[start]) + int(1000 * its.missing_least_s)
        due_ms = min(due_ms, self.joint.due_ms, self.patterns.due_ms)
        deltas = columns.code["kind"][start:end] == DELTA - 1
        if not deltas.any():
            return due_ms
        first_s = float(columns.number["at_s"][start:end][deltas].min())
        return min(due_ms, int(end_ms(math.floor(first_s / its.bucket_s), its.bucket_s)))

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Close buckets, find silences, judge services as a whole, and find patterns."""
        if clock_ms < self._due_ms:
            return []
        living = self.living()
        touched = np.zeros(len(living), np.bool_)
        notes = np.empty(len(living), NOTE)
        mine = ready[self.pages[living]]
        taken, due_ms = pass_rows(self.rows, living, mine, clock_ms, self.rule, touched, notes)
        self.dirty[self.pages[living[touched]]] = True
        said: list[Derived] = [record for note in notes[:taken] for record in self._records(note, clock_ms)]
        said += self.joint.pass_time(clock_ms, ready)
        said += self.patterns.pass_time(clock_ms, ready)
        self._due_ms = min(int(due_ms), self.joint.due_ms, self.patterns.due_ms) if len(living) else NEVER
        return sorted(said, key=lambda record: record.subject())

    def feedback(self, feedback: Feedback, clock_ms: int, ready: Flags) -> list[Derived]:
        """Learn what a person says about the alarms of a series, or of a service's series together."""
        series = feedback.subject.encode("utf-8", "replace")
        page, row = page_of(service_of(series)), self.names.row(series)
        if feedback.verdict in ("false alarm", "confirmed") and ready[page]:
            if row >= 0:
                take_series(self.rows[row], feedback, clock_ms)
                self.dirty[page] = True
            elif self.joint.feedback(series, feedback):
                self.dirty[page] = True
        return []

    def _records(self, note: np.void, clock_ms: int) -> list[Anomaly]:
        """Return what a note says, as records."""
        series = self.name_of[note["row"]].decode("utf-8", "replace")
        code, said = int(note["code"]), []
        if code & (UNUSUAL | CALM):
            said.append(
                Anomaly(
                    series=series, kind="level", at_s=float(note["at_s"]), value=float(note["value"]),
                    expected=float(note["expected"]), lower=float(note["lower"]), upper=float(note["upper"]),
                    score=float(note["score"]), calm=bool(code & CALM), since_s=float(note["since_s"]),
                    view=VIEWS[note["view"]],
                )
            )  # fmt: skip
        if code & (SILENT | HEARD_AGAIN):
            since_s = float(note["silent_since_s"])
            usual_s = float(silence_s(self.rows[note["row"]], self.rule))
            silent = bool(code & SILENT)
            said.append(
                Anomaly(
                    series=series, kind="missing", at_s=clock_ms / 1000, since_s=since_s, calm=not silent,
                    score=max(1.0, (clock_ms / 1000 - since_s) / usual_s) if silent else 0.0,
                    text=f"no reading for {usual_s:.3g} s" if silent else "",
                )
            )  # fmt: skip
        return said

    def living(self) -> Ints:
        """Return the rows in use, ascending."""
        if self._living is None:
            self._living = super().living()
        return self._living

    @property
    def warming(self) -> int:
        """Return how many series are still learned silently."""
        living = self.living()
        seen, ignored = self.rows["seen"][living], self.rows["ignored"][living]
        return int(np.count_nonzero((seen < self.rule.warmup) & (ignored == 0)))

    @property
    def late_deltas(self) -> int:
        """Return how many deltas came after their bucket was closed, in the rows at hand."""
        return int(self.rows["late_deltas"][self.living()].sum())

    def budget(self) -> dict[str, Budget]:
        """Return, by service, the alarms its series raised of late, and those `alarms_per_day` promised for it."""
        living = self.living()
        raised, days = (self.joint.sums(living, self.rows[which][living]) for which in ("alarms", "days"))
        return {name: Budget(raised[name], self.rule.alarms_per_day * days[name]) for name in raised}

    def extra(self, page: int) -> bytes:
        """Return the models of the page's services, and its patterns."""
        parts = self.joint.take(page), self.patterns.take(page)
        return msgspec.msgpack.encode(parts) if any(parts) else b""

    def put_extra(self, page: int, raw: bytes) -> None:
        """Take back models and patterns, and be asked at the next beat what is due."""
        models, patterns = _decode_parts(raw) if raw else (b"", b"")
        self.joint.put(page, models)
        self.patterns.put(page, patterns)
        self._due_ms = 0


class SeriesDetector:
    """One series alone, by the same formulas: a value is asked about (`score_one`) and learned (`learn_one`).

    >>> detector = SeriesDetector(Settings())
    >>> for second in range(100):
    ...     detector.learn_one(20.0 + second % 2, float(second))
    >>> detector.score_one(20.5, 100.0) < 1 < detector.score_one(90.0, 100.0)
    True
    """

    def __init__(self, settings: Settings) -> None:
        self.rule = rule_of(settings)
        self._rows = np.zeros(1, ROW)

    def _seen(self, value: float, at_s: float) -> tuple[Any, float, int]:
        """Return a copy of the row that has looked at a value, how unusual that is, and which view says so."""
        row = self._rows.copy()[0]
        pace(row, float(at_s), self.rule)
        look(row, float(value), float(at_s))
        see(row, float(at_s), self.rule)
        score, view = shown(row)
        return row, float(score), int(view)

    def score_one(self, value: float, at_s: float) -> float:
        """Return how unusual a value is; above 1 is anomalous; leave no trace."""
        return self._seen(value, at_s)[1]

    def band_one(self, value: float, at_s: float) -> tuple[float, float, float]:
        """Return what the view that a value most offends expected, with the values at which it reaches a score of 1."""
        row, _, view = self._seen(value, at_s)
        expected, lower, upper = band_of(row, float(value), view, float(at_s))
        return float(expected), float(lower), float(upper)

    def learn_one(self, value: float, at_s: float) -> None:
        """Fold a value into the series' past."""
        row = self._rows[0]
        pace(row, float(at_s), self.rule)
        look(row, float(value), float(at_s))
        see(row, float(at_s), self.rule)
        learn(row, float(value), float(at_s), self.rule)
        row["judged_at_s"] = at_s
