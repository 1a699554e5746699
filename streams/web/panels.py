"""The rows that people read: from what the page knows to plain data, newest or most urgent first.

All text leaves here as text; the browser puts it on the page as text, never as markup.
"""

from __future__ import annotations

from typing import Any

from streams.web.model import Said, View
from topics import Origin
from topics.alerts import Alert, Evidence
from topics.proposals import Refusal
from topics.signals import Threat

Row = dict[str, Any]
ROWS_MOST = 100
SEVERITIES = ("critical", "warning", "info")


def place_of(topic: str, partition: int, offset: int) -> Row:
    """Return a place in the log, to be opened by a click."""
    return {"topic": topic, "partition": partition, "offset": offset}


def led_by(origin: Origin | None) -> Row | None:
    """Return the place of the record that led to a conclusion, and which capability concluded."""
    if origin is None:
        return None
    return {**place_of(origin.topic, origin.partition, origin.offset), "capability": origin.capability}


def _own_place(said: Said[Any]) -> Row:
    return place_of(said.topic, said.partition, said.offset)


def alert_rows(view: View) -> list[Row]:
    """Return alerts: the firing before the resolved, the worst first, then the newest."""

    def order(said: Said[Alert]) -> tuple[bool, int, float]:
        alert = said.record
        firing = alert.state == "firing"
        return (not firing, SEVERITIES.index(alert.severity) if firing else 0, -alert.at_s)

    return [_alert_row(view, said) for said in sorted(view.alerts, key=order)[:ROWS_MOST]]


def _alert_row(view: View, said: Said[Alert]) -> Row:
    alert = said.record
    return {
        "id": alert.id,
        "state": alert.state,
        "severity": alert.severity,
        "service": alert.service,
        "title": alert.title,
        "at_s": alert.at_s,
        "since_s": alert.since_s,
        "signals": alert.signals,
        "labels": [f"{name}={value}" for name, value in alert.labels.items()],
        "evidence": [_evidence_row(view, evidence) for evidence in alert.evidence],
        "place": _own_place(said),
    }


def _evidence_row(view: View, evidence: Evidence) -> Row:
    return {
        "text": evidence.text,
        "at_s": evidence.at_s,
        "place": led_by(evidence.origin),
        "series": series_named(view, evidence.origin),
    }


def series_named(view: View, origin: Origin | None) -> str | None:
    """Return the series a conclusion is about, where its subject names one that can be charted."""
    if origin is None:
        return None
    what = origin.subject[1]
    for name in (what, what.rsplit(" ", 1)[0]):
        if name in view.series:
            return name
    return None


def block_rows(view: View) -> list[Row]:
    """Return blocks, the newest first; `asked_s` is when somebody asked to lift it."""
    newest = sorted(view.blocks, key=lambda said: -said.record.at_s)[:ROWS_MOST]
    return [
        {
            "client": said.record.client,
            "family": said.record.family,
            "why": said.record.why,
            "service": said.record.service,
            "times": said.record.times,
            "at_s": said.record.at_s,
            "until_s": said.record.until_s,
            "asked_s": view.asked.get(said.record.client),
            "place": _own_place(said),
            "led_by": led_by(said.record.proposal),
        }
        for said in newest
    ]


def command_rows(view: View) -> list[Row]:
    """Return commands, newest first."""
    return [
        _entry(
            said,
            badge=said.record.action,
            title=f"{said.record.target}: {_amount(said.record.before)} → {_amount(said.record.after)}",
            led_by=led_by(said.record.proposal),
        )
        for said in _newest(view.commands)
    ]


def refusal_rows(view: View) -> list[Row]:
    """Return refused proposals, newest first, with the rule that refused each."""
    return [
        _entry(
            said,
            badge=said.record.rule,
            title=f"{said.record.action} {said.record.target}" + _wanted(said.record),
            led_by=led_by(said.record.proposal),
        )
        for said in _newest(view.refusals)
    ]


def threat_rows(view: View) -> list[Row]:
    """Return threats, newest first, with the field and the excerpt that gave each away."""
    rows = []
    for said in _newest([said for said in view.signals if isinstance(said.record, Threat)]):
        threat = said.record
        row = _entry(
            said,
            badge=threat.family,
            title=f"{threat.who} → {threat.service}",
            led_by=led_by(threat.origin),
            why=threat.text or threat.rule,
        )
        rows.append({**row, "field": threat.field, "excerpt": threat.excerpt})
    return rows


def _entry(said: Said[Any], badge: str, title: str, led_by: Row | None, why: str | None = None) -> Row:
    return {
        "id": f"{said.topic}/{said.partition}@{said.offset}",
        "badge": badge,
        "title": title,
        "why": said.record.why if why is None else why,
        "at_s": said.record.at_s,
        "place": _own_place(said),
        "led_by": led_by,
    }


def _amount(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"


def _wanted(refusal: Refusal) -> str:
    if refusal.wanted is None:
        return ""
    return f" for {refusal.wanted:g} s" if refusal.action == "block" else f" to {refusal.wanted:g}"


def worker_rows(view: View) -> Row:
    """Return the group as it works: members with what they hold, and each topic's lag and growth."""
    group = view.group
    topics = sorted({*group.lag, *view.rates})
    return {
        "group": group.name,
        "state": group.state,
        "members": [
            {"name": member.name, "host": member.host, "partitions": sum(member.partitions.values())}
            for member in group.members
        ],
        "topics": [{"name": name, "lag": group.lag.get(name), "per_s": view.rates.get(name)} for name in topics],
    }


def headline(view: View) -> Row:
    """Return what a glance must tell: what fires, what is blocked, how much comes in, how far behind."""
    firing = [said.record.severity for said in view.alerts if said.record.state == "firing"]
    return {
        "critical": firing.count("critical"),
        "warning": firing.count("warning"),
        "info": firing.count("info"),
        "blocked": len(view.blocks),
        "readings_per_s": view.rates.get("metrics"),
        "requests_per_s": view.rates.get("requests"),
        "workers": len(view.group.members) if view.group.name else None,
        "lag": sum(view.group.lag.values()) if view.group.lag else None,
        "series": len(view.series),
    }


def link_row(view: View) -> Row:
    """Return how the page stands with Kafka."""
    link = view.link
    return {"state": link.state, "since_s": link.since_s, "why": link.why, "skipped": view.skipped}


def _newest(records: Any) -> list[Said[Any]]:
    # By the time the log was told, since partitions are read side by side and in no order among them.
    found: list[Said[Any]] = sorted(records, key=lambda said: (-said.record.at_s, -said.offset))
    return found[:ROWS_MOST]
