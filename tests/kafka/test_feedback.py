"""On a real broker: what a person called a false alarm is not said again, and is once it was confirmed."""

import asyncio
import random
import time
from typing import Any

from click.testing import CliRunner, Result

from streams.cli import main
from streams.client import Publisher
from tests.kafka.conftest import MakeSite
from tests.kafka.workers import Site, plain, until
from topics.alerts import ALERTS
from topics.metrics import METRICS, Reading
from topics.signals import SIGNALS

SETTINGS: dict[str, Any] = {
    "anomaly": {"warmup": 20, "joint": False},
    "incidents": {"fire_after": 1, "resolve_s": 1},
    "worker": {"save_every_s": 0.2},
}
STEP_S = 0.35


async def feed(site: Site, first_s: float) -> float:
    """Let three services be calm, and far out for a moment; return when that was over."""
    chance, at_s = random.Random(3), first_s
    async with Publisher(site.loaded.process) as publisher:
        for k in range(330):
            at_s = first_s + k * STEP_S
            value = chance.gauss(22.0 if 300 <= k < 308 else 10.0, 1.0)
            for service in ("shop", "bank", "mail"):
                await publisher.publish(METRICS, Reading(series=f"{service}/load", value=value, at_s=at_s))
    return at_s + STEP_S


def luminar(site: Site, *arguments: str) -> Result:
    """Call the program as an operator does."""
    return CliRunner().invoke(main, [*arguments, "--settings", str(site.file)], env={"LUMINAR_SETTINGS": None})


def alarms(site: Site, from_s: float) -> set[str]:
    """Return the series whose alarms were said of a time on."""
    said = [plain(message) for log in site.records(SIGNALS) for message in log]
    return {one["series"] for one in said if "series" in one and one["at_s"] >= from_s and not one.get("calm")}


def alerts(site: Site) -> dict[str, str]:
    """Return the ids of all alerts by service."""
    return {one["service"]: one["id"] for log in site.records(ALERTS) for one in map(plain, log)}


def test_the_same_is_not_said_again_after_a_false_alarm_and_is_once_it_was_confirmed(make_site: MakeSite) -> None:
    site = make_site(settings=SETTINGS).make_topics()
    worker = site.start().until_ready()
    began_s = time.time() - 240
    again_s = asyncio.run(feed(site, began_s))
    site.until_folded(METRICS, SIGNALS)
    assert alarms(site, began_s) == {"shop/load", "bank/load", "mail/load"}
    until(lambda: len(alerts(site)) == 3, "each service has an alert")

    told = luminar(site, "feedback", "false-alarm", alerts(site)["shop"], "--author", "ann")
    assert told.output.splitlines()[0] == "told: shop/load is a false alarm", told.output
    for verdict in ("false-alarm", "confirmed"):
        assert luminar(site, "feedback", verdict, "mail/load").exit_code == 0
    assert luminar(site, "feedback", "confirmed", "mail").exit_code == 2

    asyncio.run(feed(site, again_s))
    site.until_folded(METRICS, SIGNALS)
    assert alarms(site, again_s) == {"bank/load", "mail/load"}
    assert worker.stop() == 0
    checked = luminar(site, "verify")
    assert checked.exit_code == 0, checked.output
