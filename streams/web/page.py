"""The page itself: its cards, and what is pushed to a browser when something has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from streams.feedback import VERDICTS
from streams.web import charts, panels
from streams.web.lookup import Lookup
from streams.web.model import FORECAST, View, beside

PARTS = Path(__file__).parent / "parts"
PUSH_EVERY_S = 1.0
SPANS_S = (120, 300, 900)
TEXT_MOST = 600
UNUSUAL_SHOWN = 4


class Top(Element, component="parts/top.js"):
    """The head: how it stands with Kafka, and what a glance must tell."""


class Picker(Element, component="parts/picker.js"):
    """The choice of a series."""


class Alerts(Element, component="parts/alerts.js"):
    """Alerts, each with its evidence."""


class Blocks(Element, component="parts/blocks.js"):
    """The blocklist."""


class Entries(Element, component="parts/entries.js"):
    """Records as lines: commands, refused proposals, threats."""


class Workers(Element, component="parts/workers.js"):
    """The consumer group."""


class RecordBox(Element, component="parts/record.js"):
    """One raw record over the page."""


class Screen:
    """One browser's page; a look at what has changed costs a comparison of counters and nothing else.

    view           what is shown, shared by all browsers
    lookup         what a click asks of Kafka
    dark           the first guess of the ground; the browser says which it is
    """

    def __init__(self, view: View, lookup: Lookup, dark: bool = False) -> None:
        self.view = view
        self._lookup = lookup
        self._dark = dark
        self._series: str | None = None
        self._span_s = 300
        self._pushed: dict[str, object] = {}
        self._chart: ui.echart | None = None
        with ui.element("main").classes("board"):
            self._build()
        self.push()

    def _build(self) -> None:
        self._top = Top().on("scheme", self._on_scheme)
        with ui.element("section").classes("card chart-card").props('aria-label="Chart"'):
            self._picker = Picker()
            self._picker.props["matches"] = []
            self._picker.on("search", self._on_search).on("choose", self._on_choose).on("span", self._on_span)
            self._canvas = ui.element("div").classes("canvas")
        self._alerts = self._card("Alerts", Alerts(), "alerts-card").on("chart", self._on_choose)
        self._alerts.on("feedback", self._on_feedback)
        self._blocks = self._card("Blocklist", Blocks(), "third").on("lift", self._on_lift)
        self._commands = self._card("Commands", Entries(), "third")
        self._commands.props.update(empty="No command yet.", tone="command")
        self._refusals = self._card("Refused proposals", Entries(), "third")
        self._refusals.props.update(empty="Nothing was refused.", tone="refusal")
        self._threats = self._card("Threats", Entries(), "two-thirds")
        self._threats.props.update(empty="No hostile behaviour seen.", tone="threat")
        self._workers = self._card("Workers", Workers(), "third")
        self._record = RecordBox().on("open", self._on_open).on("closed", self._on_closed)

    def _card(self, title: str, part: Element, place: str) -> Element:
        with ui.element("section").classes(f"card {place}").props(f'aria-label="{title}"') as card:
            TextElement(tag="h2", text=title)
        part.move(card)
        return part.on("open", self._on_open)

    def draw(self) -> None:
        """Add the chart, once the rest is there to be read: its library is the heaviest part of the page."""
        with self._canvas:
            self._chart = ui.echart(charts.chart(self.view, None, self._span_s, self._dark))
        self._pushed.pop("chart", None)
        self._push_chart()

    def push(self) -> None:
        """Send the browser every part that has changed since it was sent last."""
        view, stamps = self.view, self.view.stamps
        group = (stamps["alerts"], stamps["blocks"], stamps["rates"], stamps["group"], stamps["series"])
        self._send("top", (group, stamps["link"]), self._top, self._head)
        # Alerts name the series that can be charted, so a new series changes them too.
        alerts = (stamps["alerts"], stamps["series"])
        self._send("alerts", alerts, self._alerts, lambda: {"rows": panels.alert_rows(view)})
        self._send("blocks", stamps["blocks"], self._blocks, self._block_props)
        self._send("commands", stamps["commands"], self._commands, lambda: {"rows": panels.command_rows(view)})
        self._send("refusals", stamps["refusals"], self._refusals, lambda: {"rows": panels.refusal_rows(view)})
        self._send("threats", stamps["signals"], self._threats, lambda: {"rows": panels.threat_rows(view)})
        workers = (stamps["group"], stamps["rates"])
        self._send("workers", workers, self._workers, lambda: {"group": panels.worker_rows(view)})
        self._push_chart()

    def _send(self, name: str, stamp: object, part: Element, props: Callable[[], dict[str, Any]]) -> None:
        if self._pushed.get(name) == stamp:
            return
        self._pushed[name] = stamp
        for prop, value in props().items():
            part.props[prop] = value
        part.update()

    def _head(self) -> dict[str, Any]:
        return {"head": panels.headline(self.view), "link": panels.link_row(self.view)}

    def _block_props(self) -> dict[str, Any]:
        return {"rows": panels.block_rows(self.view), "total": len(self.view.blocks)}

    def _push_chart(self) -> None:
        view = self.view
        if self._series is None or self._series not in view.series:
            self._series = next(iter(view.search("", most=1)), None)
        series = self._series or ""
        names = (series, *(beside(series, ending) for ending in FORECAST))
        # The time goes on for a series that fell silent too; a hundredth of what is shown is fine enough.
        moved = view.clock_s // (self._span_s / 100)
        stamp = (
            self._span_s,
            self._dark,
            moved,
            *((name, view.stamps[name]) for name in names),
            view.stamps["commands"],
        )
        if self._pushed.get("chart") == stamp:
            return
        self._pushed["chart"] = stamp
        options = charts.chart(view, self._series, self._span_s, self._dark)
        if self._chart is not None:
            self._chart.options.clear()
            self._chart.options.update(options)
            self._chart.update()
        ring = view.series.get(series)
        self._picker.props.update(
            chosen=self._series,
            span=self._span_s,
            latest=ring.latest[1] if ring is not None and ring.latest is not None else None,
            legend=charts.legend(options),
            unusual=[name for name in view.lately_unusual(UNUSUAL_SHOWN) if name != self._series],
        )
        self._picker.update()

    def _on_scheme(self, event: GenericEventArguments) -> None:
        self._dark = event.args is True
        self._push_chart()

    def _on_search(self, event: GenericEventArguments) -> None:
        self._picker.props["matches"] = self.view.search(str(event.args)[:TEXT_MOST])
        self._picker.update()

    def _on_choose(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str) and event.args in self.view.series:
            self._series = event.args
            self._push_chart()

    def _on_span(self, event: GenericEventArguments) -> None:
        if event.args in SPANS_S:
            self._span_s = event.args
            self._push_chart()

    async def _on_open(self, event: GenericEventArguments) -> None:
        place = event.args if isinstance(event.args, dict) else {}
        topic, partition, offset = (place.get(name) for name in ("topic", "partition", "offset"))
        if not (isinstance(topic, str) and type(partition) is int and type(offset) is int):
            return
        self._show({"topic": topic, "partition": partition, "offset": offset, "waiting": True})
        self._show(await self._lookup.record(topic[:TEXT_MOST], partition, offset))

    def _show(self, record: dict[str, Any] | None) -> None:
        self._record.props["record"] = record
        self._record.update()

    def _on_closed(self, _: GenericEventArguments) -> None:
        self._show(None)

    async def _on_feedback(self, event: GenericEventArguments) -> None:
        said = event.args if isinstance(event.args, dict) else {}
        verdict, name = said.get("verdict"), said.get("id")
        if verdict not in VERDICTS or not isinstance(name, str):
            return
        problem = await self._lookup.feedback(verdict, name[:TEXT_MOST])
        if problem is None:
            ui.notify(f"{verdict}: noted in the log", position="bottom")
        else:
            ui.notify(problem, type="warning", position="bottom")

    async def _on_lift(self, event: GenericEventArguments) -> None:
        problem = await self._lookup.lift(str(event.args)[:TEXT_MOST])
        if problem is not None:
            ui.notify(problem, type="warning", position="bottom")
        self.push()
