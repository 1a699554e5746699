"""Scaling: how many replicas a service needs, now and by the time a new one would work."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bank import NEVER, Finding, service_of
from detectors.columns import Columns, Flags, Run
from detectors.forecast import HORIZON_MOST, TESTED_LEAST, Outlook, expect
from detectors.rows import RowBank
from detectors.scaling_rows import Row, feed, next_beat_ms, peak_of, pour_rows, regret, steady
from topics import Derived
from topics.metrics import Reading
from topics.proposals import Proposal
from topics.settings import Scaling, Settings

RESAY_MS = 15_000
VALID_S = 60.0
TOLERANCE = 0.1


class Plan(NamedTuple):
    """How a service scales, in the units of the rows.

    load, busy, replicas  its series; busy: which share of the replicas is
    step_s         length of a bucket; horizon: so many of them ahead a replica started now would work
    """

    service: str
    scaling: Scaling
    load: bytes
    busy: bytes | None
    replicas: bytes
    step_s: float
    horizon: int
    season_s: float
    every_ms: int
    silent_ms: int


class Need(NamedTuple):
    """How many replicas are needed, before bounds and patience; why, and what is expected of them."""

    replicas: float
    why: str
    effect: str


def plan_of(service: str, scaling: Scaling, season_s: float) -> Plan:
    """Return a service's plan; steps grow beyond `every_s` where the forecast could not reach far enough otherwise."""
    steps = math.ceil(scaling.start_s / (scaling.every_s * (HORIZON_MOST - 1)))
    step_s = scaling.every_s * steps
    return Plan(
        service=service,
        scaling=scaling,
        load=scaling.load.encode(),
        busy=None if scaling.utilisation is None else scaling.utilisation.encode(),
        replicas=(scaling.replicas or f"{service}/replicas").encode(),
        step_s=step_s,
        horizon=math.ceil(scaling.start_s / step_s) + 1,
        season_s=scaling.season_s or season_s,
        every_ms=int(1000 * scaling.every_s),
        silent_ms=int(1000 * scaling.silent_s),
    )


def beside(series: str, what: str) -> str:
    """Return the name of a series that belongs to another one.

    >>> beside("shop/requests{route=/pay}", "forecast")
    'shop/requests_forecast{route=/pay}'
    """
    metric, brace, labels = series.partition("{")
    return f"{metric}_{what}{brace}{labels}"


def need_of_load(scaling: Scaling, capacity: float, now: float, outlook: Outlook) -> Need:
    """Return what carries the load of now, and that of the time when a new replica works."""
    peak = float(peak_of(now, outlook.upper, float(scaling.headroom)))
    replicas = math.ceil(peak / capacity - 1e-9)
    ahead = ""
    if not math.isnan(outlook.upper):
        ahead = f", in {scaling.start_s:g} s up to {outlook.upper:.4g}, headroom {scaling.headroom:g}"
    name = scaling.load.partition("/")[2]
    why = f"need {peak:.4g} of {name} (now {now:.4g}{ahead}) / {capacity:g} per replica"
    return Need(replicas, why, f"{peak / (max(replicas, 1) * capacity):.0%} of the capacity used")


def need_of_use(scaling: Scaling, busy: float, current: float) -> Need:
    """Return what brings utilisation to its target; as many as now where it is within a tenth of it."""
    target = scaling.target_utilisation
    why = f"replicas {busy:.0%} busy, {target:.0%} wanted"
    if abs(busy / target - 1.0) <= TOLERANCE:
        return Need(current, why, "")
    replicas = math.ceil(current * busy / target - 1e-9)
    return Need(replicas, why, f"{current * busy / max(replicas, 1):.0%} busy")


