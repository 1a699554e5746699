"""Which family a text looks like, on a handful of made-up attacks."""

import numpy as np

from detectors.security.model import BITS, SLICE, Model, Recipe, place
from detectors.security.naming import FAMILIES, Named, family_of, trained_families

SQL, XSS = FAMILIES.index("sqli"), FAMILIES.index("xss")
NOUGHT = np.zeros(1 << BITS, np.int8)
EXAMPLES = [
    *[Named(f"{n}' or '{n}'='{n}", SQL, 1.0) for n in range(20)],
    *[Named(f"<b onload=a({n})>", XSS, 1.0) for n in range(10)],
]


def test_what_is_learned_is_told_apart() -> None:
    model = Model(NOUGHT, trained_families(EXAMPLES, NOUGHT), Recipe(1, ""))
    assert family_of("7' or '8'='8", model) == "sqli"
    assert family_of("<i onload=b(7)>", model) == "xss"


def test_the_most_hostile_slice_of_a_long_text_names_it() -> None:
    weights = NOUGHT.copy()
    weights[int(place(ord("<"), 1))] = 127
    model = Model(weights, trained_families(EXAMPLES, weights), Recipe(1, ""))
    assert family_of("1' or '1'='1 " * SLICE + "<b onload=a(1)>" * 40, model) == "xss"


def test_the_same_examples_give_the_same_weights() -> None:
    assert np.array_equal(trained_families(EXAMPLES, NOUGHT), trained_families(EXAMPLES, NOUGHT))


def test_of_nothing_nothing_is_learned() -> None:
    assert not trained_families([], NOUGHT).any()
