"""Joint judgement: what is unusual only together, which series stand out, and who stands for a service."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.joint import (
    CALM,
    JOINT,
    LIMIT,
    MEMBERS,
    SHARE_ALONE,
    SHRINKAGE,
    UNUSUAL,
    JointModel,
    apart,
    blank_covariance,
    distance,
    factorise,
    limit_for,
    pair,
    say_vectors,
    tell,
)

MOST = SHARE_ALONE * LIMIT

METRICS_OF_SHOP = ("cpu", "errors", "io", "latency_s", "memory", "queue", "requests", "threads")
NAMES = tuple(f"shop/{metric}" for metric in METRICS_OF_SHOP)


def mixed(vectors: int, seed: int = 1) -> NDArray[np.float64]:
    """Return errors of eight series that go together, each of mean square 1."""
    chance = np.random.default_rng(seed)
    mix = np.eye(8) + 0.4 * np.random.default_rng(7).normal(size=(8, 8))
    return np.asarray(chance.normal(size=(vectors, 8)) @ (mix / np.linalg.norm(mix, axis=1)[:, None]).T)


def named(errors: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(NAMES, errors.tolist(), strict=True))


def taught(vectors: int) -> JointModel:
    model = JointModel(NAMES)
    for errors in mixed(vectors):
        model.learn_one(named(errors))
    return model


def square(cov: NDArray[np.float32], n: int) -> NDArray[np.float64]:
    """Return a triangle as the matrix it stands for."""
    return np.array([[float(cov[pair(max(i, j), min(i, j))]) for j in range(n)] for i in range(n)])


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 8), st.integers(0, 2**32), st.integers(0, 2000))
def test_the_distance_and_how_far_apart_each_error_is_are_those_of_the_text_book(n: int, seed: int, seen: int) -> None:
    """Mahalanobis: e' S^-1 e; apart: what is left of an error when the others predict it, in usual distances."""
    chance = np.random.default_rng(seed)
    places = np.sort(chance.choice(MEMBERS, n, replace=False))
    true = np.cov(chance.normal(size=(n, 3 * n)))
    cov = blank_covariance()
    for i in range(n):
        for j in range(i + 1):
            cov[pair(places[i], places[j])] = true[i, j]
    share = max(SHRINKAGE, n / (seen + n))
    full = (1 - share) * true + share * np.eye(n)
    errors, factor, white, far = chance.normal(size=n), np.empty((n, n)), np.empty(n), np.empty(n)
    factorise(cov, seen, places, n, factor)
    assert distance(factor, errors, n, white) == pytest.approx(errors @ np.linalg.solve(full, errors), rel=1e-4)
    apart(factor, white, n, far)
    for i in range(n):
        others = [k for k in range(n) if k != i]
        weights = np.linalg.solve(full[np.ix_(others, others)], full[others, i])
        left = errors[i] - weights @ errors[others]
        assert far[i] == pytest.approx(left / np.sqrt(full[i, i] - weights @ full[others, i]), rel=1e-3, abs=1e-4)


def test_how_errors_go_together_is_learned() -> None:
    learned = square(taught(4000).cov, 8)
    assert np.abs(learned - np.cov(mixed(4000).T, bias=True)).max() < 0.05


def test_it_is_silent_until_it_is_warmed_up() -> None:
    far = dict.fromkeys(NAMES, 100.0)
    assert taught(59).score_one(far) == 0
    assert taught(60).score_one(far) > 1


def test_asking_leaves_no_trace() -> None:
    model = taught(65)
    before = model.joints.copy(), model.cov.copy()
    model.score_one(dict.fromkeys(NAMES, 9.0))
    model.score_one({"shop/new": 3.0})
    assert model.joints == before[0]
    assert np.array_equal(model.cov, before[1])


def test_usual_vectors_do_not_score_above_one_and_one_that_breaks_with_the_others_does_and_is_named() -> None:
    model = taught(1000)
    scores = [model.judge_one(named(errors)).score for errors in mixed(2000, seed=2)]
    assert max(scores) < 1
    broken = mixed(1, seed=3)[0]
    broken[3] -= 5.0
    judgement = model.judge_one(named(broken))
    assert judgement.score > 1
    assert judgement.stands_out[0] == "shop/latency_s"


