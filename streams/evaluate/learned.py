"""Learned: what the bank itself makes of a site that its weights have never seen, the more requests it has folded.

The weights are trained without any browsing; the bank then folds some of it, learns as it does in a worker, and is
asked about other requests of the same sites, each from a client of its own, and attacks put into their parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from detectors.security.bank import SecurityBank
from streams.evaluate.examples import trained, values
from streams.evaluate.firewalls import folded
from streams.evaluate.held_out import BROWSING
from streams.evaluate.recordings import Recorded
from streams.evaluate.requests import transplants
from topics.requests import Request

LEARNED = (0, 100, 500, 2_000)
"""So many requests of the sites are folded before."""
ASKED = 100
"""Requests that come at once."""
ATTACKS = 3
"""Every third attack of the WAF comparison set is asked about."""


def measure(rows: Sequence[Recorded]) -> dict[str, float]:
    """Return `learned.fpr_N` and `learned.tpr_N`, in percent; nothing where there is no browsing."""
    browsing = [row for row in rows if row.source == BROWSING]
    others = [row for row in rows if row.source != BROWSING]
    attacks = [row for row in others if row.hostile and row.source.startswith("wcp")][::ATTACKS]
    if not browsing or not attacks:
        return {}
    known, asked = [row.request for row in browsing[1::2]], [row.request for row in browsing[::2]]
    moved = transplants([*browsing[::2], *attacks])

    class Cold(SecurityBank):
        """The bank, with weights that saw no browsing."""

        model = trained(others, [values(row.request) for row in others])

    figures = {}
    for n in LEARNED:
        few = [known[k] for k in np.linspace(0, len(known) - 1, min(n, len(known))).astype(np.int64).tolist()]
        for name, requests in (("fpr", asked), ("tpr", moved)):
            said = folded(apart([*few, *requests]), Cold, len(few), ASKED).hostile[len(few) :]
            figures[f"learned.{name}_{n}"] = 100 * float(np.mean(said))
    return figures


def apart(requests: Sequence[Request]) -> list[Request]:
    """Return requests as if each came from a client of its own."""
    return [
        msgspec.structs.replace(one, client=f"10.{k >> 16}.{k >> 8 & 255}.{k & 255}") for k, one in enumerate(requests)
    ]
