"""The settings of every capability: what an operator decides, carried by the log so that a replay decides the same."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from topics import Record, Topic
from topics.settings_parts import Count as Count
from topics.settings_parts import Part as Part
from topics.settings_parts import Positive as Positive
from topics.settings_parts import Share as Share
from topics.settings_security import Limit as Limit
from topics.settings_security import SecuritySettings as SecuritySettings


class Source(Part, frozen=True, kw_only=True):
    """A topic of foreign records: its name, its format, and the service where records name none.

    proxies        networks whose X-Forwarded-For is believed, counted from the right; nobody else's is
    """

    topic: str
    format: str
    service: str = "default"
    proxies: tuple[str, ...] = ()


class Scaling(Part, frozen=True, kw_only=True):
    """How a service scales. Its series are its own: their names begin with the service.

    load           the series that says how much is asked, "shop/requests"; per second where its readings are deltas or
                   totals
    capacity       how much of it one replica can do; without it, `utilisation` and `target_utilisation` decide
    utilisation    the series that says which share of the replicas is busy, 0 to 1
    replicas       the series that says how many replicas there are now; "SERVICE/replicas" where none is named
    throughput     the series that says how much of the load is done, in its unit; where added replicas do not raise it,
                   no more are added for half an hour
    partitions     of the topic that its replicas consume: only counts are wanted that share them evenly enough
    start_s        how long a new replica needs until it works: so far ahead the forecast looks
    stabilisation_s how long the need must stay below before replicas are taken away
    quantile       of the forecast's band that is sized for
    headroom       so many times that is sized for: what no forecast can know
    every_s        how often the need is weighed
    silent_s       without readings for so long, a gauge says nothing more, and deltas are nought
    season_s       of the load's profile; where none is named, that of `anomaly`
    """

    load: str
    capacity: Positive | None = None
    utilisation: str | None = None
    target_utilisation: Share = 0.7
    replicas: str = ""
    throughput: str | None = None
    partitions: Count | None = None
    minimum: Count = 1
    maximum: Count = 10
    start_s: Positive = 60.0
    stabilisation_s: Annotated[float, Meta(ge=0)] = 300.0
    quantile: Share = 0.7
    headroom: Annotated[float, Meta(ge=1)] = 1.2
    every_s: Annotated[float, Meta(ge=1)] = 5.0
    silent_s: Positive = 120.0
    season_s: Positive | None = None

    def __post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum must not be above maximum, got {self.minimum} and {self.maximum}")


class Service(Part, frozen=True, kw_only=True):
    """What is known of a service.

    scaling        how it scales; main: its main series for joint judgement (at most 24)
    latency_s      the latency that it is to keep to; where none is named, a rule of `patterns` may have one for all
    """

    scaling: Scaling | None = None
    latency_s: Positive | None = None
    main: Annotated[tuple[str, ...], Meta(max_length=24)] = ()


class AnomalySettings(Part, frozen=True, kw_only=True):
    """The judgement of readings.

    season_s       length of the season whose profile is learned; used for a series only once it lowers its loss
    alarms_per_day how many alarms a series may have a day that nobody needs: what is usual once in so long is said
    warmup         how many readings a series is learned silently
    bucket_s       deltas are added up over so many seconds
    missing        a series is missing after this many of its usual intervals, but not before missing_least_s: a worker
                   that is replaced says nothing for some seconds; what it derives each second is not missing then
    joint          whether a service's main series are judged together
    """

    season_s: Positive = 86_400.0
    alarms_per_day: Positive = 0.1
    warmup: Count = 60
    bucket_s: Positive = 10.0
    missing: Annotated[float, Meta(ge=1.5)] = 3.0
    missing_least_s: Annotated[float, Meta(ge=1)] = 15.0
    joint: bool = True


class Threshold(Part, frozen=True, kw_only=True):
    """A fixed threshold for series of certain names, beside what is learned of them.

    name           what it is called where it is said
    metrics        names without service and labels, "*" for any part: "cpu*_percent"
    above          said when a series is at least that for `for_s`; over when it is below `below` for as long. Shares
                   from 0 to 1 and seconds, whatever the series' own unit: `_percent`, `_ms`, `_us` are recognised
    of_load        whether what is held against it is the share of the service's load: errors of requests
    service        the service it is meant for; none: every one
    """

    name: str
    metrics: tuple[str, ...]
    above: Positive
    below: Positive
    for_s: Annotated[float, Meta(ge=0)] = 60.0
    of_load: bool = False
    service: str | None = None


CPU = ("cpu*_percent", "cpu*_ratio", "cpu*utilisation")
MEMORY = ("memory*_percent", "memory*_ratio", "memory*utilisation")
LATENCY = ("latency_s", "latency_ms", "latency_s_p95", "latency_ms_p95", "latency_p95_s", "latency_p95_ms")
ERROR_SHARES = ("error*_ratio", "error*_percent")
RULES = (
    Threshold(name="cpu", metrics=CPU, above=0.8, below=0.7),
    Threshold(name="memory", metrics=MEMORY, above=0.85, below=0.8),
    Threshold(name="latency", metrics=LATENCY, above=1.0, below=0.8),
    Threshold(name="errors", metrics=ERROR_SHARES, above=0.05, below=0.03),
    Threshold(name="errors", metrics=("errors", "errors_per_s"), above=0.05, below=0.03, of_load=True),
)


class PatternSettings(Part, frozen=True, kw_only=True):
    """What operators have names for: shapes of one series, several series of a service that move together, thresholds.

    Metrics are named without service and labels, "*" for any part.

    warmup         how many buckets a series is learned silently
    load, errors, cpu, memory  which series of a service those are; of several the first by name without labels counts
    stocks         what fills up, or runs out: names that hold `free` or `available` run out at 0, shares are full at 1
    full_at        of stocks in other units: at which value a series, "shop/memory_bytes", is full
    full_within_s  a stock that will be full so soon, if it goes on as it does, is said
    rhythm_least_s what comes more often than that has no rhythm to break
    rules          fixed thresholds; the first that fits a series counts
    """

    enabled: bool = True
    warmup: Count = 60
    load: tuple[str, ...] = ("requests", "requests_per_s", "load")
    errors: tuple[str, ...] = ("errors", "errors_per_s", *ERROR_SHARES)
    cpu: tuple[str, ...] = (*CPU, "utilisation")
    memory: tuple[str, ...] = ("memory*", "heap*", "rss*")
    stocks: tuple[str, ...] = ("disk*", "volume*", "filesystem*", "inode*", "memory*", "heap*")
    full_at: dict[str, Positive] = msgspec.field(default_factory=dict)
    full_within_s: Positive = 14_400.0
    rhythm_least_s: Positive = 600.0
    rules: tuple[Threshold, ...] = RULES


class ScanSettings(Part, frozen=True, kw_only=True):
    """The judgement of connections.

    alpha          how likely a visitor may be taken for a scanner
    half_life_s    what was tried so long ago counts half
    own            networks and addresses of our own, which are never judged
    """

    alpha: Annotated[float, Meta(gt=0, le=0.1)] = 1e-4
    half_life_s: Positive = 259_200.0
    own: tuple[str, ...] = ()


class FloodSettings(Part, frozen=True, kw_only=True):
    """The judgement of how many requests a service gets, and what they are made of, by ten seconds.

    least          so few requests in ten seconds are no flood
    times          a flood is at least so many times what is expected
    heavy_most     so many clients at once are blocked as heavy hitters
    login_clients  failed logins of fewer clients in five minutes are no stuffing; login_times: of so many times what is
                   usual, and of more than logins that work no more can explain, they are
    """

    least: Count = 200
    times: Annotated[float, Meta(ge=1)] = 2.0
    heavy_most: Annotated[int, Meta(ge=1, le=12)] = 10
    login_clients: Count = 20
    login_times: Annotated[float, Meta(ge=1)] = 3.0


class Maintenance(Part, frozen=True, kw_only=True):
    """A time in which a service's incidents are not said; service "*": those of all services."""

    service: str
    from_s: float
    until_s: float
    why: str = ""


