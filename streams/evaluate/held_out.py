"""Held out: what weights find that never saw a source, and how fast they learn what ordinary browsing looks like.

Each source in turn is left out of the training, and judged; so are ordinary requests, site by site. That is the honest
figure: what is shipped has learned all of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from detectors.columns import Flags, Ints
from detectors.security.model import Model
from detectors.security.payloads import inspect, inspect_headers
from streams.evaluate.examples import trained, values
from streams.evaluate.firewalls import fields
from streams.evaluate.recordings import Recorded
from streams.evaluate.requests import of_families, rates

BROWSING = "wcp-legit"
GROUPS = {
    "wcp": ("wcp-mgm", "mgm-fp"),
    "httpparamsdataset": ("HttpParamsDataset",),
    "payloadsallthethings": ("PayloadsAllTheThings",),
    "fuzzdb": ("fuzzdb",),
    "libinjection": ("libinjection-data",),
    "crs": ("crs-regression",),
    "techtext_1": ("simonw/datasette",),
    "techtext_2": ("faust-streaming/faust",),
}
"""Sources that are left out together."""
PARTS = 4
"""Sites are left out a quarter at a time."""
LEARNED = (0, 100, 500, 2_000)
"""So many ordinary requests of other sites are learned for the learning curve."""


def measure(rows: Sequence[Recorded]) -> dict[str, float]:
    """Return `held_out.SOURCE.measure` and `curve.fpr_N`, in percent."""
    texts = [values(row.request) for row in rows]

    def found(learned: Flags, asked: Flags) -> list[str | None]:
        """Return what the requests `asked` are found to be by weights that learned others."""
        some = np.flatnonzero(learned).tolist()
        model = trained([rows[i] for i in some], [texts[i] for i in some])
        return [family_of(rows[i], model) for i in np.flatnonzero(asked).tolist()]

    source = np.array([row.source for row in rows])
    figures = dict[str, float]()
    for name, group in GROUPS.items():
        out = np.isin(source, group)
        if out.any():
            told = found(~out, out)
            its = [row for row, is_out in zip(rows, out.tolist(), strict=True) if is_out]
            said = dict(_rates(its, np.array([family is not None for family in told], np.bool_)))
            said |= of_families(its, {k: family for k, family in enumerate(told) if family is not None})
            figures |= {f"held_out.{name}.{measure}": value for measure, value in said.items()}
    part = np.array([zlib.crc32(row.file.encode()) % PARTS if row.source == BROWSING else -1 for row in rows])
    parts = [found(part != k, part == k) for k in range(PARTS) if (part == k).any()]
    if parts:
        figures["held_out.browsing.fpr"] = share([family for one in parts for family in one])
        figures |= dict(_curve(part, found))
    return figures


def family_of(row: Recorded, model: Model) -> str | None:
    """Return the family of the first payload that a given model finds in a request; None: it finds none."""
    for name, text in fields(row.request):
        for piece in inspect(name, text.encode("utf-8", "replace"), model):
            return piece.family
    return next((piece.family for piece in inspect_headers(row.request.headers or {})), None)


def share(told: Sequence[str | None]) -> float:
    """Return which share of requests was found to be something, in percent."""
    return 100 * float(np.mean([family is not None for family in told]))


def _rates(rows: Sequence[Recorded], flagged: Flags) -> dict[str, float]:
    """Return the rates of all, and of families where there are several."""
    found = rates(rows, flagged)
    several = sum(name.startswith("tpr_") for name in found) > 2
    return {name: value for name, value in found.items() if name in ("tpr", "fpr") or (several and name != "tpr_macro")}


def _curve(part: Ints, found: Callable[[Flags, Flags], list[str | None]]) -> Iterator[tuple[str, float]]:
    """Yield which share of the browsing of half the sites is flagged after more and more of that of the others."""
    asked, others = (part >= 0) & (part % 2 == 0), np.flatnonzero((part >= 0) & (part % 2 == 1))
    for n in LEARNED:
        learned = part < 0
        learned[others[np.linspace(0, len(others) - 1, min(n, len(others))).astype(np.int64)]] = True
        yield f"curve.fpr_{n}", share(found(learned, asked))
