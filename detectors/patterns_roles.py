"""Roles: what a series is to its service by the name of its metric, in which unit it is, which threshold it has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fnmatch import translate
from typing import NamedTuple

from detectors.bank import service_of
from topics.settings import Settings, Threshold

# What a series is to its service, in the order of their numbers.
NONE, LOAD, ERRORS, CPU, MEMORY = range(-1, 4)
ROLES = 4
KNOWN_MOST = 65_536

_UNIT = re.compile(r"_(percent|ms|us)(_p\d+)?$")
_SCALES = {"percent": 0.01, "ms": 1e-3, "us": 1e-6}
_SHARE = re.compile(r"(_percent|_ratio|utilisation)$")
_RUNS_OUT = re.compile(r"free|avail")


class Trait(NamedTuple):
    """What is known of a series by its name.

    role           what it is to its service; NONE: nothing in particular
    scale          a value times that is a share from 0 to 1, seconds, or what it is
    share          whether it is a share
    sign           of a stock: 1 where it fills up, -1 where it runs out; 0: it is none
    full           the value, times scale and sign, at which a stock is full; NaN: nobody knows
    above, below, for_s  its threshold, NaN where it has none; of_load: of the share of the service's load
    rule           what the threshold is called; target: it is the service's own
    plain          a series without labels
    """

    role: int = NONE
    scale: float = 1.0
    share: bool = False
    sign: float = 0.0
    full: float = math.nan
    above: float = math.nan
    below: float = math.nan
    for_s: float = 0.0
    of_load: bool = False
    rule: str = ""
    target: bool = False
    plain: bool = True

    @property
    def watched(self) -> bool:
        """Whether its shapes are judged: one of many series that differ by their labels only is not."""
        return self.plain or self.sign != 0 or not math.isnan(self.above)


def matcher(names: Iterable[str]) -> re.Pattern[str]:
    """Return what matches any of the names, in which "*" stands for any part.

    >>> bool(matcher(["cpu*_percent"]).match("cpu_user_percent"))
    True
    """
    return re.compile("|".join(map(translate, names)) or r"(?!)")


class Roles:
    """The traits of series under given settings.

    >>> roles = Roles(Settings())
    >>> cpu = roles.of(b"shop/cpu_percent")
    >>> cpu.role == CPU, cpu.scale, cpu.above
    (True, 0.01, 0.8)
    >>> roles.of(b"shop/disk_free_ratio{mount=/}").full
    0.0
    """

    def __init__(self, settings: Settings) -> None:
        its = settings.patterns
        self._full_at = {name.encode(): full for name, full in its.full_at.items()}
        self._services = {name.encode(): service.latency_s for name, service in settings.services.items()}
        self._own = {rule.service.encode() for rule in its.rules if rule.service is not None}
        self._roles = [matcher(names) for names in (its.load, its.errors, its.cpu, its.memory)]
        self._stocks = matcher(its.stocks)
        self._rules = [(rule, matcher(rule.metrics)) for rule in its.rules]
        self._latency = matcher(name for rule in its.rules if rule.name == "latency" for name in rule.metrics)
        self._known: dict[tuple[bytes, bytes, bool], Trait] = {}

    def of(self, series: bytes) -> Trait:
        """Return the trait of a series."""
        service, name = service_of(series), series.split(b"{", 1)[0]
        metric = name.split(b"/", 1)[-1]
        special = service if service in self._services or service in self._own or name in self._full_at else b""
        key = (special, metric, len(name) == len(series))
        trait = self._known.get(key)
        if trait is None:
            if len(self._known) >= KNOWN_MOST:
                self._known.clear()
            trait = self._known[key] = self._made(service, name, metric.decode("utf-8", "replace"), key[2])
        return trait

    def _made(self, service: bytes, name: bytes, metric: str, plain: bool) -> Trait:
        unit = _UNIT.search(metric)
        scale = _SCALES[unit[1]] if unit else 1.0
        share = bool(_SHARE.search(metric))
        role = next((k for k, names in enumerate(self._roles) if names.match(metric)), NONE) if plain else NONE
        trait = Trait(role=role, scale=scale, share=share, plain=plain)
        if self._stocks.match(metric):
            sign = -1.0 if _RUNS_OUT.search(metric) else 1.0
            full = scale * self._full_at.get(name, math.nan) if name in self._full_at else 1.0 if share else math.nan
            trait = trait._replace(sign=sign, full=0.0 if sign < 0 else full)
        rule, target = self._rule_of(service, metric)
        if rule is not None and (plain or not rule.of_load):
            trait = trait._replace(above=rule.above, below=rule.below, for_s=rule.for_s, of_load=rule.of_load)
            trait = trait._replace(rule=rule.name, target=target)
        return trait

    def _rule_of(self, service: bytes, metric: str) -> tuple[Threshold | None, bool]:
        name = service.decode("utf-8", "replace")
        meant = (rule for rule, names in self._rules if rule.service in (None, name) and names.match(metric))
        rule, target_s = next(meant, None), self._services.get(service)
        if target_s is None or not self._latency.match(metric):
            return rule, False
        for_s = 60.0 if rule is None else rule.for_s
        return Threshold(name="latency", metrics=(), above=target_s, below=0.9 * target_s, for_s=for_s), True
