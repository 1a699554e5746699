"""What the page knows: a fold of the topics' records, without clock and without I/O."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar, cast

import msgspec

from streams.web.rings import POINTS_MOST, Ring, Shelf
from topics import Derived, Topic
from topics.alerts import ALERTS, Alert
from topics.blocklist import BLOCKLIST, Block
from topics.commands import COMMANDS, Command
from topics.metrics import METRICS, Reading
from topics.proposals import REFUSALS, Refusal
from topics.signals import SIGNALS, Anomaly, Threat

SECTIONS = ("link", "series", "signals", "alerts", "commands", "blocks", "refusals", "group", "rates")
READ: tuple[Topic, ...] = (METRICS, SIGNALS, ALERTS, COMMANDS, BLOCKLIST, REFUSALS)
FORECAST = ("_forecast", "_forecast_lower", "_forecast_upper")


RecordT = TypeVar("RecordT", bound=Derived, covariant=True)


class Heard(NamedTuple):
    """A record as it stands in the log: topic without prefix, append time in seconds, key and value as they came."""

    topic: str
    partition: int
    offset: int
    at_s: float
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class Said(Generic[RecordT]):
    """A record that was understood, and where it stands."""

    record: RecordT
    topic: str
    partition: int
    offset: int
    at_s: float


@dataclass(frozen=True)
class Link:
    """How the page stands with Kafka.

    state          "connecting" (never reached yet), "catching up" (reads the past), "following", "lost"
    since_s        when it came to be so; why: what the client said when it was lost
    """

    state: Literal["connecting", "catching up", "following", "lost"] = "connecting"
    since_s: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Member:
    """A worker: who, where, and how many partitions of each topic it holds."""

    name: str
    host: str
    partitions: dict[str, int]


@dataclass(frozen=True)
class Group:
    """The consumer group: its state in Kafka's words, its members, and each topic's lag in records.

    lag            records behind the end, by topic; partitions: the lag of each of a topic's partitions
    """

    name: str = ""
    state: str = ""
    members: tuple[Member, ...] = ()
    lag: dict[str, int] = field(default_factory=dict)
    partitions: dict[str, dict[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """The most that is remembered."""

    series: int = 5_000
    points: int = POINTS_MOST
    signals: int = 2_000
    alerts: int = 500
    commands: int = 500
    blocks: int = 10_000
    refusals: int = 500


class View:
    """Everything the page shows, as of the records taken so far.

    Taking a record twice changes nothing but a gauge's mean within its second; copies of one conclusion count once.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits if limits is not None else Limits()
        self.stamps: Counter[str] = Counter()
        self.link = Link()
        self.group = Group()
        self.rates: dict[str, float] = {}
        self.asked: dict[str, float] = {}
        self.clock_s = 0.0
        self.skipped = 0
        self._verbs: dict[str, Callable[[Any, Heard], None]] = {
            METRICS.name: self._reading,
            SIGNALS.name: self._signal,
            ALERTS.name: self._alert,
            COMMANDS.name: self._command,
            BLOCKLIST.name: self._block,
            REFUSALS.name: self._refusal,
        }
        self._decoders = {topic.name: topic.decoder() for topic in READ}
        self.forget()

    def forget(self) -> None:
        """Start from nothing, as when another Kafka answers at the same address."""
        limits = self.limits
        self.series: OrderedDict[str, Ring] = OrderedDict()
        self.unusual: Shelf[float] = Shelf(limits.series)
        self.signals: Shelf[Said[Anomaly | Threat]] = Shelf(limits.signals)
        self.alerts: Shelf[Said[Alert]] = Shelf(limits.alerts)
        self.commands: Shelf[Said[Command]] = Shelf(limits.commands)
        self.blocks: Shelf[Said[Block]] = Shelf(limits.blocks)
        self.refusals: Shelf[Said[Refusal]] = Shelf(limits.refusals)
        self.stamps.update(SECTIONS)

    def take(self, heard: Heard) -> None:
        """Fold one record in; ticks, other control records and what does not decode are passed over."""
        self.clock_s = max(self.clock_s, heard.at_s)
        if heard.value is None:
            self._tombstone(heard)
            return
        try:
            record = self._decoders[heard.topic].decode(heard.value)
        except msgspec.DecodeError:
            return
        self._verbs[heard.topic](record, heard)

    def _tombstone(self, heard: Heard) -> None:
        name = (heard.key or b"").decode("utf-8", "replace")
        if heard.topic == BLOCKLIST.name:
            self.asked.pop(name, None)
            self.blocks.drop(name)
            self.stamps["blocks"] += 1
        elif heard.topic == ALERTS.name:
            self.alerts.drop(name)
            self.stamps["alerts"] += 1

    def _reading(self, reading: Reading, heard: Heard) -> None:
        # Sketches are parts of what becomes a reading later; alone they show nothing.
        if reading.kind == "sketch" or reading.problem() is not None:
            return
        ring = self.series.get(reading.series)
        if ring is None:
            ring = self.series[reading.series] = Ring(self.limits.points)
            self.stamps["series"] += 1
        self.series.move_to_end(reading.series)
        if ring.take(reading):
            self.stamps[reading.series] += 1
        if len(self.series) > self.limits.series:
            forgotten, _ = self.series.popitem(last=False)
            del self.stamps[forgotten]

    def _signal(self, signal: Anomaly | Threat, heard: Heard) -> None:
        if not self.signals.keep(_identity(signal, heard), _said(signal, heard)):
            return
        self.stamps["signals"] += 1
        if isinstance(signal, Anomaly):
            self.unusual.put(signal.series, signal.at_s)
            if signal.series in self.series:
                self.stamps[signal.series] += 1

    def _alert(self, alert: Alert, heard: Heard) -> None:
        known = self.alerts.get(alert.id)
        # A copy said again by a worker that was thought dead comes late and is older than what is shown.
        if known is not None and known.record.at_s > alert.at_s:
            return
        self.alerts.put(alert.id, _said(alert, heard))
        self.stamps["alerts"] += 1

    def _command(self, command: Command, heard: Heard) -> None:
        if self.commands.keep(command.id, _said(command, heard)):
            self.stamps["commands"] += 1

    def _block(self, block: Block, heard: Heard) -> None:
        self.blocks.put(block.client, _said(block, heard))
        self.asked.pop(block.client, None)
        self.stamps["blocks"] += 1

    def _refusal(self, refusal: Refusal, heard: Heard) -> None:
        if self.refusals.keep(_identity(refusal, heard), _said(refusal, heard)):
            self.stamps["refusals"] += 1

    def ask_lift(self, client: str, at_s: float) -> None:
        """Note that somebody asked to end a client's block; the tombstone is the answer."""
        if client in self.blocks:
            self.asked[client] = at_s
            self.stamps["blocks"] += 1

    def stand(
        self, state: Literal["connecting", "catching up", "following", "lost"], at_s: float, why: str = ""
    ) -> None:
        """Note how it stands with Kafka; the time is kept while nothing changes."""
        if state != self.link.state or (why and why != self.link.why):
            since_s = at_s if state != self.link.state else self.link.since_s
            self.link = Link(state, since_s, why)
            self.stamps["link"] += 1

    def see_group(self, group: Group) -> None:
        """Note who works and how far behind."""
        if group != self.group:
            self.group = group
            self.stamps["group"] += 1

    def see_rates(self, rates: dict[str, float]) -> None:
        """Note how many records a second each topic grows by."""
        if rates != self.rates:
            self.rates = rates
            self.stamps["rates"] += 1

    def see_skipped(self, records: int) -> None:
        """Note readings passed over because there are more than a page can follow."""
        self.skipped += records
        self.stamps["link"] += 1

    def search(self, text: str, most: int = 50) -> list[str]:
        """Return series whose names hold every word of the text: lately unusual ones first, then by name."""
        words = text.casefold().split()
        # A forecast is drawn with its series; it is a series to choose only for who asks for it.
        hidden = () if "forecast" in text.casefold() else FORECAST
        found = [
            name
            for name in self.series
            if all(word in name.casefold() for word in words)
            and not (hidden and name.partition("{")[0].endswith(hidden))
        ]
        found.sort(key=lambda name: (-self._unusual_s(name), name))
        return found[:most]

    def lately_unusual(self, most: int) -> list[str]:
        """Return series that were unusual last, and can be charted, the latest first."""
        return sorted((name for name in self.series if name in self.unusual), key=lambda name: -self._unusual_s(name))[
            :most
        ]

    def _unusual_s(self, series: str) -> float:
        at_s = self.unusual.get(series)
        return 0.0 if at_s is None else at_s

    def anomalies(self, series: str, from_s: float) -> list[Said[Anomaly]]:
        """Return a series' anomalies from a time on, oldest first."""
        found: list[Said[Anomaly]] = []
        for said in self.signals:
            if isinstance(said.record, Anomaly) and said.record.series == series and said.record.at_s >= from_s:
                found.append(cast("Said[Anomaly]", said))
        return found


def beside(series: str, ending: str) -> str:
    """Return the name of a series that belongs to another one.

    >>> beside("shop/requests{route=/pay}", "_forecast")
    'shop/requests_forecast{route=/pay}'
    """
    metric, brace, labels = series.partition("{")
    return f"{metric}{ending}{brace}{labels}"


def _said(record: Any, heard: Heard) -> Said[Any]:
    return Said(record, heard.topic, heard.partition, heard.offset, heard.at_s)


def _identity(record: Derived, heard: Heard) -> object:
    """Return what copies of one conclusion share: its origin; without one, its place in the log."""
    return record.origin if record.origin is not None else (heard.partition, heard.offset)
