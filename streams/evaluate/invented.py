"""Invented: texts made up from a seed, by what is commonly known of attacks, and of what people write that looks odd.

Public lists hold few attacks of some classes, and few harmless texts with quotes, signs and words of SQL. A form has
holes, `{word}`, which are filled by chance until none is left.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from streams.evaluate.invented_forms import ATTACKS, CODE, ORDINARY, PROSE
from streams.evaluate.invented_words import HOLES
from streams.evaluate.recordings import Recorded
from topics.requests import Request

SEED = 11
EACH = 700
"""So many attacks of each family, with the next: so many harmless texts."""
HARMLESS, PARAGRAPHS = 6_000, 3_000
DEEPEST = 6
SOURCE = "invented"

_HOLES = {**HOLES, "code": CODE}
_HOLE = re.compile(r"\{([a-z]+)\}")


def filled(form: str, chance: random.Random, holes: Mapping[str, tuple[str, ...]] = _HOLES) -> str:
    """Return a form whose holes are filled; what is no hole's name stays as it is.

    >>> filled("{cat} sat", random.Random(1), {"cat": ("the {size} cat",), "size": ("small",)})
    'the small cat sat'
    """
    for _ in range(DEEPEST):
        before = form
        form = _HOLE.sub(lambda hole: chance.choice(holes[hole[1]]) if hole[1] in holes else hole[0], form)
        if form == before:
            break
    return form


def invented() -> Iterator[Recorded]:
    """Yield made-up requests, each with one text in a parameter."""
    chance = random.Random(SEED)
    for family, forms in ATTACKS.items():
        for _ in range(EACH):
            yield recorded(filled(chance.choice(forms), chance), family)
    for _ in range(HARMLESS):
        yield recorded(filled(chance.choice(ORDINARY), chance), "")
    for _ in range(PARAGRAPHS):
        yield recorded(filled(chance.choice(PROSE), chance), "")


def recorded(text: str, family: str) -> Recorded:
    """Return a request that carries a text; family: of the attack, "" where it is harmless."""
    request = Request(client="192.0.2.1", at_s=0.0, path=f"/?q={quote(text, safe='')}", status=200)
    return Recorded(request, bool(family), family, SOURCE, "")
