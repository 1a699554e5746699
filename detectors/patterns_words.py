"""Patterns in words: what is said of a series, or of several of one service, as a record and one line for a person."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from detectors.patterns_roles import Trait
from detectors.patterns_series import FLATLINE, RHYTHM, SATURATION, SHAPES, THRESHOLD, UNUSUAL, VARIANCE
from detectors.patterns_services import CODE_FAULT, LEAK, RUNAWAY, SIGNS
from topics.signals import Anomaly

_UNIT = re.compile(r"_(per_s|percent|ratio|utilisation|bytes|s|ms|us)(_p\d+)?$")
_SPANS = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "min"))
_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def span_of(seconds: float) -> str:
    """Return a span of time as people say it.

    >>> span_of(14_400.0), span_of(95.0)
    ('4 h', '95 s')
    """
    for least, unit, name in _SPANS:
        if seconds >= least:
            return f"{_figures(seconds / unit)} {name}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def amount_of(value: float, metric: str, share: bool = False) -> str:
    """Return a value of a metric with its unit; shares and times come as parts of 1 and in seconds.

    >>> amount_of(0.62, "cpu_percent"), amount_of(2.1e8, "memory_bytes"), amount_of(0.82, "latency_ms_p95")
    ('62 %', '210 MB', '0.82 s')
    """
    unit = _UNIT.search(metric)
    kind = unit[1] if unit else ""
    if share or kind in ("percent", "ratio", "utilisation"):
        return f"{_figures(100 * value)} %"
    if kind == "bytes":
        size, name = next(((size, name) for size, name in _SIZES if abs(value) >= size), (1.0, "B"))
        return f"{_figures(value / size)} {name}"
    return _figures(value) + {"s": " s", "ms": " s", "us": " s", "per_s": " /s"}.get(kind, "")


def _figures(value: float) -> str:
    return f"{value:.0f}" if 99.5 <= abs(value) < 1e5 else f"{value:.2g}"


def change_of(was: float, now: float, metric: str, share: bool = False) -> str:
    """Return from where to where a value went.

    >>> change_of(0.002, 0.041, "errors", share=True)
    '(0.2 → 4.1 %)'
    """
    before, after = amount_of(was, metric, share), amount_of(now, metric, share)
    figure, _, unit = before.partition(" ")
    same_unit = unit == after.partition(" ")[2]
    return f"({figure if same_unit else before} → {after})"


def name_of(series: str) -> str:
    """Return what people call a series within its service: its metric without the unit.

    >>> name_of("shop/requests_per_s"), name_of("shop/latency_s_p95{route=/pay}")
    ('requests', 'latency p95 {route=/pay}')
    """
    metric, brace, labels = series.partition("/")[2].partition("{")
    unit = _UNIT.search(metric)
    if unit:
        metric = metric[: unit.start()] + (unit[2] or "").replace("_", " ")
    return metric + (f" {brace}{labels}" if brace else "")


def record_of(note: np.void, names: Sequence[bytes], trait: Trait) -> Anomaly:
    """Return what a note says."""
    series = names[note["row"]].decode("utf-8", "replace")
    what, unusual = int(note["what"]), int(note["code"]) == UNUSUAL
    kind = SHAPES[what] if what < len(SHAPES) else SIGNS[what - len(SHAPES)]
    stands_out: tuple[str, ...] = ()
    if what >= len(SHAPES):
        stands_out = (series, names[note["other"]].decode("utf-8", "replace"))
    if what == THRESHOLD and trait.target:
        kind = "target"
    return Anomaly(
        series=series, kind=kind, at_s=float(note["at_s"]), since_s=float(note["since_s"]), calm=not unusual,
        score=max(1.0, float(note["score"])) if unusual else 0.0, stands_out=stands_out if unusual else (),
        text=_text(note, series, stands_out, trait) if unusual else "",
    )  # fmt: skip


def _text(note: np.void, series: str, both: tuple[str, ...], trait: Trait) -> str:
    what = int(note["what"])
    if what >= len(SHAPES):
        return _sign_text(note, what - len(SHAPES), both)
    was, now, name = float(note["was"]), float(note["now"]), name_of(series)
    metric = series.partition("{")[0]
    if what == FLATLINE:
        return f"{name} stands still at {amount_of(now, metric)}, which it never did so long"
    if what == VARIANCE:
        how = f"{now / was:.2g} times as much as" if now > was > 0 else f"{now / max(was, 1e-300):.1%} of what"
        return f"{name} scatters {how} usual"
    if what == SATURATION:
        end = f"full in {span_of(was)}" if trait.sign > 0 else f"used up in {span_of(was)}"
        return f"{name} is at {amount_of(now, metric)} and {end}, if it goes on like that"
    if what == RHYTHM:
        return f"{name} comes every {span_of(was)}, and now has not for {span_of(now)}"
    assert what == THRESHOLD, f"no words for {what}"
    share = trait.of_load
    limit = f"its target of {amount_of(was, metric)}" if trait.target else f"{amount_of(was, metric, share)}"
    return f"{name} at {amount_of(now, metric, share)}, above {limit} for {span_of(trait.for_s)}"


def _sign_text(note: np.void, sign: int, both: tuple[str, ...]) -> str:
    first, second = (name_of(series) for series in both)
    was, now = float(note["was"]), float(note["now"])
    change = change_of(was, now, both[0], share=sign == CODE_FAULT)
    other = change_of(float(note["was_other"]), float(note["now_other"]), both[1])
    if sign == CODE_FAULT:
        return f"{first} up {change} with {second} down {other}: looks like a code fault"
    if sign == RUNAWAY:
        return f"{first} up {change} with {second} down {other}: looks like a runaway or an attack"
    if sign == LEAK:
        return f"{first} rises steadily {change} while {second} is flat: looks like a leak"
    assert not math.isnan(was), "a correlation that changed is known"
    return f"{first} and {second} go together otherwise than usual: correlation {was:.2f} → {now:.2f}"