class IncidentSettings(Part, frozen=True, kw_only=True):
    """The grouping of signals into alerts.

    fire_after     so many signals of a service within `window_s` make an incident fire; threats and faults do at once
    resolve_s      without signals for so long, it is resolved; doubled for each return within `flap_s`, up to
                   `resolve_most_s`
    resend_s       how often a firing alert is said again
    """

    fire_after: Count = 2
    window_s: Positive = 60.0
    resolve_s: Positive = 60.0
    resolve_most_s: Positive = 960.0
    flap_s: Positive = 600.0
    resend_s: Positive = 60.0
    maintenance: tuple[Maintenance, ...] = ()


class DecisionSettings(Part, frozen=True, kw_only=True):
    """The rules under which proposals become commands and blocks.

    enabled        the kill switch: False refuses every action
    dry_run        actions that are decided and said as refused, never ordered
    allow          networks and clients that are never blocked
    genuine        networks under whose addresses nobody else can send to us, since routers before us check them: only
                   there a port scan alone leads to a block; "0.0.0.0/0" and "::/0" for wherever it comes from
    cooldown_s     the least time between two commands for one target
    blocks_per_minute  the most new blocks in any minute
    blocks_most    the most blocks at one time
    command_expires_s  after which nobody obeys a command
    spare_s        how long a client whose block a person lifted is not blocked again
    """

    enabled: bool = True
    dry_run: tuple[Literal["scale", "block"], ...] = ()
    allow: tuple[str, ...] = ("127.0.0.1/32", "::1/128")
    genuine: tuple[str, ...] = ()
    cooldown_s: Annotated[float, Meta(ge=0)] = 30.0
    blocks_per_minute: Count = 60
    blocks_most: Annotated[int, Meta(ge=1, le=10_000)] = 5_000
    command_expires_s: Positive = 300.0
    spare_s: Annotated[float, Meta(ge=0)] = 60.0


