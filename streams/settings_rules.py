"""The rules of the settings that no type can say: what must fit together."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.ingest import FORMATS
from streams.settings_tree import Node, Path_, Problem, near
from streams.settings_walk import shown_value
from topics.catalogue import ALL
from topics.settings import Scaling, Settings

if TYPE_CHECKING:
    from streams.settings import Process

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
ROUTE = re.compile(r"/[^?#\s\x00-\x1f\x7f]{0,255}")
Rule = Iterator[tuple[Path_, str]]


def service_rules(root: Node, plain: dict[str, Any]) -> list[Problem]:
    """Return what is wrong in the services of settings that are still plain data, whose types are right."""
    return [Problem(place(root, path), path, text) for path, text in _service_rules(plain.get("services", {}))]


def rules_of(root: Node, process: Process, settings: Settings) -> list[Problem]:
    """Return everything else that is wrong in settings whose types are right."""
    found = [
        *_process_rules(process),
        *_source_rules(process, settings),
        *_network_rules(settings),
        *_span_rules(settings),
    ]
    return [Problem(place(root, path), path, text) for path, text in found]


def place(root: Node, path: Path_) -> str:
    """Return where a setting stands, or the nearest thing above it that stands anywhere."""
    node = root
    for step in path:
        parts = node.value
        in_list = isinstance(parts, list) and isinstance(step, int) and step < len(parts)
        if not in_list and not (isinstance(parts, dict) and step in parts):
            break
        node = parts[step]
    return node.where


def _process_rules(process: Process) -> Rule:
    broker, http = process.broker, process.http
    for i, address in enumerate(broker.addresses):
        host, _, port = address.rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535):
            yield ("broker", "addresses", i), f"expected host:port, found {shown_value(address)}"
    if broker.security.startswith("SASL") and (not broker.username or not broker.password):
        yield (
            ("broker", "security"),
            f"{broker.security} expects `username` and `password` beside it, found one or none of them",
        )
    if (broker.certfile is None) != (broker.keyfile is None):
        yield ("broker",), "expected `certfile` and `keyfile` together, found only one of them"
    for name in ("cafile", "certfile", "keyfile"):
        file = getattr(broker, name)
        if file is not None and not Path(file).is_file():
            yield ("broker", name), f"expected a file that is there, found none at {file!r}"
    if not http.is_loopback and not http.token:
        yield (
            ("http", "host"),
            f"{http.host} is reached from other machines and expects `http.token`, found none; set LUMINAR_HTTP__TOKEN",
        )


def _source_rules(process: Process, settings: Settings) -> Rule:
    own = {process.prefix + topic.name for topic in ALL}
    seen: set[str] = set()
    for i, source in enumerate(settings.sources):
        if source.format not in FORMATS:
            yield ("sources", i, "format"), f"unknown format {source.format!r}; {near(source.format, list(FORMATS))}"
        if not TOPIC_NAME.fullmatch(source.topic) or source.topic in (".", ".."):
            yield ("sources", i, "topic"), f"expected a Kafka topic's name, found {shown_value(source.topic)}"
        if source.topic in own:
            yield ("sources", i, "topic"), f"expected a topic of others, found {source.topic!r}, which is one of ours"
        if source.topic in seen:
            yield ("sources", i, "topic"), f"expected every topic once, found {source.topic!r} again"
        seen.add(source.topic)
        yield from _service_name(("sources", i, "service"), source.service)


def _service_name(path: Path_, name: str) -> Rule:
    if not 1 <= len(name.encode("utf-8", "surrogatepass")) <= 256 or "/" in name:
        yield path, f"expected a service's name of 1 to 256 bytes without a slash, found {shown_value(name)}"


def _service_rules(services: dict[str, dict[str, Any]]) -> Rule:
    for name, service in services.items():
        yield from _service_name(("services", name), name)
        for i, series in enumerate(service.get("main", ())):
            yield from _own_series(("services", name, "main", i), name, series)
        if service.get("scaling") is not None:
            yield from _scaling_rules(("services", name, "scaling"), name, service["scaling"])


def _scaling_rules(path: Path_, name: str, scaling: dict[str, Any]) -> Rule:
    for field in ("load", "utilisation", "replicas"):
        series = scaling.get(field)
        if series:
            yield from _own_series((*path, field), name, series)
    if not scaling["load"]:
        yield (*path, "load"), "expected a series, found an empty text"
    if scaling.get("capacity") is None and not scaling.get("utilisation"):
        yield path, "expected `capacity` (load that one replica can do) or `utilisation` (a series), found neither"
    default = Scaling(load="")
    minimum, maximum = scaling.get("minimum", default.minimum), scaling.get("maximum", default.maximum)
    if minimum > maximum:
        yield (*path, "minimum"), f"expected at most `maximum` ({maximum}), found {minimum}"


def _own_series(path: Path_, service: str, series: str) -> Rule:
    # A service's readings are all in one partition, those of another service need not be: nobody could see both.
    if not series.startswith(f"{service}/") or len(series) == len(service) + 1:
        yield path, f"expected a series of this service, '{service}/…', found {shown_value(series)}"


def _network_rules(settings: Settings) -> Rule:
    for i, source in enumerate(settings.sources):
        for k, proxy in enumerate(source.proxies):
            if not _is_network(proxy):
                yield ("sources", i, "proxies", k), f"expected a network like 10.0.0.0/8, found {proxy!r}"
    for i, limit in enumerate(settings.security.limits):
        if limit.network is not None and not _is_network(limit.network):
            yield ("security", "limits", i, "network"), f"expected a network like 10.0.0.0/8, found {limit.network!r}"
        if limit.route is not None and not ROUTE.fullmatch(limit.route):
            found = shown_value(limit.route)
            yield ("security", "limits", i, "route"), f"expected a path as it is sent, like /login, found {found}"
        if limit.by == "user" and limit.network is not None:
            network = f"found {limit.network!r} in one of users"
            yield ("security", "limits", i, "network"), f"expected a network in limits of clients only, {network}"
    lists = (
        (("decisions", "allow"), settings.decisions.allow),
        (("decisions", "genuine"), settings.decisions.genuine),
        (("scans", "own"), settings.scans.own),
    )
    for path, entries in lists:
        for i, entry in enumerate(entries):
            # Without a slash it may be an API key, which can be anything.
            if not entry or ("/" in entry and not _is_network(entry)):
                yield (*path, i), f"expected a network like 10.0.0.0/8, an address or an API key, found {entry!r}"


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _span_rules(settings: Settings) -> Rule:
    security, incidents = settings.security, settings.incidents
    if security.block_s > security.block_most_s:
        most = f"expected at most `block_most_s` ({security.block_most_s:g})"
        yield ("security", "block_s"), f"{most}, found {security.block_s:g}"
    if incidents.resolve_s > incidents.resolve_most_s:
        most = f"expected at most `resolve_most_s` ({incidents.resolve_most_s:g})"
        yield ("incidents", "resolve_s"), f"{most}, found {incidents.resolve_s:g}"
    for i, rule in enumerate(settings.patterns.rules):
        if rule.below > rule.above:
            yield (
                ("patterns", "rules", i, "below"),
                f"expected at most `above` ({rule.above:g}), found {rule.below:g}",
            )
    for i, window in enumerate(incidents.maintenance):
        if not 0 <= window.from_s < window.until_s:
            path = ("incidents", "maintenance", i, "until_s")
            yield path, f"expected a time after `from_s` ({window.from_s:g}), found {window.until_s:g}"
