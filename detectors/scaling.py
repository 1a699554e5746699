"""Scaling: how many replicas a service needs, now and by the time a new one would work."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bank import NEVER, Finding, service_of
from detectors.columns import Columns, Flags, Ints, Run
from detectors.forecast import HORIZON_MOST, TESTED_LEAST
from detectors.rows import RowBank
from detectors.scaling_rows import Outcome, Row, Rule, next_beat_ms, pour_rows, weigh_rows
from topics import Derived
from topics.metrics import Reading
from topics.proposals import Proposal
from topics.settings import Scaling, Settings

VALID_S = 60.0


class Plan(NamedTuple):
    """How a service scales, in the units of the rows.

    load, busy, replicas  its series; busy: which share of the replicas is; done: how much of the load was
    forecasts      what the forecasts are called
    step_s         length of a bucket; horizon: so many of them ahead a replica started now would work
    """

    service: str
    scaling: Scaling
    load: bytes
    busy: bytes | None
    replicas: bytes
    done: bytes | None
    step_s: float
    horizon: int
    season_s: float
    every_ms: int
    silent_ms: int
    forecasts: tuple[str, ...]


class Weighed(NamedTuple):
    """What came of weighing a service's need, as `Outcome` describes it."""

    row: int
    fed: int
    until: int
    known: int
    told: int
    expected: float
    lower: float
    upper: float
    now: float
    peak: float
    needed: float
    current: float
    wanted: float
    ceiling: float


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
        done=None if scaling.throughput is None else scaling.throughput.encode(),
        step_s=step_s,
        horizon=math.ceil(scaling.start_s / step_s) + 1,
        season_s=scaling.season_s or season_s,
        every_ms=int(1000 * scaling.every_s),
        silent_ms=int(1000 * scaling.silent_s),
        forecasts=tuple(beside(scaling.load, what) for what in ("forecast", "forecast_lower", "forecast_upper")),
    )


def rule_of(plan: Plan) -> NDArray[np.void]:
    """Return what the kernel needs of a plan."""
    scaling, rule = plan.scaling, np.zeros((), Rule)
    rule["step_s"], rule["season_s"], rule["quantile"] = plan.step_s, plan.season_s, scaling.quantile
    rule["capacity"] = math.nan if scaling.capacity is None else scaling.capacity
    rule["target"], rule["headroom"] = scaling.target_utilisation, scaling.headroom
    rule["minimum"], rule["maximum"], rule["partitions"] = scaling.minimum, scaling.maximum, scaling.partitions or 0
    rule["every_ms"], rule["horizon"], rule["silent_ms"] = plan.every_ms, plan.horizon, plan.silent_ms
    rule["patience_ms"] = int(1000 * scaling.stabilisation_s)
    return rule


def beside(series: str, what: str) -> str:
    """Return the name of a series that belongs to another one.

    >>> beside("shop/requests{route=/pay}", "forecast")
    'shop/requests_forecast{route=/pay}'
    """
    metric, brace, labels = series.partition("{")
    return f"{metric}_{what}{brace}{labels}"


def reason_of(plan: Plan, its: Weighed) -> tuple[str, str]:
    """Return why so many replicas are wanted, and what is expected of them."""
    scaling, capacity = plan.scaling, plan.scaling.capacity
    if capacity is None:
        why = f"replicas {its.now:.0%} busy, {scaling.target_utilisation:.0%} wanted"
        effect = f"{its.current * its.now / max(its.needed, 1):.0%} busy" if its.needed != its.current else ""
    else:
        ahead = ""
        if not math.isnan(its.upper):
            ahead = f", in {scaling.start_s:g} s up to {its.upper:.4g}, headroom {scaling.headroom:g}"
        name = scaling.load.partition("/")[2]
        why = f"need {its.peak:.4g} of {name} (now {its.now:.4g}{ahead}) / {capacity:g} per replica"
        effect = f"{its.peak / (max(its.needed, 1) * capacity):.0%} of the capacity used"
    have = scaling.minimum if math.isnan(its.current) else its.current
    return why + (f"; not more for {scaling.stabilisation_s:g} s" if its.wanted < have else ""), effect


