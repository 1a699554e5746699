"""Incidents in words: what a signal says in one line, how serious an incident is, and what it is called."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from detectors.incidents_expected import Notices
from detectors.ledger import Entry
from detectors.spoken import band_of, clock_of, spoken
from topics.alerts import Evidence
from topics.signals import MANY, Anomaly, Signal, Threat

SEVERITIES: tuple[Literal["info", "warning", "critical"], ...] = ("info", "warning", "critical")
INFO, WARNING, CRITICAL = range(3)
NAMED = ("code-fault", "runaway", "leak", "target")
"""Anomalies whose name tells a person what is wrong."""
EVIDENCE_KEPT = 10
SUBJECTS_KEPT = 100


class Incident(Entry, kw_only=True):
    """What is unusual or hostile in one service, from the first signal on; between incidents, when the last one ended.

    began_ms       the log's clock at the first signal: names the incident; 0: nothing is going on
    since_s        when the earliest of its signals happened
    fired          it is an incident; before that, it is only watched; said_ms: when a person was last told, 0: never
    severity, told the worst so far, and the worst that was told
    recent_ms      the latest signals while it is watched; last_ms: the latest at all
    open           the excursions that are not over, with the log's clock when each began and was last heard of
    subjects       what the signals are about, each once
    lead           the most telling signal in words, of that rank
    first, latest  evidence: the first signals, and the latest of those that came after them
    returns        how many incidents in a row came back soon after the one before; resolved_ms: when the last one ended
    notices        what people expect of the service, and what was held back for that
    """

    began_ms: int = 0
    since_s: float = 0.0
    fired: bool = False
    said_ms: int = 0
    severity: int = INFO
    told: int = INFO
    recent_ms: list[int] = field(default_factory=list)
    last_ms: int = 0
    open: dict[str, tuple[int, int]] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    threats: int = 0
    anomalies: int = 0
    lead: str = ""
    lead_rank: float = -1.0
    signals: int = 0
    first: list[Evidence] = field(default_factory=list)
    latest: list[Evidence] = field(default_factory=list)
    returns: int = 0
    resolved_ms: int = 0
    notices: Notices = field(default_factory=Notices)


def subject_of(signal: Signal) -> str:
    """Return what a signal is about: the same for all signals of one excursion, or of one client's family."""
    if isinstance(signal, Threat):
        return f"{signal.client} {signal.family}"
    return f"{signal.series} {signal.kind}"


def words_of(signal: Signal) -> str:
    """Return a signal in one line; an hour of the day is UTC.

    >>> from topics.signals import Anomaly
    >>> words_of(Anomaly(series="shop/latency_s", kind="level", at_s=60.0, value=2.5, lower=0.1, upper=0.4,
    ...     since_s=60.0, view="season"))
    'latency_s 2.50, expected 0.10–0.40 at this hour; since 00:01'
    """
    if isinstance(signal, Threat):
        text = signal.text or f"{signal.family} ({signal.rule})"
        return text if signal.client == MANY else f"{signal.client}: {text}"
    metric = signal.series.partition("/")[2]
    if signal.kind == "missing":
        since = "" if signal.since_s is None else f" since {clock_of(signal.since_s, signal.at_s)}"
        return f"{metric} is silent{since}"
    if signal.kind == "joint" and signal.stands_out:
        names = ", ".join(name.partition("/")[2] or name for name in signal.stands_out[:3])
        return f"{names} are unusual together"
    if signal.value is not None and signal.lower is not None and signal.upper is not None:
        value, lower, upper = spoken(signal.value, signal.lower, signal.upper)
        hour = " at this hour" if signal.view == "season" else ""
        since = "" if signal.since_s is None else f"; since {clock_of(signal.since_s, signal.at_s)}"
        return f"{metric} {value}, expected {band_of(lower, upper)}{hour}{since}"
    return signal.text or f"{metric} is unusual ({signal.kind})"


def at_once(signal: Signal) -> bool:
    """Say whether one such signal is enough: a threat, several series together, a fault of our own."""
    return isinstance(signal, Threat) or signal.kind not in ("level", "missing")


def rank(signal: Signal) -> float:
    """Order signals by how telling they are: our own faults, threats, what has a name, then by their score."""
    if isinstance(signal, Threat):
        return 1000.0 + min(signal.score, 100.0)
    if signal.kind == "fault":
        return 2000.0
    return min(signal.score, 900.0) + (90.0 if signal.kind in NAMED else 0.0)


def severity_of(incident: Incident, signal: Signal) -> int:
    """Return how serious an incident is with one more signal.

    critical       a fault of our own; hostile clients while the service behaves unusually; three series unusual at once
    warning        a hostile client; two series unusual at once, or several together; one silent, or far out (score 3)
    info           one series somewhat out
    """
    # One series may be unusual in several ways.
    series = len({subject.rpartition(" ")[0] for subject in incident.open if not subject.endswith(" joint")})
    if (incident.threats and incident.anomalies) or series >= 3:
        return CRITICAL
    if isinstance(signal, Threat):
        return WARNING
    if signal.kind == "fault":
        return CRITICAL
    if signal.kind != "level" or signal.score >= 3.0 or series == 2:
        return WARNING
    return INFO


def add(incident: Incident, signal: Signal, clock_ms: int, note: str = "") -> None:
    """Note one more signal: what it says, with a note, whether it is still going on, and as evidence."""
    words, subject = words_of(signal), subject_of(signal)
    if isinstance(signal, Threat):
        incident.threats += 1
    else:
        incident.anomalies += 1
        if signal.kind != "fault" and (subject in incident.open or len(incident.open) < SUBJECTS_KEPT):
            began_ms, _ = incident.open.get(subject, (clock_ms, 0))
            incident.open[subject] = began_ms, clock_ms
    if subject not in incident.subjects and len(incident.subjects) < SUBJECTS_KEPT:
        incident.subjects.append(subject)
    if rank(signal) > incident.lead_rank:
        incident.lead, incident.lead_rank = words, rank(signal)
    incident.severity = max(incident.severity, severity_of(incident, signal))
    incident.since_s = min(incident.since_s, signal.at_s) if incident.signals else signal.at_s
    incident.signals += 1
    view = f"; view: {signal.view}" if isinstance(signal, Anomaly) and signal.view else ""
    evidence = Evidence(text=f"{words}{view}" + (f" ({note})" if note else ""), at_s=signal.at_s, origin=signal.origin)
    kept = incident.first if len(incident.first) < EVIDENCE_KEPT else incident.latest
    kept.append(evidence)
    del kept[:-EVIDENCE_KEPT]


def title_of(service: str, incident: Incident) -> str:
    """Return an incident in one sentence: its most telling signal, and how much else there is."""
    others = len(incident.subjects) - 1
    return f"{service}: {incident.lead}" + (f", and {others} more" if others > 0 else "")
