"""Alerts: what a person should know."""

from __future__ import annotations

from typing import Literal

import msgspec

from topics import Derived, Origin, Topic


class Evidence(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One signal that belongs to an incident: in words, and where it stands in the log."""

    text: str
    at_s: float
    origin: Origin | None = None


class Alert(Derived, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An incident fires or is resolved; said again while it fires.

    id             stable for the incident's whole life; keys the topic
    title          one sentence; labels: for routing, as Alertmanager knows them
    at_s           when this was said, by the log's clock; since_s: when the incident began
    evidence       the first and the latest signals that belong to it
    signals        how many signals there were in all
    subjects       what they are about, each once: a series and kind of anomaly ("shop/latency_s level"), or a client
                   and the family of its threat
    """

    id: str
    state: Literal["firing", "resolved"]
    severity: Literal["info", "warning", "critical"]
    service: str
    title: str
    at_s: float
    since_s: float
    evidence: tuple[Evidence, ...] = ()
    signals: int = 0
    subjects: tuple[str, ...] = ()
    labels: dict[str, str] = msgspec.field(default_factory=dict)

    def key(self) -> str:
        """Return the incident's id."""
        return self.id

    def subject(self) -> str:
        """Return id and state."""
        return f"{self.id} {self.state}"


ALERTS = Topic("alerts", (Alert,), key="incident id", keep_days=30, compact=True)
