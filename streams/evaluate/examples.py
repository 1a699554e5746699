"""Examples: recorded requests as the model learns them, and which of them make the shipped weights."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

from detectors.security import model, naming, training
from detectors.security.model import Model, Recipe, Weights, hostility
from detectors.security.naming import Named, trained_families
from detectors.security.payloads import texts_of
from detectors.security.training import Example
from streams.evaluate.firewalls import fields
from streams.evaluate.invented import invented
from streams.evaluate.recordings import Recorded, read, visits
from streams.evaluate.traces import DataError
from topics.requests import Request

FILES = ("benign_misc", "crs", "fp_lists", "libinjection", "lists", "techtext", "wcp_attacks", "wcp_benign")
VISITS = "sessions_access_normal"
MISLEADING, MISLEADING_WEIGHT = ("mgm-fp", "libinjection-data", "simonw/datasette", "faust-streaming/faust"), 3.0
"""Sources whose harmless requests were made to look like attacks, and what each of these counts."""
ENOUGH = 300
"""So many attacks of one family and source count in full; of n more, each counts the root of `ENOUGH` / n."""

FAMILIES = {
    "sqli": ("sqli",),
    "nosqli": ("nosqli",),
    "xss": ("xss",),
    "lfi": ("traversal", "probe"),
    "rfi": ("ssrf",),
    "rce": ("command",),
    "php": ("code", "deserialisation"),
    "java": ("code", "deserialisation", "log4shell", "ssti"),
    "xxe": ("xxe",),
    "ssti": ("ssti",),
    "log4shell": ("log4shell",),
    "protocol": ("header",),
}
"""By what a collection calls an attack: the family that it teaches, and those that are right, too."""


def collected(folder: Path) -> list[Recorded]:
    """Return all recorded requests of a folder whose label is certain, and the distinct ones of its access log."""
    rows = [row for name in FILES if (path := folder / f"{name}.jsonl").exists() for row in read(path)]
    log = folder / f"{VISITS}.jsonl"
    if log.exists():
        once = {(one.path, one.agent, one.referer): one for one in visits(log)}
        rows += [Recorded(one, False, "", VISITS, "") for one in once.values()]
    if not rows:
        raise DataError(f"expected requests NAME.jsonl in {folder}, found none")
    return rows


def values(request: Request) -> list[str]:
    """Return the decoded values of a request that are not plain, each once."""
    found = [text for name, raw in fields(request) for text in texts_of(name, raw.encode("utf-8", "replace"))]
    return list(dict.fromkeys(found))


def examples(rows: Sequence[Recorded], texts: Sequence[list[str]]) -> list[Example]:
    """Return what is learned of requests whose values are `texts`.

    A value that harmless requests have, too, says nothing of an attack: the agent of whoever made a list, for one.
    """
    harmless = {text for row, mine in zip(rows, texts, strict=True) if not row.hostile for text in mine}
    counts = Counter((row.source, row.family) for row in rows if row.hostile)
    made = []
    for row, mine in zip(rows, texts, strict=True):
        if row.hostile:
            weight = min(1.0, (ENOUGH / counts[row.source, row.family]) ** 0.5)
            own = [text for text in mine if text not in harmless]
        else:
            weight, own = MISLEADING_WEIGHT if row.source in MISLEADING else 1.0, mine
        if own:
            made.append(Example(own, row.hostile, weight))
    return made


def named(rows: Sequence[Recorded], texts: Sequence[list[str]], weights: Weights) -> list[Named]:
    """Return the hostile texts by which families are learned: of each attack its most hostile value."""
    harmless = {text for row, mine in zip(rows, texts, strict=True) if not row.hostile for text in mine}
    counts = Counter((row.source, row.family) for row in rows if row.hostile)
    made = []
    for row, mine in zip(rows, texts, strict=True):
        own = [text for text in mine if text not in harmless]
        if row.hostile and own and row.family in FAMILIES:
            worst = own[0] if len(own) == 1 else max(own, key=lambda text: hostility(text, weights))
            family = naming.FAMILIES.index(FAMILIES[row.family][0])
            made.append(Named(worst, family, min(1.0, (ENOUGH / counts[row.source, row.family]) ** 0.5)))
    return made


@cache
def _invented() -> tuple[tuple[Recorded, ...], tuple[list[str], ...]]:
    """Return made-up requests, and their values."""
    rows = tuple(invented())
    return rows, tuple(values(row.request) for row in rows)


def trained(rows: Sequence[Recorded], texts: Sequence[list[str]]) -> Model:
    """Return the weights that recorded and made-up requests give.

    The recipe beside them is of the formula's numbers, and of all examples.
    """
    more_rows, more_texts = _invented()
    rows, texts = [*rows, *more_rows], [*texts, *more_texts]
    made = examples(rows, texts)
    weights = training.trained(made)
    families = named(rows, texts, weights)
    numbers = (
        model.VERSION, model.BITS, model.LONGEST, model.SLICE, model.STRIDE, model.MOST, model.UNIT, training.ROUNDS,
        training.KEPT_FROM, training.RATE, training.FIRST_SQUARE, training.STEPS, naming.FAMILIES, naming.NAME_BITS,
        naming.ROUNDS, naming.KEPT_FROM, naming.RATE, naming.FIRST_SQUARE, naming.STEP,
    )  # fmt: skip
    digest = hashlib.sha256(msgspec.json.encode((numbers, made, families))).hexdigest()
    return Model(weights, trained_families(families, weights), Recipe(model.VERSION, digest))


def model_of(rows: Sequence[Recorded]) -> Model:
    """Return the weights that recorded requests give."""
    return trained(rows, [values(row.request) for row in rows])


def train(folder: Path, out: Path) -> Model:
    """Make the weights of a folder's requests, and write them."""
    made = model_of(collected(folder))
    model.save(out, made)
    return made
