"""Texts that are made up: always the same, without holes, attacks and harmless ones."""

import random
from collections import Counter

from streams.evaluate.examples import FAMILIES
from streams.evaluate.invented import EACH, HARMLESS, PARAGRAPHS, filled, invented
from streams.evaluate.invented_forms import ATTACKS


def test_the_same_requests_are_made_up_every_time() -> None:
    first, second = list(invented()), list(invented())
    assert first == second
    assert Counter(row.family for row in first) == dict.fromkeys(ATTACKS, EACH) | {"": HARMLESS + PARAGRAPHS}


def test_families_are_those_of_the_collections_and_none_is_one_text() -> None:
    assert set(ATTACKS) <= set(FAMILIES)
    assert all(len(form) > 2 for forms in ATTACKS.values() for form in forms)


def test_holes_are_filled_and_what_is_none_stays() -> None:
    assert filled("{{n}*{x}} {n", random.Random(1), {"n": ("7",)}) == "{7*{x}} {n"
