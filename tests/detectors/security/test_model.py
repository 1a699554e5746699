"""The score of a text, against plain references, and the file of the weights."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.security.model import (
    BITS,
    END,
    LONGEST,
    MOST,
    SLICE,
    START,
    STRIDE,
    UNIT,
    VERSION,
    Model,
    Recipe,
    hostility,
    load,
    place,
    raw_of,
    save,
    shipped,
    simplify,
)

WEIGHTS = np.random.default_rng(1).integers(-127, 128, 1 << BITS).astype(np.int8)
FAMILIES = np.zeros((4, 2), np.int8)
Texts = st.text(alphabet="ab'<0189 \té\x00", max_size=60) | st.text(max_size=40)


def simple(text: str) -> bytes:
    raw, out = raw_of(text), np.zeros(MOST + 2, np.uint8)
    return out[: int(simplify(raw, 0, len(raw), out))].tobytes()


def expected(text: str) -> float:
    """Score a text with sets and slices of bytes."""
    raw, scores, first = simple(text), [], 0
    while True:
        part = raw[first : first + SLICE]
        found = {part[k : k + size] for size in range(1, LONGEST + 1) for k in range(len(part) - size + 1)}
        places = {int(place(int.from_bytes(piece, "big"), len(piece))) for piece in found}
        scores.append(sum(int(WEIGHTS[p]) for p in places) / (UNIT * math.sqrt(len(places))))
        if first + SLICE >= len(raw):
            return max(scores)
        first += STRIDE


@given(Texts | st.tuples(Texts, st.integers(1, 60)).map(lambda pair: pair[0] * pair[1]))
def test_the_score_is_that_of_the_most_hostile_slice(text: str) -> None:
    assert hostility(text, WEIGHTS) == pytest.approx(expected(text))


@pytest.mark.parametrize(
    ("text", "left"),
    [("1 or 22=333", b"0 or 00=00"), ("a \t\n b", b"a b"), ("שלום x", b"\x80 x"), ("aa--", b"aa--"), ("", b"")],
)
def test_numbers_blanks_and_other_alphabets_are_made_alike(text: str, left: bytes) -> None:
    assert simple(text) == bytes([START]) + left + bytes([END])


def test_what_stands_behind_the_most_is_not_looked_at() -> None:
    assert hostility("a" * MOST + "<script>", WEIGHTS) == hostility("a" * MOST, WEIGHTS)


def test_weights_are_kept_as_they_were(tmp_path: Path) -> None:
    save(tmp_path / "weights.npy", Model(WEIGHTS, FAMILIES, Recipe(VERSION, "abc")))
    found = load(tmp_path / "weights.npy")
    assert (found.recipe, found.weights.tolist()) == (Recipe(VERSION, "abc"), WEIGHTS.tolist())


def test_weights_of_another_version_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "weights.npy", Model(WEIGHTS, FAMILIES, Recipe(VERSION + 1, "abc")))
    with pytest.raises(ValueError, match=f"version {VERSION + 1}; make them again with `luminar train requests`"):
        load(tmp_path / "weights.npy")


def test_the_shipped_weights_know_an_attack_that_no_rule_names_from_words() -> None:
    weights = shipped().weights
    assert hostility("1' procedure analyse(0)-- <svg onload=q()>", weights) > 0.3
    assert hostility("a quiet walk along the river, and back home", weights) < 0
    assert weights.nbytes < 4_000_000