class ScalingBank(RowBank):
    """Weighs the need of each service that scales, every few seconds, against the replicas it has.

    Only the series that the settings name have rows; all of a service's are in one page. The row of the load holds what
    belongs to the service as a whole.
    """

    capability = "scaling"
    version = 3
    key = "series"
    dtype = Row

    def __init__(self, settings: Settings, owns: Callable[[bytes], bool] | None = None) -> None:
        self.plans: dict[bytes, Plan] = {}
        self.rules = np.zeros(64, Rule)
        self._due_ms: int | None = NEVER
        self._partners: Ints | None = None
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
        self.steps = {
            name: plan.step_s for plan in plans for name in (plan.busy, plan.done, plan.replicas, plan.load) if name
        }
        self.want(set(self.steps))
        self._paces = {plan.every_ms for plan in plans}
        self._due_ms = None
        rows = self.living()
        self.admitted(rows, [self.name_of[row] for row in rows.tolist()])

    def group(self, name: bytes) -> bytes:
        """Return the service of a series."""
        return service_of(name)

    def admitted(self, rows: Ints, names: Sequence[bytes]) -> None:
        """Note by what times rows are bucketed and weighed; 0: they are not."""
        if len(self.rules) < len(self.rows):
            self.rules = np.resize(self.rules, len(self.rows))
        for row, name in zip(rows.tolist(), names, strict=True):
            plan = self.plans.get(name)
            self.rules[row] = np.zeros((), Rule) if plan is None else rule_of(plan)
            self.rules[row]["step_s"] = self.steps.get(name, 0.0)
        self._due_ms = self._partners = None

    def dropped(self, row: int, name: bytes) -> None:
        """Weigh it no more."""
        self._due_ms = self._partners = None

    @property
    def partners(self) -> Ints:
        """Return int64 [3, rows]: by the row of a load, those of utilisation, replicas, and what is done; -1: none."""
        if self._partners is None:
            self._partners = np.full((3, len(self.rows)), -1, np.int64)
            row = self.names.row
            for load, plan in self.plans.items():
                if (number := row(load)) >= 0:
                    for k, name in enumerate((plan.busy, plan.replicas, plan.done)):
                        self._partners[k, number] = -1 if name is None else row(name)
        return self._partners

    @property
    def due_ms(self) -> int:
        """Return when the need of a service is next to be weighed."""
        if self._due_ms is None:
            due_ms = self.rows["due_ms"]
            self._due_ms = int(due_ms[due_ms > 0].min(initial=NEVER))
        return self._due_ms

    def soonest_ms(self, columns: Columns, clock_ms: Ints, start: int, end: int) -> int:
        """Return the next moment at which any service can be due: those of one pace are weighed on one grid."""
        return min((int(next_beat_ms(int(clock_ms[start]), every_ms)) for every_ms in self._paces), default=NEVER)

    def fold_rows(self, columns: Columns, ids: NDArray[np.int64], run: Run, start: int, end: int) -> list[Finding]:
        """Put readings into their buckets; what follows from them is concluded when time passes."""
        number = columns.number
        due_ms = pour_rows(
            self.rows, ids, number["value"], number["at_s"], columns.code["kind"], run.clock_ms, start, end,
            self.rules,
        )  # fmt: skip
        self._due_ms = min(self.due_ms, int(due_ms))
        return []

    def pass_time(self, clock_ms: int, ready: Flags) -> list[Derived]:
        """Weigh the need of every service whose time has come."""
        if self.due_ms > clock_ms:
            return []
        due_ms = self.rows["due_ms"]
        due = np.flatnonzero((due_ms > 0) & (due_ms <= clock_ms))
        due = due[ready[self.pages[due]]]
        busy, replicas, done = self.partners[:, due]
        outcomes = np.zeros(len(due), Outcome)
        weigh_rows(self.rows, self.rules, due, busy, replicas, done, clock_ms, outcomes)
        self.dirty[self.pages[due]] = True
        self._due_ms = None
        return [*self._forecasts(outcomes, clock_ms), *self._proposals(outcomes, clock_ms)]

    def figures(self) -> dict[tuple[str, str], float]:
        """Return, by service and figure, how good its forecasts and its provision were lately, as shares of its load.

        forecast_error, forecast_bias  mean size of the errors at the horizon, and their mean with its sign
        forecast_cover                 of the values, in the band
        idle, short                    capacity that nobody asked for, and load that there was no capacity for
        ceiling                        replicas, no share: more of them gave nothing
        ours_*, reactive_*             the same, had the proposals been obeyed; had the load of now alone decided
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
            if row["margin"]["ceiling"]:
                found[plan.service, "ceiling"] = float(row["margin"]["ceiling"])
            for rule in ("ours", "reactive"):
                its = row[rule]
                if its["steps"] and its["asked"] > 0:
                    found[plan.service, f"{rule}_idle"] = float(its["idle"] / its["asked"])
                    found[plan.service, f"{rule}_short"] = float(its["short"] / its["asked"])
        return found

    def _forecasts(self, outcomes: NDArray[np.void], clock_ms: int) -> Iterator[Derived]:
        """Yield forecasts and bands as readings of the time they are for; none that would be refused for its time."""
        fed = outcomes[(outcomes["fed"] > 0) & ~np.isnan(outcomes["expected"])]
        latest_s = clock_ms / 1000 + self.settings.ahead_s
        for row, until, *values in fed[["row", "until", "expected", "lower", "upper"]].tolist():
            plan = self.plans[self.name_of[row]]
            at_s = (until + plan.horizon) * plan.step_s
            if at_s <= latest_s:
                for series, value in zip(plan.forecasts, values, strict=True):
                    yield Reading(series=series, value=value, at_s=at_s)

    def _proposals(self, outcomes: NDArray[np.void], clock_ms: int) -> Iterator[Derived]:
        """Yield what is wanted and to be told."""
        for outcome in outcomes[outcomes["told"] > 0].tolist():
            its = Weighed(*outcome)
            yield _proposal(self.plans[self.name_of[its.row]], its, clock_ms)


def _proposal(plan: Plan, its: Weighed, clock_ms: int) -> Proposal:
    (why, effect), at_s = reason_of(plan, its), clock_ms / 1000
    current = None if math.isnan(its.current) else its.current
    return Proposal(
        action="scale", target=plan.service, wanted=its.wanted, current=current,
        why=why, effect=effect, at_s=at_s, expires_at_s=at_s + VALID_S, service=plan.service,
    )  # fmt: skip
