"""The chart of a series as ECharts options: its readings, what was expected, its anomalies, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.web.model import FORECAST, View, beside

Options = dict[str, Any]
Points = list[tuple[float, float]]
POINTS_SHOWN = 450
EVENTS_MOST = 12


@dataclass(frozen=True)
class Palette:
    """Colours that stay apart for colour-blind eyes (after Okabe and Ito 2008), on a light or a dark ground."""

    ink: str
    faint: str
    rule: str
    ground: str
    line: str
    band: str
    expected: str
    anomaly: str
    event: str


LIGHT = Palette("#1b2430", "#5c6b7d", "#e3e8ee", "#ffffff", "#0b6bb0", "#0b6bb0", "#4d5c6c", "#c2410c", "#7a5195")
DARK = Palette("#e6ebf2", "#93a1b3", "#2a3340", "#161c25", "#5ab0f2", "#5ab0f2", "#a9b6c6", "#ff8a4c", "#c59be8")


def chart(view: View, series: str | None, span_s: float, dark: bool) -> Options:
    """Return the options that draw a series over the last `span_s` seconds."""
    palette = DARK if dark else LIGHT
    options = _frame(palette, view, span_s)
    if series is None or series not in view.series:
        return {**options, "series": _lines(palette, [], [], [], [], [], [])}
    from_s = end_s(view) - span_s
    points = thin(view.series[series].since(from_s), POINTS_SHOWN)
    middle, low, high = (_points_of(view, beside(series, ending), from_s) for ending in FORECAST)
    found = view.anomalies(series, from_s)
    marks = [(said.record.at_s, said.record.value) for said in found if not said.record.calm]
    bars = [(said.record.at_s, said.record.expected, said.record.lower, said.record.upper) for said in found]
    options["series"] = _lines(palette, points, middle, low, high, marks, bars)
    options["series"][0]["markLine"] = _events(palette, view, series, from_s)
    if middle:
        # A forecast is a reading of the time it is for, so the chart goes on past now; but now stays in sight.
        ahead_s = min(max(at_s for at_s, _ in middle) - end_s(view), span_s / 3)
        options["xAxis"]["max"] += round(max(0.0, ahead_s) * 1000)
    return options


def end_s(view: View) -> float:
    """Return where charts end: the log's clock, so that a halted log stands still and a replayed one is shown whole."""
    return view.clock_s


def legend(options: Options) -> list[str]:
    """Return which lines a chart holds, for the legend that stands above it."""
    drawn = {line["name"] for line in options["series"] if line["data"]}
    shown = {"forecast": "forecast", "expected band": "expected", "anomaly": "anomaly"}
    names = ["measured", *(word for name, word in shown.items() if name in drawn)]
    return [*names, "event"] if options["series"][0].get("markLine", {}).get("data") else names


def thin(points: Points, most: int) -> Points:
    """Return at most `most` points that look the same: of each stretch its lowest and its highest, in time's order."""
    if len(points) <= most:
        return points
    stretch = -(-len(points) * 2 // most)
    kept: Points = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        kept += sorted({min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])})
    return kept


def _points_of(view: View, series: str, from_s: float) -> Points:
    ring = view.series.get(series)
    return [] if ring is None else thin(ring.since(from_s), POINTS_SHOWN)


def _millis(points: Any) -> list[list[float | None]]:
    return [[round(at_s * 1000), value] for at_s, value in points]


def _frame(palette: Palette, view: View, span_s: float) -> Options:
    label = {"color": palette.faint, "fontSize": 11}
    to_ms = round(end_s(view) * 1000)
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": "inherit"},
        "grid": {"left": 8, "right": 14, "top": 22, "bottom": 4, "containLabel": True},
        "tooltip": {
            "trigger": "axis",
            # Drawn on the canvas: nothing in a tooltip can be taken for markup.
            "renderMode": "richText",
            "confine": True,
            "backgroundColor": palette.ground,
            "borderColor": palette.rule,
            "textStyle": {"color": palette.ink, "fontSize": 12},
            "axisPointer": {"lineStyle": {"color": palette.faint}},
        },
        "xAxis": {
            "type": "time",
            "min": to_ms - round(span_s * 1000),
            "max": to_ms,
            "axisLabel": {**label, "hideOverlap": True},
            "axisLine": {"lineStyle": {"color": palette.rule}},
            "axisTick": {"show": False},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "scale": True,
            "axisLabel": label,
            "splitNumber": 4,
            "splitLine": {"lineStyle": {"color": palette.rule}},
        },
    }


