"""The joint models of a bank's services: which series they judge, when a vector is due, and what is said."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from detectors.anomaly_loops import DELTA, GAUGE, NEVER
from detectors.bank import PAGES, page_of, service_of
from detectors.columns import Flags
from detectors.joint import JointModel, Judgement, SavedModel
from detectors.rows import RowBank
from topics import Derived
from topics.settings import Settings
from topics.signals import Anomaly

# A model is some 300 kB while it lives; services beyond these are judged series by series only.
TURNS = 16
MODELS_PER_PAGE = 4
MEMBERS_MOST = 8


class SavedBook(msgspec.Struct, array_like=True, gc=False):
    """What a page holds beside its rows: when each service was last asked about, and the models there are."""

    asked: list[tuple[bytes, int]]
    models: list[SavedModel]


_decode = msgspec.msgpack.Decoder(SavedBook).decode


class JointBook:
    """Joint models by page and service, over the rows of an anomaly bank.

    A vector is taken once for every bucket of the log's clock in which one of the service's series was heard. What it
    does to a page follows from that page's rows alone. due_ms: no vector is due before.
    """

    def __init__(self, bank: RowBank) -> None:
        self._bank = bank
        self._models: list[dict[bytes, JointModel]] = [{} for _ in range(PAGES)]
        self._rows: list[dict[bytes, set[int]]] = [{} for _ in range(PAGES)]
        self._asked_ms: list[dict[bytes, int]] = [{} for _ in range(PAGES)]

    def configure(self, settings: Settings) -> None:
        """Put settings into force; a model whose series are named otherwise now begins anew when it is next due."""
        self._settings = settings
        self._bucket_ms = max(100, round(1000 * settings.anomaly.bucket_s))
        self.due_ms = 0 if settings.anomaly.joint else NEVER

    def admitted(self, row: int, name: bytes) -> None:
        """Note a row under its service."""
        service = service_of(name)
        self._rows[page_of(service)].setdefault(service, set()).add(row)

    def dropped(self, row: int, name: bytes) -> None:
        """Forget a row, and with its last row the service's model."""
        service = service_of(name)
        page = page_of(service)
        rows = self._rows[page][service]
        rows.discard(row)
        if not rows:
            del self._rows[page][service]
            self._models[page].pop(service, None)
            self._asked_ms[page].pop(service, None)

    def _bucket_end_ms(self, clock_ms: int) -> int:
        return (clock_ms // self._bucket_ms + 1) * self._bucket_ms

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Take the vectors that are due, page by page and service by service."""
        said: list[Derived] = []
        if clock_ms < self.due_ms:
            return said
        for page, services in enumerate(self._rows):
            if not ready[page]:
                continue
            for service in sorted(services):
                said += self._take_vector(page, service, clock_ms)
        if ready.all():
            self.due_ms = self._bucket_end_ms(clock_ms)
        return said

    def _take_vector(self, page: int, service: bytes, clock_ms: int) -> list[Derived]:
        """Judge a service once its bucket is over, if anything was heard of it since the last vector."""
        rows = self._bank.rows
        heard_ms = max(int(self._bank.heard_ms[row]) for row in self._rows[page][service])
        if self._bucket_end_ms(heard_ms) > clock_ms or heard_ms < self._asked_ms[page].get(service, 0):
            return []
        self._bank.dirty[page] = True
        self._asked_ms[page][service] = clock_ms
        model = self._model(page, service, self._models[page].get(service), clock_ms)
        if model is None:
            return []
        known = ((name, self._bank.names.row(name.encode())) for name in model.members)
        mine = {name: row for name, row in known if row >= 0 and not rows[row]["silent"] and rows[row]["seen"]}
        if len(mine) < 2:
            return []
        at_s = max(float(rows[row]["judged_at_s"]) for row in mine.values())
        judgement = model.judge_one({name: float(rows[row]["error"]) for name, row in mine.items()})
        if clock_ms / 1000 - at_s > self._settings.late_s:
            return []
        return self._say(model, judgement, at_s)

    def _say(self, model: JointModel, judgement: Judgement, at_s: float) -> list[Derived]:
        what = model.excursion.step(judgement.score, at_s)
        if not what:
            return []
        return [
            Anomaly(
                series=f"{model.service}/joint", kind="joint", at_s=at_s, score=judgement.score, calm=what == "calm",
                since_s=model.excursion.since_s, stands_out=() if what == "calm" else judgement.stands_out,
            )
        ]  # fmt: skip

    def _model(self, page: int, service: bytes, model: JointModel | None, clock_ms: int) -> JointModel | None:
        """Return a service's model, a new one once its series have warmed up, or None."""
        named = self._settings.services.get(service.decode("utf-8", "replace"))
        main = named.main if named is not None else ()
        if model is not None and (not main or main == model.members):
            return model
        if model is None and len(self._models[page]) >= MODELS_PER_PAGE:
            return None
        if not main and not self._is_turn(service, clock_ms):
            return None
        members = main if self._warm(main) else () if main else self._first_members(page, service)
        if len(members) < 2:
            return None
        self._models[page][service] = JointModel(service.decode("utf-8", "replace"), members)
        return self._models[page][service]

    def _is_turn(self, service: bytes, clock_ms: int) -> bool:
        """Say whether a service nobody named may begin now: a model takes milliseconds, and all warm up at once."""
        bucket = int(clock_ms / 1000 // self._settings.anomaly.bucket_s)
        return (bucket + zlib.crc32(service)) % TURNS == 0

    def _warm(self, main: tuple[str, ...]) -> bool:
        rows = [self._bank.names.row(name.encode("utf-8", "replace")) for name in main]
        warmup = self._settings.anomaly.warmup
        return sum(row >= 0 and int(self._bank.rows[row]["seen"]) >= warmup for row in rows) >= 2

    def _first_members(self, page: int, service: bytes) -> tuple[str, ...]:
        """Return the first gauges and deltas without labels of a service, once the oldest of them is well known."""
        warmup, rows, names = self._settings.anomaly.warmup, self._bank.rows, self._bank.name_of
        of_service = self._rows[page][service]
        fit = [row for row in of_service if _fits(rows[row], names[row]) and rows[row]["seen"] >= warmup]
        if not any(rows[row]["seen"] >= 2 * warmup for row in fit):
            return ()
        fit.sort(key=lambda row: (int(rows[row]["first_ms"]), names[row]))
        return tuple(names[row].decode("utf-8", "replace") for row in fit[:MEMBERS_MOST])

    def take(self, page: int) -> bytes:
        """Return the models of a page as bytes."""
        asked, models = sorted(self._asked_ms[page].items()), self._models[page]
        saved = SavedBook(asked, [models[service].save() for service in sorted(models)])
        return msgspec.msgpack.encode(saved) if asked else b""

    def put(self, page: int, raw: bytes) -> None:
        """Take back what `take` returned, after the page's rows."""
        self.due_ms = 0 if self._settings.anomaly.joint else NEVER
        if raw:
            saved = _decode(raw)
            self._asked_ms[page] = dict(saved.asked)
            for model in saved.models:
                self._models[page][model.service.encode("utf-8", "replace")] = JointModel.restore(model)


def _fits(row: Any, name: bytes) -> bool:
    return int(row["kind"]) in (GAUGE, DELTA) and not row["ignored"] and b"{" not in name
