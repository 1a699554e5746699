"""The fleet: small services beside the shop whose measurements are made up; each breaks in a way of its own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streams.demo.shop import Publish
from topics.metrics import METRICS, Reading
from topics.signals import Anomaly

# A service is broken for so long, and whole for the rest of so long.
BROKEN_S, AGAIN_S = 60.0, 300.0

Measure = Callable[[float, float, random.Random], float]
"""A value, from the seconds since the fleet began, and since its service broke (0: it is whole)."""


@dataclass(frozen=True)
class Member:
    """A service that breaks.

    kind           of the anomaly that tells how
    what           what is broken, for a person
    metrics        what it measures
    after_s        how long it is whole at first
    """

    service: str
    kind: str
    what: str
    metrics: Mapping[str, Measure]
    after_s: float = 30.0

    @property
    def event(self) -> str:
        """Return what it is called to have found that."""
        return f"found_{self.service}"

    def broken_s(self, elapsed_s: float) -> float:
        """Return for how long it has been broken, 0 while it is whole.

        >>> FLEET[0].broken_s(29.0), FLEET[0].broken_s(40.0), FLEET[0].broken_s(100.0), FLEET[0].broken_s(340.0)
        (0.0, 10.0, 0.0, 10.0)
        """
        if elapsed_s < self.after_s:
            return 0.0
        since_s = (elapsed_s - self.after_s) % AGAIN_S
        return since_s if since_s < BROKEN_S else 0.0


def around(usual: float, broken: float | None = None, spread: float = 0.05, wild: float | None = None) -> Measure:
    """Return a measure that is as usual, and otherwise while its service is broken; spread as a share of it."""

    def measure(_: float, broken_s: float, chance: random.Random) -> float:
        mean, share = (
            (usual if broken is None else broken, spread if wild is None else wild) if broken_s else (usual, spread)
        )
        return max(0.0, chance.gauss(mean, share * mean))

    return measure


def rising(usual: float, per_s: float, spread: float) -> Measure:
    """Return a measure that rises while its service is broken."""
    return lambda _, broken_s, chance: usual + per_s * broken_s + chance.gauss(0, spread)


def stuck(usual: float, spread: float) -> Measure:
    """Return a measure that stands still while its service is broken."""
    return lambda _, broken_s, chance: usual if broken_s else chance.gauss(usual, spread)


def job(every_s: int) -> Measure:
    """Return what a job that runs every few seconds does; it does not while its service is broken."""
    return lambda elapsed_s, broken_s, chance: chance.gauss(
        80 if int(elapsed_s) % every_s == 0 and not broken_s else 2, 0.3
    )


def waves(usual: float, size: float, against: bool = False) -> Measure:
    """Return a measure that waves move as they move others, or, while it is broken, `against` them."""

    def measure(elapsed_s: float, broken_s: float, chance: random.Random) -> float:
        wave = random.Random(int(elapsed_s)).gauss(0, 1)
        return usual + size * (-wave if against and broken_s else wave) + chance.gauss(0, 0.02 * usual)

    return measure


FLEET = (
    Member("thermometer", "flatline", "a sensor that stands still", {"heat_c": stuck(21.0, 0.5)}),
    Member("mixer", "variance", "a series that scatters otherwise", {"torque": around(20.0, wild=0.8)}, 42.0),
    Member("archive", "saturation", "a disk that will be full", {"disk_ratio": rising(0.3, 0.01, 0.001)}),
    Member(
        "cache", "leak", "a memory leak while the load is flat",
        {"requests_per_s": around(20.0, spread=0.1), "memory_bytes": rising(2e8, 6e6, 1e6)},
    ),
    Member("reports", "rhythm", "a job that did not run", {"rows": job(5)}, 37.0),
    Member(
        "payments", "correlation", "two metrics that go together otherwise",
        {"requests_per_s": waves(100.0, 15.0), "cpu_percent": waves(40.0, 6.0, against=True)}, 45.0,
    ),
    Member(
        "release", "code-fault", "errors up with cpu down",
        {"requests_per_s": around(100.0), "errors_per_s": around(0.5, 6.0), "cpu_percent": around(62.0, 35.0)},
    ),
    Member(
        "miner", "runaway", "cpu up with requests down",
        {"requests_per_s": around(100.0, 20.0), "cpu_percent": around(30.0, 70.0)},
    ),
    Member("quotes", "target", "latency beyond its target", {"latency_s_p95": around(0.3, 0.65)}),
    Member("render", "threshold", "a fixed threshold that is passed", {"cpu_percent": around(50.0, 95.0)}),
    Member("ledger", "level", "a level that shifted", {"balance": around(50.0, 80.0)}),
    Member("mails", "level", "a burst", {"sent_per_s": around(5.0, 60.0, 0.2)}),
    Member("beacon", "missing", "a series that fell silent", {"heartbeat": around(1.0)}),
)  # fmt: skip
SILENT = "missing"


def member_of(anomaly: Anomaly) -> Member | None:
    """Return the member whose fault an anomaly tells, if it does."""
    for member in FLEET:
        if member.service == anomaly.service and member.kind == anomaly.kind and not anomaly.calm:
            return member
    return None


class Fleet:
    """What the fleet measures; its time is the machine's, as the shop's is."""

    def __init__(self, publish: Publish, seed: int = 1) -> None:
        self._publish = publish
        self._chance = random.Random(seed)

    def measure(self, elapsed_s: float, at_s: float) -> None:
        """Say how every service is, `elapsed_s` after the beginning; one that is silent says nothing."""
        for member in FLEET:
            broken_s = member.broken_s(elapsed_s)
            if broken_s and member.kind == SILENT:
                continue
            for name, value in member.metrics.items():
                reading = Reading(
                    series=f"{member.service}/{name}", value=value(elapsed_s, broken_s, self._chance), at_s=at_s
                )
                self._publish(METRICS, member.service, reading)


async def measure_fleet(fleet: Fleet, every_s: float = 1.0) -> None:
    """Let the fleet say how it is, until cancelled."""
    began_s = time.monotonic()
    while True:
        fleet.measure(time.monotonic() - began_s, time.time())
        await asyncio.sleep(every_s - (time.monotonic() - began_s) % every_s)
