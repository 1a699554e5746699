"""Joint judgement: what is unusual only together, which series stand out, and who stands for a service."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.covariance import MEMBERS
from detectors.joint import (
    CALM,
    JOINT,
    LIMIT,
    OUT_OF_NOTHING,
    PER_VECTOR,
    UNUSUAL,
    JointModel,
    fade_for,
    limit_for,
    say_vectors,
    tell,
)
from tests.detectors.test_covariance import square

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
    assert model.score_one(alone) == pytest.approx(model.score_one(alone | {"shop/cpu": LIMIT}), rel=1e-3)


def test_what_is_beyond_the_limit_teaches_no_more_than_what_is_at_it() -> None:
    model = taught(1000)
    before = square(model.cov, 8)
    for _ in range(5):
        model.learn_one(dict.fromkeys(NAMES, 1e9))
    assert np.abs(square(model.cov, 8) - before).max() < 5 * LIMIT**2 / 1000 / 2


def test_series_that_are_not_there_are_left_out_and_teach_nothing() -> None:
    model = taught(1000)
    before = square(model.cov, 8)
    model.learn_one({"shop/cpu": 1.0, "shop/io": 1.0})
    changed = np.argwhere(square(model.cov, 8) != before).tolist()
    assert {tuple(at) for at in changed} <= {(i, j) for i in (0, 2) for j in (0, 2)}
    assert model.score_one({"shop/cpu": 9.0}) == 0


def test_an_excursion_is_said_when_it_begins_grows_lasts_and_ends() -> None:
    joints = np.zeros(1, JOINT)
    scores = [0.5, 1.5, 1.6, 3.5, *[1.3] * 8, *[0.2] * 6]
    said = {k: code for k, score in enumerate(scores) if (code := tell(joints[0], score, 0.0, 10.0 * k))}
    assert said == {1: UNUSUAL, 3: UNUSUAL, 11: UNUSUAL, 16: CALM}
    assert joints[0]["since_s"] == 10


def test_what_is_said_under_another_threshold_is_told_by_the_same_rule() -> None:
    scores, said = np.array([0.5, 1.5, 3.5, 1.2, 0.2, 0.3, 2.5]), np.zeros(7, np.bool_)
    say_vectors(np.zeros(1, JOINT), scores, np.arange(7.0), 1.0, 0.0, said)
    assert np.flatnonzero(said).tolist() == [1, 2, 6]
    say_vectors(np.zeros(1, JOINT), scores, np.arange(7.0), 2.0, 0.0, said)
    assert np.flatnonzero(said).tolist() == [2, 6]


def test_what_comes_out_of_nothing_counts_for_less_and_in_full_where_the_vector_before_was_out_too() -> None:
    model, calm = taught(1000), mixed(1, seed=3)[0]
    model.learn_one(named(calm * 0.1))
    broken = named(calm - 5.0 * np.eye(8)[3])
    first, second = (model.judge_one(broken).score for _ in range(2))
    assert first == pytest.approx(OUT_OF_NOTHING * second, rel=0.05)


def alarms(pauses: int, excursions: int, fade: float, height: float = 1.2) -> int:
    """Return how many of so many excursions of one service, with so many usual vectors between, are said."""
    scores = np.tile([height, *[0.1] * pauses], excursions)
    said = np.zeros(len(scores), np.bool_)
    say_vectors(np.zeros(1, JOINT), scores, 300.0 * np.arange(len(scores)), 1.0, fade, said)
    return int(said.sum())


def test_who_alarms_more_often_than_its_series_are_promised_together_must_say_more() -> None:
    fade = fade_for(PER_VECTOR, 20)
    assert alarms(pauses=24, excursions=100, fade=fade) < 40, "twelve a day, two are promised"
    assert alarms(pauses=24, excursions=100, fade=fade, height=9.0) == 100, "what is far out is said"
    assert alarms(pauses=287, excursions=100, fade=fade) == 100, "one a day"
    assert alarms(pauses=287, excursions=100, fade=fade_for(PER_VECTOR, 2)) < 60, "a fifth of one is promised"


@pytest.mark.parametrize("step_s", [1.0, 300.0])
def test_who_will_read_more_alarms_is_told_of_less_and_frequent_values_must_be_further_out(step_s: float) -> None:
    assert limit_for(1.0 * step_s / 86_400) < limit_for(0.1 * step_s / 86_400)
    assert limit_for(0.1 * step_s / 86_400) < limit_for(0.1 * step_s / 864_000)


@pytest.mark.parametrize("members", [("shop/cpu",), tuple(f"shop/m{k}" for k in range(MEMBERS + 1))])
def test_a_model_has_a_place_for_two_to_24_series(members: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"members must be 2 to 24 series, got {len(members)}"):
        JointModel(members)
