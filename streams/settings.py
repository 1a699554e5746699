"""Every setting, read once and checked before the first record.

One file with two halves: how this process runs (`Process`, never in the log), and what it decides with
(`topics.settings.Settings`, carried by the log, so that a replay decides the same).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from streams.settings_rules import rules_of, service_rules
from streams.settings_tree import Node, SettingsRefused, put_environment, read_file
from streams.settings_walk import Walk
from topics.settings import Positive, Settings

__all__ = ["Broker", "Http", "Loaded", "Process", "SettingsRefused", "Worker", "load", "schema", "version_of"]

Port = Annotated[int, Meta(ge=0, le=65_535)]
SECRET = frozenset({"password", "token"})
SHORT = {"LUMINAR_BROKER": "LUMINAR_BROKER__ADDRESSES"}
"""Variables that say the most usual part of a section."""


class Section(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A section of the process settings; its secrets are not part of how it prints."""

    def __repr__(self) -> str:
        """Show every field but the secret ones."""
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in SECRET)
        return f"{type(self).__name__}({', '.join(shown)})"


class Broker(Section, frozen=True, kw_only=True):
    """Where Kafka is and how to be let in.

    addresses      "host:port" of some of its brokers
    security       how the connection is protected; SASL_ needs mechanism, username and password
    cafile         who may vouch for the broker (PEM); certfile, keyfile: who we are
    """

    addresses: Annotated[tuple[str, ...], Meta(min_length=1)] = ("127.0.0.1:9092",)
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str | None = None
    password: str | None = None


class Http(Section, frozen=True, kw_only=True):
    """Where a worker or the page answers; port 0 takes a free one; beyond the loopback a token is asked for."""

    host: str = "127.0.0.1"
    port: Port = 0
    token: str | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class Worker(Section, frozen=True, kw_only=True):
    """How a worker works.

    save_every_s   how often state is saved; save_bytes_per_s: at most so much of it
    fetch_bytes    how much one fetch may bring from one partition
    session_timeout_s  how long the group waits for a worker that fell silent
    tick_s         a partition silent for so long gets a tick
    grace_s        how long a stop may take
    relearn        learn pages that a newer version saved again from the log, in place of waiting for its workers
    """

    save_every_s: Positive = 1.0
    save_bytes_per_s: Annotated[int, Meta(ge=1 << 16)] = 8 << 20
    fetch_bytes: Annotated[int, Meta(ge=1 << 12, le=16 << 20)] = 256_000
    session_timeout_s: Annotated[float, Meta(ge=1)] = 6.0
    tick_s: Annotated[float, Meta(ge=0.05)] = 1.0
    grace_s: Positive = 10.0
    relearn: bool = False


class Process(Section, frozen=True, kw_only=True):
    """How this process runs.

    prefix         stands before the name of every topic of ours, "luminar."; the topics of `sources` are named in full
    group          the consumer group that shares the work
    partitions     of every topic; replication: how many brokers keep each
    """

    broker: Broker = Broker()
    prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    group: Annotated[str, Meta(min_length=1, max_length=200)] = "luminar"
    partitions: Annotated[int, Meta(ge=1, le=10_000)] = 12
    replication: Annotated[int, Meta(ge=1, le=100)] = 1
    http: Http = Http()
    worker: Worker = Worker()


@dataclass(frozen=True)
class Loaded:
    """The settings of a process; `version` names the half that decides: equal versions mean equal settings."""

    process: Process
    settings: Settings
    version: str


def load(path: Path | str | None = None, env: Mapping[str, str] | None = None) -> Loaded:
    """Read a settings file and lay the environment over it; what is left out has a default that is safe to run with.

    Raises SettingsRefused with everything that is wrong: file and line, what was expected, what was found.

    >>> load(env={"LUMINAR_ANOMALY__WARMUP": "80", "LUMINAR_BROKER": "kafka:9092"}).settings.anomaly.warmup
    80
    """
    root = Node({}, "settings") if path is None else read_file(Path(path))
    root = Node({}, root.where) if root.value is None else root
    if isinstance(root.value, dict):
        _spell_out_broker(root)
        put_environment(root, env or {}, {*Process.__struct_fields__, *Settings.__struct_fields__}, SHORT)
    walk = Walk(root, SECRET)
    plain = walk.structs((Process, Settings))
    # Each kind of rule stands on what the kind before it made sure of.
    problems = walk.problems or service_rules(root, plain)
    if not problems:
        process, settings = msgspec.convert(plain, Process), msgspec.convert(plain, Settings)
        problems = rules_of(root, process, settings)
        if not problems:
            return Loaded(process, settings, version_of(settings))
    raise SettingsRefused(problems)


def version_of(settings: Settings) -> str:
    """Return the name of settings: twelve hexadecimal digits of the hash of their content."""
    return hashlib.sha256(msgspec.json.encode(settings, order="sorted")).hexdigest()[:12]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a settings file, for editors."""
    from streams.ingest import FORMATS

    (_, _), components = msgspec.json.schema_components((Process, Settings))
    halves = components.pop("Process"), components.pop("Settings")
    components["Source"]["properties"]["format"]["enum"] = sorted(FORMATS)
    for component in components.values():
        component["additionalProperties"] = False
    broker = {"anyOf": [{"$ref": "#/$defs/Broker"}, {"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Luminar",
        "type": "object",
        "properties": {**halves[0]["properties"], **halves[1]["properties"], "broker": broker},
        "additionalProperties": False,
        "$defs": components,
    }


def _spell_out_broker(root: Node) -> None:
    """Let `broker: host:port` say what `broker: {addresses: [host:port]}` says."""
    node = root.value.get("broker")
    if isinstance(node, Node) and isinstance(node.value, str | list):
        root.value["broker"] = Node({"addresses": node}, node.where, key_where={"addresses": node.where})