def test_a_correlation_that_breaks_is_found_where_no_series_alone_is_unusual() -> None:
    model, chance = JointModel(["shop/requests", "shop/cpu"]), np.random.default_rng(4)
    for load in chance.normal(size=500).tolist():
        model.learn_one({"shop/requests": load, "shop/cpu": load + 0.1 * chance.normal()})
    assert model.score_one({"shop/requests": 2.5, "shop/cpu": 2.5}) < 1
    judgement = model.judge_one({"shop/requests": 2.5, "shop/cpu": -2.5})
    assert judgement.score > 1
    assert set(judgement.stands_out) == {"shop/requests", "shop/cpu"}


def test_one_series_alone_is_not_the_business_of_the_joint_judgement() -> None:
    alone = dict.fromkeys(NAMES, 0.0) | {"shop/cpu": 1e9}
    model = JointModel(NAMES)
    for errors in np.random.default_rng(5).normal(size=(1000, 8)):
        model.learn_one(named(errors))
    assert 0 < model.score_one(alone) < 1
    assert model.score_one(alone) == model.score_one(alone | {"shop/cpu": MOST})


def test_what_is_beyond_the_limit_teaches_no_more_than_what_is_at_it() -> None:
    model = taught(1000)
    before = square(model.cov, 8)
    for _ in range(5):
        model.learn_one(dict.fromkeys(NAMES, 1e9))
    assert np.abs(square(model.cov, 8) - before).max() < 5 * MOST**2 / 1000 / 2


def test_series_that_are_not_there_are_left_out_and_teach_nothing() -> None:
    model = taught(1000)
    before = square(model.cov, 8)
    model.learn_one({"shop/cpu": 1.0, "shop/io": 1.0})
    changed = np.argwhere(square(model.cov, 8) != before).tolist()
    assert {tuple(at) for at in changed} <= {(i, j) for i in (0, 2) for j in (0, 2)}
    assert model.score_one({"shop/cpu": 9.0}) == 0


def test_an_excursion_is_said_when_it_begins_grows_lasts_and_ends() -> None:
    joints = np.zeros(1, JOINT)
    scores = [0.5, 1.5, 1.6, 3.5, *[1.2] * 8, *[0.2] * 6]
    said = {k: code for k, score in enumerate(scores) if (code := tell(joints[0], score, 10.0 * k))}
    assert said == {1: UNUSUAL, 3: UNUSUAL, 11: UNUSUAL, 16: CALM}
    assert joints[0]["since_s"] == 10


def test_what_is_said_under_another_threshold_is_told_by_the_same_rule() -> None:
    scores, said = np.array([0.5, 1.5, 3.5, 1.2, 0.2, 0.3, 2.5]), np.zeros(7, np.bool_)
    say_vectors(np.zeros(1, JOINT), scores, np.arange(7.0), 1.0, said)
    assert np.flatnonzero(said).tolist() == [1, 2, 6]
    say_vectors(np.zeros(1, JOINT), scores, np.arange(7.0), 2.0, said)
    assert np.flatnonzero(said).tolist() == [2, 6]


@pytest.mark.parametrize("step_s", [1.0, 300.0])
def test_who_will_read_more_alarms_is_told_of_less_and_frequent_values_must_be_further_out(step_s: float) -> None:
    assert limit_for(1.0 * step_s / 86_400) < limit_for(0.1 * step_s / 86_400)
    assert limit_for(0.1 * step_s / 86_400) < limit_for(0.1 * step_s / 864_000)


@pytest.mark.parametrize("members", [("shop/cpu",), tuple(f"shop/m{k}" for k in range(MEMBERS + 1))])
def test_a_model_has_a_place_for_two_to_24_series(members: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"members must be 2 to 24 series, got {len(members)}"):
        JointModel(members)
