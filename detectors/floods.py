"""Floods: more requests than a service gets at this time of the day, and not made as usual."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from msgspec import field

from detectors.anomaly import AnomalyBank
from detectors.anomaly_rows import Rule, rule_of
from detectors.bank import NEVER
from detectors.columns import Flags
from detectors.crowds import RESPECTS, distinct, raised
from detectors.floods_kinds import Flood, flood_of
from detectors.floods_logins import Logins
from detectors.floods_usual import Facts, Rate, Usual
from detectors.ledger import Entry, Ledger
from detectors.security.blocks import MOST_TIMES, PROPOSAL_EXPIRES_S, duration_s
from topics import Derived, Record
from topics.clients import client_of
from topics.compositions import WINDOW_S, Composition
from topics.control import EVERYBODY, Feedback
from topics.proposals import Proposal
from topics.settings import Settings
from topics.signals import MANY, Threat

WAIT_MS, LATE_WAIT_MS = 3000, 1000
OPEN_WINDOWS = 30
AGAIN_S = 30.0
BELIEVED_S = 3600.0
"""What goes on for so long is believed, and learned, whatever it is made of."""
BLOCKS_KEPT, NAMES_KEPT = 64, 256


class Window(msgspec.Struct, array_like=True):
    """Compositions of ten seconds, merged; due_ms: when they are judged; late: one of them came too late to alarm."""

    due_ms: int
    late: bool = False
    requests: int = 0
    counts: list[dict[int, int]] = field(default_factory=lambda: [{} for _ in RESPECTS])
    heavy: list[dict[str, int]] = field(default_factory=lambda: [{} for _ in RESPECTS])
    sources: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    logins: int = 0
    failures: int = 0
    failing: dict[int, int] = field(default_factory=dict)

    def take(self, part: Composition) -> None:
        """Merge what one partition says."""
        self.requests += part.requests
        for k, mix in enumerate((part.clients, part.routes, part.agents)):
            for bucket, count in mix.counts.items():
                self.counts[k][bucket] = self.counts[k].get(bucket, 0) + count
            for name, count in mix.heavy.items():
                if name in self.heavy[k] or len(self.heavy[k]) < NAMES_KEPT:
                    self.heavy[k][name] = self.heavy[k].get(name, 0) + count
        raised(self.sources, part.sources)
        raised(self.asks, part.asks)
        self.logins, self.failures = self.logins + part.logins, self.failures + part.failures
        raised(self.failing, part.failing)

    def facts(self) -> Facts:
        """Return what it is made of."""
        return Facts(
            self.requests, distinct(self.sources), distinct(self.asks), tuple(self.counts), tuple(self.heavy)
        )  # fmt: skip


class Service(Entry, kw_only=True):
    """One service: its open windows, the newest that was judged, what is usual of it, and the flood that goes on.

    rate           the row of its requests, as of a series
    late           compositions that came after their window was judged
    kind, since_s  of the flood that goes on: "", none; told, told_s, named: what was said last, when, and of whom
    blocks         by client: until when, by the log's clock, the block proposed last would run, and how many there were
    """

    open: dict[int, Window] = field(default_factory=dict)
    judged: int = -1
    late: int = 0
    rate: bytes = b""
    usual: Usual = field(default_factory=Usual)
    kind: str = ""
    since_s: float = 0.0
    told: str = ""
    told_s: float = 0.0
    blocks: dict[str, tuple[int, int]] = field(default_factory=dict)
    logins: Logins = field(default_factory=Logins)


class FloodsBank(Ledger):
    """Merges compositions, judges each window three seconds after its end, and proposes blocks for heavy hitters.

    A window is a flood if there are more requests than expected, by the model of readings and by a factor, and they are
    not made as usual. A rush that is made as usual, many new clients who do what clients do, is none. Beside that it
    says where logins fail from far more clients than usual (`Logins`), which blocks nobody.
    """

    capability = "floods"
    # What it saves holds rows of that bank's layout and meaning.
    version = 100 * AnomalyBank.version + 2
    key = "service"
    entry = Service

    def configure(self, settings: Settings) -> None:
        """Put settings into force from the next window on."""
        super().configure(settings)
        self.rule: Rule = rule_of(settings)

    def group_of(self, record: Record) -> str | None:
        """Return the service."""
        return record.key()

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Merge a composition into its window; when too many windows are open, the oldest is judged at once."""
        assert isinstance(record, Composition)
        service: Service = entries.setdefault(record.service, Service())
        service.heard_ms = clock_ms
        window = int(record.at_s) // WINDOW_S
        if window <= service.judged:
            service.late += 1
            return []
        over_ms = (window + 1) * WINDOW_S * 1000
        due_ms = max(over_ms + WAIT_MS, clock_ms + LATE_WAIT_MS)
        merged = service.open.setdefault(window, Window(due_ms))
        merged.take(record)
        merged.late |= late
        said = self._judge(record.service, service, min(service.open), clock_ms) if self._full(service) else []
        service.due_ms = min((one.due_ms for one in service.open.values()), default=NEVER)
        return said

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Judge the windows of a service that have waited long enough, the earliest first."""
        service, said = entries[name], list[Derived]()
        for window in sorted(window for window, one in service.open.items() if one.due_ms <= clock_ms):
            said += self._judge(name, service, window, clock_ms)
        service.due_ms = min((one.due_ms for one in service.open.values()), default=NEVER)
        return said

    def feedback(self, feedback: Feedback, clock_ms: int, ready: Flags) -> list[Derived]:
        """Forget the last block of a client that a person lets go, or all that would run."""
        client = client_of(feedback.subject)
        for page in np.flatnonzero(ready).tolist() if feedback.verdict == "lift" else ():
            for service in self.entries[page].values():
                for name, (until_ms, _) in list(service.blocks.items()):
                    if name == client or (client == EVERYBODY and until_ms > clock_ms):
                        del service.blocks[name]
                        self.dirty[page] = True
        return []

    @property
    def late(self) -> int:
        """Return how many compositions came too late."""
        return sum(service.late for entries in self.entries for service in entries.values())

    @property
    def warming(self) -> int:
        """Return how many services are still learned silently."""
        least = self.settings.anomaly.warmup
        return sum(service.usual.seen < least for entries in self.entries for service in entries.values())

    @staticmethod
    def _full(service: Service) -> bool:
        return len(service.open) > OPEN_WINDOWS

    def _judge(self, name: str, service: Service, window: int, clock_ms: int) -> list[Derived]:
        """Close a window: hold it against what is usual, learn it unless it is a flood, and say what is to be said."""
        merged, at_s = service.open.pop(window), float(window * WINDOW_S)
        service.judged = max(service.judged, window)
        facts, rate = merged.facts(), Rate(service.rate)
        score, expected = rate.expect(facts.requests, at_s, self.rule)
        flood = self._flood(facts, score, expected, service.usual)
        if not service.kind:
            service.since_s = at_s
        believed = flood is None or at_s - service.since_s >= BELIEVED_S
        rate.learn(facts.requests, at_s, self.rule, not believed)
        if believed:
            service.usual.learn(facts)
        service.rate = rate.raw()
        service.kind = "" if flood is None else flood.kind
        said = self._logins(name, service, merged, at_s)
        return said if flood is None or merged.late else said + self._say(name, service, flood, at_s, clock_ms)

    def _logins(self, name: str, service: Service, merged: Window, at_s: float) -> list[Derived]:
        """Say that logins fail from too many clients at once: stolen passwords, whoever is named or not."""
        logins, settings = service.logins, self.settings.floods
        worked = merged.logins - merged.failures
        text = logins.take(at_s, worked, merged.failing, settings, merged.late)
        threat = Threat(
            client=MANY, service=name, family="login", rule="stuffing", at_s=at_s, score=logins.score, text=text
        )
        return [threat] if text else []

    def _flood(self, facts: Facts, score: float, expected: float, usual: Usual) -> Flood | None:
        settings = self.settings.floods
        few = facts.requests < settings.least or facts.requests < settings.times * expected
        if few or score <= 1.0 or usual.seen < self.settings.anomaly.warmup:
            return None
        return flood_of(facts, expected, usual, settings)

    def _say(self, name: str, service: Service, flood: Flood, at_s: float, clock_ms: int) -> list[Derived]:
        """Say a flood when it begins, becomes another kind or has a new heavy hitter, and again while it lasts."""
        blocks = [self._block(name, service, client, flood, clock_ms) for client in flood.heavy]
        proposed = [one for one in blocks if one is not None]
        if flood.kind == service.told and at_s < service.told_s + AGAIN_S and not proposed:
            return []
        service.told, service.told_s = flood.kind, at_s
        client = flood.heavy[0] if flood.heavy else MANY
        threat = Threat(
            client=client, service=name, family="flood", rule=flood.kind, at_s=at_s, score=flood.score, text=flood.text
        )
        return [threat, *proposed]

    def _block(self, name: str, service: Service, client: str, flood: Flood, clock_ms: int) -> Proposal | None:
        """Propose a block, longer each time, unless one runs; nobody whose name was cut can be blocked."""
        until_ms, times = service.blocks.get(client, (0, 0))
        if clock_ms < until_ms or client.endswith("…"):
            return None
        security = self.settings.security
        if clock_ms >= until_ms + 1000 * security.block_most_s:
            times = 0
        wanted_s = duration_s(times, security)
        service.blocks.pop(client, None)
        service.blocks[client] = (clock_ms + int(1000 * wanted_s), min(times + 1, MOST_TIMES))
        while len(service.blocks) > BLOCKS_KEPT:
            del service.blocks[next(iter(service.blocks))]
        at_s = clock_ms / 1000
        return Proposal(
            action="block", target=client, wanted=wanted_s, why=flood.text, at_s=at_s,
            expires_at_s=at_s + PROPOSAL_EXPIRES_S, service=name, family="flood",
        )  # fmt: skip