class Settings(Record, frozen=True, kw_only=True, omit_defaults=False):
    """Everything an operator decides.

    ahead_s        a record stamped further ahead of its append time is refused
    late_s         a record older than this when it is appended teaches but raises no alarm
    """

    ahead_s: Positive = 300.0
    late_s: Positive = 300.0
    services: dict[str, Service] = msgspec.field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    anomaly: AnomalySettings = AnomalySettings()
    patterns: PatternSettings = PatternSettings()
    security: SecuritySettings = SecuritySettings()
    scans: ScanSettings = ScanSettings()
    floods: FloodSettings = FloodSettings()
    incidents: IncidentSettings = IncidentSettings()
    decisions: DecisionSettings = DecisionSettings()

    def __post_init__(self) -> None:
        for name, service in self.services.items():
            scaling = service.scaling
            its = (scaling.load, scaling.utilisation, scaling.replicas, scaling.throughput) if scaling else ()
            for series in its:
                if series and not series.startswith(f"{name}/"):
                    # One partition's log tells of one service: another's series would never be seen beside it.
                    raise ValueError(f"service {name!r} scales by its own series, '{name}/...', got {series!r}")

    def key(self) -> str:
        """Return the one key of the topic."""
        return "settings"


class SettingsRecord(Record, frozen=True, kw_only=True):
    """The settings to be in force, with their version and who put them there."""

    version: str
    settings: Settings
    author: str = ""

    def key(self) -> str:
        """Return the one key of the topic."""
        return "settings"


SETTINGS = Topic("settings", (SettingsRecord,), key='"settings"', compact=True)


def plain(settings: Settings) -> Any:
    """Return settings as plain data."""
    return msgspec.to_builtins(settings)
