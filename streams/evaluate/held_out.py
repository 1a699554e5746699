"""Held out: what weights find that never saw a source, and how fast they learn what ordinary browsing looks like.

Each source in turn is left out of the training, and judged; so are ordinary requests, site by site. That is the honest
figure: what is shipped has learned all of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from detectors.columns import Flags, Ints
from detectors.security.model import Weights
from detectors.security.payloads import inspect, inspect_headers
from detectors.security.training import trained
from streams.evaluate.examples import examples, values
from streams.evaluate.firewalls import fields
from streams.evaluate.recordings import Recorded

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

    def found(learned: Flags, asked: Flags) -> Flags:
        """Return which of the requests `asked` are flagged by weights that learned others."""
        some = np.flatnonzero(learned).tolist()
        weights = trained(examples([rows[i] for i in some], [texts[i] for i in some]))
        return np.array([flagged(rows[i], weights) for i in np.flatnonzero(asked).tolist()], np.bool_)

    hostile = np.array([row.hostile for row in rows], np.bool_)
    source = np.array([row.source for row in rows])
    figures = dict[str, float]()
    for name, group in GROUPS.items():
        out = np.isin(source, group)
        if out.any():
            figures |= dict(_rates(f"held_out.{name}", hostile[out], found(~out, out)))
    part = np.array([zlib.crc32(row.file.encode()) % PARTS if row.source == BROWSING else -1 for row in rows])
    parts = [found(part != k, part == k) for k in range(PARTS) if (part == k).any()]
    if parts:
        figures["held_out.browsing.fpr"] = 100 * float(np.mean(np.concatenate(parts)))
        figures |= dict(_curve(part, found))
    return figures


def flagged(row: Recorded, weights: Weights) -> bool:
    """Say whether a request is found hostile with given weights."""
    if any(inspect(name, text.encode("utf-8", "replace"), weights) for name, text in fields(row.request)):
        return True
    return bool(inspect_headers(row.request.headers or {}))


def _rates(name: str, hostile: Flags, said: Flags) -> Iterator[tuple[str, float]]:
    if hostile.any():
        yield f"{name}.tpr", 100 * float(np.mean(said[hostile]))
    if not hostile.all():
        yield f"{name}.fpr", 100 * float(np.mean(said[~hostile]))


def _curve(part: Ints, found: Callable[[Flags, Flags], Flags]) -> Iterator[tuple[str, float]]:
    """Yield which share of the browsing of half the sites is flagged after more and more of that of the others."""
    asked, others = (part >= 0) & (part % 2 == 0), np.flatnonzero((part >= 0) & (part % 2 == 1))
    for n in LEARNED:
        learned = part < 0
        learned[others[np.linspace(0, len(others) - 1, min(n, len(others))).astype(np.int64)]] = True
        yield f"curve.fpr_{n}", 100 * float(np.mean(found(learned, asked)))
