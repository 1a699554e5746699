"""A quarter of an hour of a small shop, as records in their topics: calm, an attack, a scale-up, a recovery."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from streams.web.model import Group, Heard, Member, View
from topics import Derived, Origin, encode
from topics.alerts import Alert, Evidence
from topics.blocklist import Block
from topics.commands import Command
from topics.metrics import Reading
from topics.proposals import Refusal
from topics.signals import Anomaly, Threat

SCRIPT = "/search?q=<script>document.title='owned'</script><img src=x onerror=alert(1)>"


def heard(topic: str, record: Derived | None, at_s: float, offset: int, partition: int = 0, key: str = "") -> Heard:
    """Return a record as it would stand in its topic; None is a tombstone."""
    value = None if record is None else encode(record)
    return Heard(topic, partition, offset, at_s, (key or record.key() if record else key).encode(), value)


def origin(capability: str, topic: str, partition: int, offset: int, what: str) -> Origin:
    return Origin(capability, topic, partition, offset, (1, what))


def readings(now_s: float, length_s: int = 900) -> Iterator[Heard]:
    chance = random.Random(7)
    for second in range(length_s):
        at_s = now_s - length_s + second
        wave = 220 + 90 * math.sin(second / 95) + chance.gauss(0, 7)
        late = 0.9 if 640 <= second < 690 else 0.0
        values = {
            "shop/requests_per_s": wave,
            "shop/latency_p95_s": abs(0.18 + 0.04 * math.sin(second / 95) + chance.gauss(0, 0.008) + late),
            "shop/errors_per_s": max(0.0, chance.gauss(1, 0.7) + (14 if 640 <= second < 690 else 0)),
            "shop/replicas": 2.0 if second < 660 else 4.0,
            "host/cpu_share{core=0}": min(1.0, abs(chance.gauss(0.35, 0.06))),
            "host/memory_bytes": 6.2e9 + 9e5 * second + chance.gauss(0, 3e7),
            "shop/requests_per_s_forecast": 222 + 90 * math.sin((second + 1) / 95),
            "shop/requests_per_s_forecast_lower": 196 + 90 * math.sin((second + 1) / 95),
            "shop/requests_per_s_forecast_upper": 248 + 90 * math.sin((second + 1) / 95),
        }
        for number, (series, value) in enumerate(values.items()):
            reading = Reading(series=series, value=value, at_s=at_s)
            yield heard("metrics", reading, at_s, 10 * second + number, partition=number % 4)


def anomalies(now_s: float) -> Iterator[Heard]:
    for number, second in enumerate(range(640, 690, 4)):
        at_s = now_s - 900 + second
        for series, value, expected, width in (
            ("shop/latency_p95_s", 1.08, 0.19, 0.05),
            ("shop/errors_per_s", 15.0, 1.1, 3.0),
        ):
            found = Anomaly(
                series=series,
                kind="level",
                at_s=at_s,
                value=value + number * 0.002,
                expected=expected,
                lower=max(0.0, expected - width),
                upper=expected + width,
                score=3.4,
                origin=origin("anomaly", "metrics", 1, 10 * second + 1, f"{series} level"),
            )
            yield heard("signals", found, at_s, 2 * number + (series.endswith("errors_per_s")))


def threats(now_s: float) -> Iterator[Heard]:
    told = (
        ("127.0.0.66", "rate", "", "", "100 requests in 60 s exceeded"),
        ("127.0.0.67", "scan", "path", "/wp-admin/setup-config.php", "10 distinct paths answered 404 within 60 s"),
        ("127.0.0.68", "sqli", "path", "/item?id=1' union select password from users--", "SQL injection in the path"),
        ("2001:db8:7:1::/64", "xss", "path", SCRIPT, "script in the path"),
    )
    for number, (client, family, field, excerpt, text) in enumerate(told):
        at_s = now_s - 300 + 60 * number
        threat = Threat(
            client=client,
            service="shop",
            family=family,
            rule=f"{family}-1",
            at_s=at_s,
            field=field,
            excerpt=excerpt,
            text=text,
            score=2.0,
            origin=origin("security", "requests", number, 4_000 + number, f"{client} {family}"),
        )
        yield heard("signals", threat, at_s, 500 + number)


def alerts(now_s: float) -> Iterator[Heard]:
    told = (
        ("shop-81", "firing", "critical", "shop", "shop is unusually slow, with errors", 250.0, 26),
        ("shop-82", "firing", "warning", "shop", "hostile requests from 4 clients", 300.0, 9),
        ("host-12", "firing", "info", "host", "host/memory_bytes grows steadily", 700.0, 3),
        ("shop-79", "resolved", "critical", "shop", "shop is unusually slow", 820.0, 12),
        ("host-11", "resolved", "warning", "host", "host/cpu_share{core=0} above its band", 860.0, 4),
    )
    for number, (name, state, severity, service, title, ago_s, signals) in enumerate(told):
        evidence = tuple(
            Evidence(
                text=f"{series} was {value}, expected {expected}",
                at_s=now_s - ago_s + 4 * step,
                origin=origin("anomaly", "metrics", 1, 6_401 + step, f"{series} level"),
            )
            for step, (series, value, expected) in enumerate(
                (("shop/latency_p95_s", "1.08 s", "0.14 to 0.24 s"), ("shop/errors_per_s", "15.0", "0 to 4.1"))
            )
        )
        alert = Alert(
            id=name,
            state=state,  # type: ignore[arg-type]
            severity=severity,  # type: ignore[arg-type]
            service=service,
            title=title,
            at_s=now_s - ago_s + (120 if state == "resolved" else 200),
            since_s=now_s - ago_s,
            evidence=evidence,
            signals=signals,
            labels={"team": "shop", "env": "demo"},
        )
        yield heard("alerts", alert, alert.at_s, number)


def actions(now_s: float) -> Iterator[Heard]:
    for number, (before, after, why) in enumerate(
        ((2.0, 4.0, "load 310/s in 60 s needs 4 replicas at 80/s each"), (4.0, 3.0, "load below 240/s for 120 s"))
    ):
        at_s = now_s - 240 + 160 * number
        command = Command(
            id=f"scale-shop-{number}",
            action="scale",
            target="shop",
            before=before,
            after=after,
            why=why,
            at_s=at_s,
            expires_at_s=at_s + 300,
            epoch=number + 1,
            proposal=origin("scaling", "metrics", 0, 6_600 + number, "scale shop"),
        )
        yield heard("commands", command, at_s, number)
    blocked = (
        ("127.0.0.66", "rate", "100 requests in 60 s exceeded", 1, 130.0),
        ("127.0.0.68", "sqli", "3 distinct pieces of hostile evidence: union select, or 1=1, sleep()", 2, 700.0),
        ("2001:db8:7:1::/64", "xss", "3 distinct pieces of hostile evidence", 1, 225.0),
    )
    for number, (client, family, why, times, left_s) in enumerate(blocked):
        block = Block(
            client=client,
            family=family,
            until_s=now_s + left_s,
            why=why,
            at_s=now_s - 100 + number,
            service="shop",
            times=times,
            proposal=origin("security", "requests", 2, 4_100 + number, client),
        )
        yield heard("blocklist", block, block.at_s, number)
    yield from refusals(now_s)


def refusals(now_s: float) -> Iterator[Heard]:
    refused = (
        ("scale", "shop", "cooldown", "the last command for shop was 12 s ago, the cooldown is 30 s", 5.0),
        ("block", "10.0.0.7", "allow-list", "10.0.0.7 is in 10.0.0.0/8, which is never blocked", 240.0),
        ("scale", "shop", "no change", "shop has 4 replicas already", 4.0),
    )
    for number, (action, target, rule, why, wanted) in enumerate(refused):
        at_s, led_by = now_s - 200 + 50 * number, origin("decisions", "proposals", 0, 70 + number, f"{target} {rule}")
        refusal = Refusal(
            action=action, target=target, rule=rule, why=why, at_s=at_s, wanted=wanted, origin=led_by, proposal=led_by
        )
        yield heard("refusals", refusal, refusal.at_s, number)


def told(now_s: float) -> View:
    """Return a view that has heard the whole story, with two workers that keep up."""
    view = View()
    for part in (readings, anomalies, threats, alerts, actions):
        for one in part(now_s):
            view.take(one)
    members = (
        Member("worker-a1b2c3d4"[-8:], "127.0.0.1", {"metrics": 2, "requests": 2}),
        Member("worker-e5f6a7b8"[-8:], "127.0.0.1", {"metrics": 2, "requests": 2}),
    )
    lag = {"metrics": 3, "requests": 41, "signals": 0, "proposals": 0}
    view.see_group(Group("luminar", "Stable", members, lag))
    view.see_rates({"metrics": 96.4, "requests": 231.7, "signals": 0.8, "alerts": 0.1, "proposals": 0.3})
    view.stand("following", now_s)
    return view