class ScalingBank(RowBank):
    """Weighs the need of each service that scales, every few seconds, against the replicas it has.

    Only the series that the settings name have rows; all of a service's are in one page. The row of the load holds what
    belongs to the service as a whole.
    """

    capability = "scaling"
    version = 2
    key = "series"
    dtype = Row

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self.plans: dict[bytes, Plan] = {}
        self.steps_s = np.zeros(64)
        self.every_ms = np.zeros(64, np.int64)
        self._due_ms: int | None = NEVER
        super().__init__(settings, owns)

    def configure(self, settings: Settings) -> None:
        """Want the series that services scale by, and no others."""
        super().configure(settings)
        plans = [
            plan_of(service, known.scaling, settings.anomaly.season_s)
            for service, known in settings.services.items()
            if known.scaling is not None
        ]
        self.plans = {plan.load: plan for plan in plans}
        self.steps = {name: plan.step_s for plan in plans for name in (plan.busy, plan.replicas, plan.load) if name}
        self.want(set(self.steps))
        self._due_ms = None
        for row in self.living():
            self.admitted(int(row), self.name_of[row])

    def group(self, name: bytes) -> bytes:
        """Return the service of a series."""
        return service_of(name)

    def admitted(self, row: int, name: bytes) -> None:
        """Note by what times a row is bucketed and weighed; 0: it is not."""
        if row >= len(self.steps_s):
            self.steps_s = np.resize(self.steps_s, len(self.rows))
            self.every_ms = np.resize(self.every_ms, len(self.rows))
        plan = self.plans.get(name)
        self.steps_s[row] = self.steps.get(name, 0.0)
        self.every_ms[row] = 0 if plan is None else plan.every_ms
        self._due_ms = None

    def dropped(self, row: int, name: bytes) -> None:
        """Weigh it no more."""
        self._due_ms = None

    @property
    def due_ms(self) -> int:
        """Return when the need of a service is next to be weighed."""
        if self._due_ms is None:
            due_ms = self.rows["due_ms"]
            self._due_ms = int(min(due_ms[due_ms > 0], default=NEVER))
        return self._due_ms

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Put readings into their buckets; what follows from them is concluded when time passes."""
        number = columns.number
        pour_rows(
            self.rows, ids, number["value"], number["at_s"], columns.code["kind"], run.clock_ms, start, end,
            self.steps_s, self.every_ms,
        )  # fmt: skip
        self._due_ms = None
        return []

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Weigh the need of every service whose time has come."""
        if self.due_ms > clock_ms:
            return []
        said: list[Derived] = []
        due_ms = self.rows["due_ms"]
        for row in np.flatnonzero((due_ms > 0) & (due_ms <= clock_ms)):
            page = int(self.pages[row])
            if ready[page]:
                self.dirty[page] = True
                said += self._weigh(int(row), clock_ms)
        self._due_ms = None
        return said

    def _weigh(self, load_row: int, clock_ms: int) -> list[Derived]:
        """Say a service's forecast, and a proposal where its need differs from what it has."""
        plan, row = self.plans.get(self.name_of[load_row]), self.rows[load_row]
        if plan is None:  # It no longer scales.
            row["due_ms"] = 0
            return []
        row["due_ms"] = next_beat_ms(clock_ms, plan.every_ms)
        fed = self._feed(row, plan, clock_ms)
        outlook = Outlook(*expect(row["forecast"]))
        said: list[Derived] = self._forecasts(plan, row, outlook, clock_ms) if fed else []
        need, current = self._need(plan, row, outlook, clock_ms)
        if need is not None:
            said += self._propose(plan, row, need, current, clock_ms)
        return said

    def figures(self) -> dict[tuple[str, str], float]:
        """Return, by service and figure, how good its forecasts and its provision were lately, as shares of its load.

        forecast_error, forecast_bias  mean size of the errors at the horizon, and their mean with its sign
        forecast_cover                 of the values, in the band
        idle, short                    capacity that nobody asked for, and load that there was no capacity for
        """
        found: dict[tuple[str, str], float] = {}
        for load, plan in self.plans.items():
            number = self.names.row(load)
            if number < 0:
                continue
            row, forecast = self.rows[number], self.rows[number]["forecast"]
            if forecast["tested"] >= TESTED_LEAST and forecast["size"] > 0:
                found[plan.service, "forecast_error"] = float(forecast["spread"] / forecast["size"])
                found[plan.service, "forecast_bias"] = float(forecast["bias"] / forecast["size"])
                found[plan.service, "forecast_cover"] = float(forecast["cover"])
            if row["asked"] > 0:
                found[plan.service, "idle"] = float(row["idle"] / row["asked"])
                found[plan.service, "short"] = float(row["short"] / row["asked"])
        return found

    def _feed(self, row: np.void, plan: Plan, clock_ms: int) -> int:
        quantile = float(plan.scaling.quantile)
        return int(feed(row, clock_ms, plan.silent_ms, plan.horizon, float(plan.season_s), quantile))

    def _forecasts(self, plan: Plan, row: np.void, outlook: Outlook, clock_ms: int) -> list[Derived]:
        """Return forecast and band as readings of the time they are for; none that would be refused for its time."""
        at_s = float((row["fed"] + plan.horizon) * plan.step_s)
        if math.isnan(outlook.expected) or at_s > clock_ms / 1000 + self.settings.ahead_s:
            return []
        values = {"forecast": outlook.expected, "forecast_lower": outlook.lower, "forecast_upper": outlook.upper}
        return [Reading(series=beside(plan.scaling.load, w), value=v, at_s=at_s) for w, v in values.items()]

    def _need(self, plan: Plan, row: np.void, outlook: Outlook, clock_ms: int) -> tuple[Need | None, float | None]:
        """Return what a service needs and what it has; None where that is not known."""
        replicas_row = self.names.row(plan.replicas)
        current = None if replicas_row < 0 else float(self.rows[replicas_row]["last"])
        if plan.scaling.capacity is not None:
            if self._silent(row, plan, clock_ms):
                return None, current
            if current is not None:
                regret(row, float(row["now"]), current * plan.scaling.capacity)
            return need_of_load(plan.scaling, plan.scaling.capacity, float(row["now"]), outlook), current
        busy_row = -1 if plan.busy is None else self.names.row(plan.busy)
        if busy_row < 0 or current is None:
            return None, current
        busy = self.rows[busy_row]
        if busy_row != self.names.row(plan.load):
            self._feed(busy, plan, clock_ms)
        if self._silent(busy, plan, clock_ms):
            return None, current
        return need_of_use(plan.scaling, float(busy["now"]), current), current

    def _silent(self, row: np.void, plan: Plan, clock_ms: int) -> bool:
        """Say whether a series is not known well enough to act on it."""
        silent_ms = plan.silent_ms + 1000 * plan.step_s
        return math.isnan(row["now"]) or (not row["delta"] and bool(clock_ms >= row["opened_ms"] + silent_ms))

    def _propose(self, plan: Plan, row: np.void, need: Need, current: float | None, clock_ms: int) -> list[Derived]:
        """Return a proposal where the need differs from what there is, at most every 15 s unless the need changes."""
        scaling = plan.scaling
        bounded = float(min(max(need.replicas, scaling.minimum), scaling.maximum))
        # A service whose replicas nobody tells is taken to have its minimum.
        have = float(scaling.minimum) if current is None else current
        wanted = float(steady(row, bounded, have, clock_ms, int(1000 * scaling.stabilisation_s), 3 * plan.every_ms))
        if wanted == have:
            row["said_ms"] = 0
            return []
        if row["said_ms"] and row["said"] == wanted and clock_ms < row["said_ms"] + RESAY_MS:
            return []
        row["said_ms"], row["said"] = clock_ms, wanted
        patience = f"; not more for {scaling.stabilisation_s:g} s" if wanted < have else ""
        at_s = clock_ms / 1000
        return [
            Proposal(
                action="scale", target=plan.service, wanted=wanted, current=current, why=need.why + patience,
                effect=need.effect, at_s=at_s, expires_at_s=at_s + VALID_S, service=plan.service,
            )
        ]  # fmt: skip