def _lines(
    palette: Palette, points: Points, middle: Points, low: Points, high: Points, marks: Any, bars: Any
) -> list[Options]:
    quiet = {"type": "line", "symbol": "none", "silent": True}
    floor = dict(low)
    width = [(at_s, upper - floor[at_s]) for at_s, upper in high if at_s in floor]
    stack = {**quiet, "stack": "band", "stackStrategy": "all", "lineStyle": {"width": 0}, "tooltip": {"show": False}}
    return [
        {
            **quiet,
            "name": "measured",
            "data": _millis(points),
            "lineStyle": {"color": palette.line, "width": 1.6},
            "itemStyle": {"color": palette.line},
            "z": 4,
        },
        {**stack, "name": "band from", "data": _millis((at_s, value) for at_s, value in low)},
        {**stack, "name": "band", "data": _millis(width), "areaStyle": {"color": palette.band, "opacity": 0.14}},
        {
            **quiet,
            "name": "forecast",
            "data": _millis(middle),
            "lineStyle": {"color": palette.expected, "width": 1.2, "type": "dashed"},
            "itemStyle": {"color": palette.expected},
            "z": 3,
        },
        _band_pieces(palette, quiet, bars),
        _scatter("expected", [(bar[0], bar[1]) for bar in bars], palette.expected, "rect", [9, 2]),
        _scatter("anomaly", marks, palette.anomaly, "diamond", [11, 11]),
    ]


def _band_pieces(palette: Palette, quiet: Options, bars: Any) -> Options:
    """Return the band that each anomaly was judged by: a thick upright stroke from its lower to its upper bound."""
    strokes: list[tuple[float, float | None]] = []
    for at_s, _, lower, upper in bars:
        if lower is not None and upper is not None:
            # The empty point ends the stroke, so that the line does not run on to the next one.
            strokes += [(at_s, lower), (at_s, upper), (at_s, None)]
    style = {"color": palette.band, "width": 9, "opacity": 0.22, "cap": "butt"}
    return {**quiet, "name": "expected band", "data": _millis(strokes), "lineStyle": style, "tooltip": {"show": False}}


def _scatter(name: str, points: Any, colour: str, symbol: str, size: list[int]) -> Options:
    shown = [(at_s, value) for at_s, value in points if value is not None]
    return {
        "type": "scatter",
        "name": name,
        "data": _millis(shown),
        "symbol": symbol,
        "symbolSize": size,
        "itemStyle": {"color": colour},
        "z": 5,
    }


def _events(palette: Palette, view: View, series: str, from_s: float) -> Options:
    """Return upright lines where a command was given to the series' service, and where the series fell silent."""
    service = series.split("/", 1)[0]
    events = [
        (said.record.at_s, f"{said.record.action} → {said.record.after:g}")
        for said in view.commands
        if said.record.target == service and said.record.at_s >= from_s
    ]
    events += [
        (said.record.at_s, "heard again" if said.record.calm else "silent")
        for said in view.anomalies(series, from_s)
        if said.record.kind == "missing"
    ]
    # Braces would be read as the chart library's own placeholders.
    labels = [(at_s, text.replace("{", "(").replace("}", ")")) for at_s, text in sorted(events)[-EVENTS_MOST:]]
    return {
        "silent": True,
        "symbol": "none",
        "data": [{"xAxis": round(at_s * 1000), "label": {"formatter": text}} for at_s, text in labels],
        "label": {"color": palette.event, "fontSize": 10, "position": "end", "distance": 2},
        "lineStyle": {"color": palette.event, "type": "dotted", "width": 1},
    }
