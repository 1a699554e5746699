"""Incidents: what is unusual or hostile in one service at one time is one thing for a person."""

from __future__ import annotations

from typing import Any, Literal

from detectors.bank import NEVER, page_of
from detectors.columns import Flags
from detectors.incidents_expected import WHOLE_SERVICE
from detectors.incidents_words import SEVERITIES, Incident, add, at_once, subject_of, title_of
from detectors.ledger import Ledger
from topics import Derived, Record
from topics.alerts import Alert
from topics.control import Feedback
from topics.signals import Anomaly, Signal, Threat

LOOK_MS = 10_000
FORGET_MS = 3_600_000
RECENT_MOST = 1000
ID_DIGITS = 12
"""An incident's id is its service, and the log's clock in ms when it began: so many digits since 2001."""


class IncidentsBank(Ledger):
    """Gathers a service's signals into at most one incident at a time; tells when it fires, while it does, and its end.

    It fires at once for a threat, for series unusual together and for our own faults; for an unusual series after
    `fire_after` signals within `window_s`, or when its excursion lasts that long. It ends when no excursion is open and
    nothing was heard for `resolve_s`, a time that doubles with each return.
    """

    capability = "incidents"
    version = 2
    key = "service"
    entry = Incident

    def group_of(self, record: Record) -> str | None:
        """Return the service."""
        return record.key()

    def take_one(self, record: Record, entries: dict[str, Any], clock_ms: int, late: bool) -> list[Derived]:
        """Take a signal into its service's incident. A late one alarms nobody, but a late end is an end."""
        assert isinstance(record, Anomaly | Threat)
        name = record.service
        incident = entries.get(name)
        if isinstance(record, Anomaly) and record.calm:
            if incident is not None:
                self._calm(name, incident, subject_of(record), clock_ms)
            return []
        if late:
            return []
        if incident is None or self._is_stale(incident, clock_ms):
            incident = entries[name] = _between(incident or Incident())
        incident.heard_ms = clock_ms
        said: list[Derived] = []
        if not incident.notices.hold(record, subject_of(record), clock_ms):
            self._take(incident, record, clock_ms)
            said = self._tell(name, incident, clock_ms)
        self._wake(name, incident, clock_ms)
        return said

    def _calm(self, name: str, incident: Incident, subject: str, clock_ms: int) -> None:
        """Note that an excursion is over, whether it was told or held back."""
        if incident.notices.held.pop(subject, None) is not None:
            incident.heard_ms = clock_ms
        if incident.open.pop(subject, None) is not None:
            incident.heard_ms = incident.last_ms = clock_ms
            self._wake(name, incident, clock_ms)

    def _take(self, incident: Incident, signal: Signal, clock_ms: int, note: str = "") -> None:
        """Take a signal into an incident, which fires if that is enough."""
        if not incident.began_ms:
            incident.began_ms = clock_ms
        add(incident, signal, clock_ms, note)
        incident.last_ms = clock_ms
        if not incident.fired:
            incident.recent_ms = [*incident.recent_ms, clock_ms][
                -min(self.settings.incidents.fire_after, RECENT_MOST) :
            ]
            if at_once(signal) or self._enough(incident, clock_ms):
                self._fire(incident, clock_ms)

    def pass_time_one(self, name: str, entries: dict[str, Any], clock_ms: int) -> list[Derived]:
        """Let an incident fire that has lasted, end one that is over, and tell again what still fires."""
        incident: Incident = entries[name]
        for signal, note in incident.notices.release(clock_ms, int(1000 * self.settings.incidents.resolve_s)):
            self._take(incident, signal, clock_ms, note)
        for subject in [s for s, (_, heard_ms) in incident.open.items() if clock_ms >= heard_ms + FORGET_MS]:
            del incident.open[subject]  # Its end was never said: the series is gone.
        if not incident.fired and self._enough(incident, clock_ms):
            self._fire(incident, clock_ms)
        said: list[Derived] = []
        if incident.fired and self._is_over(incident, clock_ms):
            entries[name], said = self._end(name, incident, clock_ms)
        elif incident.fired:
            said = self._tell(name, incident, clock_ms)
        elif self._is_stale(incident, clock_ms):
            entries[name] = _between(incident)
        incident = entries[name]
        if not incident.began_ms and clock_ms >= incident.resolved_ms + self._flap_ms and not incident.notices.expected:
            del entries[name]
        else:
            self._wake(name, incident, clock_ms)
        return said

    def feedback(self, feedback: Feedback, clock_ms: int, ready: Flags) -> list[Derived]:
        """End what a person calls a false alarm, or expected; hold back what is expected until a time.

        The subject is an incident's id, a series, or a service. What is left of an incident without a series goes on.
        """
        name, series = self._meant(feedback.subject)
        page = page_of(name.encode("utf-8", "replace"))
        if feedback.verdict not in ("false alarm", "expected") or not ready[page] or not self._is_mine(name):
            return []
        incident = self.entries[page].get(name) or Incident(heard_ms=clock_ms)
        why = feedback.verdict + (f", says {feedback.author}" if feedback.author else "")
        if feedback.verdict == "expected" and (series is not None or feedback.subject == name):
            why = incident.notices.announce(feedback, series or WHOLE_SERVICE, clock_ms) or why
        if name not in self.entries[page] and not incident.notices.expected:
            return []
        its = [subject for subject in incident.open if series is not None and subject.rpartition(" ")[0] == series]
        for subject in its:
            del incident.open[subject]
        whole = series is None and feedback.subject in (name, _id(name, incident))
        said: list[Derived] = []
        if incident.fired and (whole or (its and not incident.open and not incident.threats)):
            incident, said = self._end(name, incident, clock_ms, why)
        self.dirty[page] = True
        self.entries[page][name] = incident
        self._wake(name, incident, clock_ms)
        self._bound(page)
        return said

    def _meant(self, subject: str) -> tuple[str, str | None]:
        """Return the service that a person means, by an incident's id, a series or its name; and the series, if any."""
        if "/" in subject:
            return subject.partition("/")[0], subject
        name, _, began = subject.rpartition("-")
        return (name, None) if name and began.isdecimal() and len(began) >= ID_DIGITS else (subject, None)

    def _is_mine(self, name: str) -> bool:
        return self.owns is None or self.owns(name.encode("utf-8", "replace"))

    @property
    def _window_ms(self) -> int:
        return int(1000 * self.settings.incidents.window_s)

    @property
    def _flap_ms(self) -> int:
        return int(1000 * self.settings.incidents.flap_s)

    def _enough(self, incident: Incident, clock_ms: int) -> bool:
        """Say whether what is watched is an incident: enough signals in the window, or an excursion as long as it."""
        needed = min(self.settings.incidents.fire_after, RECENT_MOST)
        recent = incident.recent_ms[-needed:]
        if len(recent) == needed and recent[-1] - recent[0] <= self._window_ms:
            return True
        oldest_ms = min((began_ms for began_ms, _ in incident.open.values()), default=NEVER)
        return clock_ms - oldest_ms >= self._window_ms

    def _is_stale(self, incident: Incident, clock_ms: int) -> bool:
        """Say whether what was watched came to nothing."""
        return not incident.fired and not incident.open and clock_ms > incident.last_ms + self._window_ms

    def _fire(self, incident: Incident, clock_ms: int) -> None:
        incident.fired = True
        back = incident.resolved_ms and clock_ms - incident.resolved_ms <= self._flap_ms
        incident.returns = min(incident.returns + 1, 30) if back else 0

    def _resolve_ms(self, incident: Incident) -> int:
        rules = self.settings.incidents
        return int(1000 * min(rules.resolve_s * 2**incident.returns, max(rules.resolve_s, rules.resolve_most_s)))

    def _is_over(self, incident: Incident, clock_ms: int) -> bool:
        return not incident.open and clock_ms >= incident.last_ms + self._resolve_ms(incident)

    def _tell(self, name: str, incident: Incident, clock_ms: int) -> list[Derived]:
        """Say an incident that fires: at first, when it became worse, and every `resend_s`; not in a maintenance."""
        resend_ms = int(1000 * self.settings.incidents.resend_s)
        worse = incident.severity > incident.told
        if not incident.fired or self._silent_until_ms(name, clock_ms) is not None:
            return []
        if incident.said_ms and not worse and clock_ms < incident.said_ms + resend_ms:
            return []
        incident.said_ms, incident.told = clock_ms, incident.severity
        return [_alert(name, incident, "firing", clock_ms)]

    def _end(self, name: str, incident: Incident, clock_ms: int, why: str = "") -> tuple[Incident, list[Derived]]:
        """Return what is kept of an incident that is over; its end, and why, is said if a person was told of it."""
        said = [_alert(name, incident, "resolved", clock_ms, why)] if incident.said_ms else []
        return _between(incident, clock_ms), list[Derived](said)

    def _silent_until_ms(self, name: str, clock_ms: int) -> int | None:
        """Return until when a service's incidents are not said; None: they are."""
        ends = [
            window.until_s
            for window in self.settings.incidents.maintenance
            if window.service in (name, "*") and window.from_s <= clock_ms / 1000 < window.until_s
        ]
        return int(1000 * max(ends)) if ends else None

    def _wake(self, name: str, incident: Incident, clock_ms: int) -> None:
        """Note when to look again: when something may be due, and at least every 10 s, since settings may change."""
        over_ms = incident.notices.due_ms or NEVER
        if not incident.began_ms:
            between = (incident.resolved_ms + self._flap_ms, over_ms, NEVER)
            incident.due_ms = min(moment for moment in between if moment > clock_ms)
        else:
            resend_ms = int(1000 * self.settings.incidents.resend_s)
            moments = [
                clock_ms + LOOK_MS,
                incident.said_ms + resend_ms,
                incident.last_ms + self._resolve_ms(incident),
                incident.last_ms + self._window_ms + 1,
                *(began_ms + self._window_ms for began_ms, _ in incident.open.values()),
                self._silent_until_ms(name, clock_ms) or NEVER,
                over_ms,
            ]
            incident.due_ms = min(moment for moment in moments if moment > clock_ms)
        incident.due_ms = max(incident.due_ms, clock_ms + 1)


def _between(incident: Incident, resolved_ms: int | None = None) -> Incident:
    """Return what is kept of a service when nothing is going on."""
    ended_ms = incident.resolved_ms if resolved_ms is None else resolved_ms
    return Incident(
        heard_ms=incident.heard_ms, returns=incident.returns, resolved_ms=ended_ms, notices=incident.notices
    )


def _id(name: str, incident: Incident) -> str:
    return f"{name}-{incident.began_ms}"


def _alert(name: str, incident: Incident, state: Literal["firing", "resolved"], clock_ms: int, why: str = "") -> Alert:
    return Alert(
        id=_id(name, incident), state=state, severity=SEVERITIES[incident.severity], service=name,
        title=title_of(name, incident) + (f" ({why})" if why else ""), at_s=clock_ms / 1000, since_s=incident.since_s,
        signals=incident.signals, evidence=(*incident.first, *incident.latest), labels={"service": name},
        subjects=tuple(incident.subjects),
    )  # fmt: skip
