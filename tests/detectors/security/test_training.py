"""What weights learn, on a handful of made-up requests."""

import numpy as np

from detectors.security.model import BITS, SLICE, hostility
from detectors.security.training import STEPS, Example, sliced, trained

ATTACKS = [Example(["/search", f"{n}' or '{n}'='{n}"], True, 1.0) for n in range(20)]
ORDINARY = [Example(["/search", f"{word} shoes, size {n}"], False, 1.0) for n in range(10) for word in ("red", "blue")]


def test_what_is_learned_is_told_apart() -> None:
    weights = trained(ATTACKS + ORDINARY)
    assert hostility("7' or '7'='7", weights) > 0.3
    assert hostility("green shoes, size 9", weights) < -0.3


def test_of_an_attack_only_the_most_hostile_value_is_learned() -> None:
    weights = trained(ATTACKS + ORDINARY)
    assert hostility("/search", weights) < 0


def test_the_same_examples_give_the_same_weights() -> None:
    assert np.array_equal(trained(ATTACKS + ORDINARY), trained(ATTACKS + ORDINARY))


def test_every_request_has_its_turn_however_many_there_are() -> None:
    examples = [Example(["ab ab"], False, 1.0)] * (STEPS[0] - 1) + [Example(["'x'='x"], True, 1.0)]
    assert len(examples) % STEPS[0] == 0
    assert hostility("'x'='x", trained(examples)) > 0


def test_a_text_is_cut_once_and_a_long_one_in_slices() -> None:
    numbers = sliced([Example(["a b", "c d"], True, 1.0), Example(["a b", "x y" * SLICE], False, 1.0)])
    assert numbers.texts.tolist() == [0, 1, 0, 2]
    assert numbers.begins.tolist() == [0, 2, 4]
    assert numbers.first[:3].tolist() == [0, 1, 2]
    assert numbers.first[3] == len(numbers.ends) - 1 > 4
    assert numbers.places.max() < 1 << BITS
