"""Joint judgement: what is unusual only together, which series stand out, and models that survive being saved."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.anomaly import HalfSpaceTrees
from river.preprocessing import MinMaxScaler, StandardScaler

from detectors.anomaly import AnomalyBank
from detectors.joint import WINDOW, Excursion, JointModel, SavedModel
from detectors.joint_book import MODELS_PER_PAGE
from detectors.saved_models import Saved, dump, load
from tests.contract import check
from tests.fakes import Entry, fold, fold_into, shard_of
from topics.metrics import METRICS, Reading
from topics.settings import AnomalySettings, Service, Settings
from topics.signals import Anomaly

START_S = 1_700_000_000
METRICS_OF_SHOP = ("cpu", "errors", "io", "latency_s", "memory", "queue", "requests", "threads")
NAMES = tuple(f"shop/{metric}" for metric in METRICS_OF_SHOP)
QUICK = Settings(anomaly=AnomalySettings(warmup=20, bucket_s=1.0))

Errors = st.dictionaries(st.sampled_from(NAMES), st.floats(-1e9, 1e9), min_size=1)


def usual(chance: random.Random) -> dict[str, float]:
    return {name: chance.gauss(0, 1) for name in NAMES}


def taught(vectors: int, seed: int = 1) -> JointModel:
    chance, model = random.Random(seed), JointModel("shop", NAMES)
    for _ in range(vectors):
        model.learn_one(usual(chance))
    return model


def through_bytes(model: JointModel) -> JointModel:
    raw = msgspec.msgpack.encode(model.save())
    return JointModel.restore(msgspec.msgpack.decode(raw, type=SavedModel))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2 * WINDOW + 20), st.lists(Errors, min_size=1, max_size=30))
def test_a_model_that_was_saved_scores_and_learns_bit_by_bit_as_before(
    vectors: int, more: list[dict[str, float]]
) -> None:
    model = taught(vectors)
    other = through_bytes(model)
    for errors in more:
        assert other.judge_one(errors) == model.judge_one(errors)
    assert other.save() == model.save()


def test_only_classes_on_the_list_are_saved() -> None:
    with pytest.raises(TypeError, match="expected a StandardScaler or HalfSpaceTrees, got MinMaxScaler"):
        dump(MinMaxScaler())
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(["pickle", []]), type=Saved)


def test_saved_trees_are_the_same_trees() -> None:
    chance, trees, scaler = random.Random(5), HalfSpaceTrees(3, 4, 10, seed=7), StandardScaler()
    for _ in range(25):
        vector = {name: chance.random() for name in NAMES}
        scaler.learn_one(vector)  # type: ignore[no-untyped-call]
        trees.learn_one(scaler.transform_one(vector))  # type: ignore[no-untyped-call]
    again = load(dump(trees))
    assert dump(again) == dump(trees)
    assert dump(load(dump(scaler))) == dump(scaler)
    probe = dict.fromkeys(NAMES, 0.9)
    assert again.score_one(probe) == trees.score_one(probe)  # type: ignore[no-untyped-call]


def test_it_is_silent_until_two_windows_are_over() -> None:
    far = dict.fromkeys(NAMES, 100.0)
    assert taught(2 * WINDOW - 1).score_one(far) == 0
    assert taught(2 * WINDOW).score_one(far) > 1


def test_asking_leaves_no_trace() -> None:
    model = taught(2 * WINDOW + 5)
    before = model.save()
    model.score_one(dict.fromkeys(NAMES, 9.0))
    model.score_one({"shop/new": 3.0})
    assert model.save() == before


def test_usual_vectors_seldom_score_above_one_and_a_far_one_does_and_names_what_stands_out() -> None:
    model, chance = taught(2 * WINDOW), random.Random(2)
    scores = [model.judge_one(usual(chance)).score for _ in range(1000)]
    assert sum(score > 1 for score in scores) <= 2
    judgement = model.judge_one(dict.fromkeys(NAMES, 4.0) | {"shop/cpu": 60.0, "shop/latency_s": -90.0, "shop/io": 0.1})
    assert judgement.score > 1
    assert judgement.stands_out == ("shop/latency_s", "shop/cpu", "shop/errors")


def test_the_limit_rises_where_it_is_crossed_often() -> None:
    model, chance = taught(2 * WINDOW), random.Random(3)
    first = model.limit
    for k in range(200):
        model.learn_one(usual(chance) if k % 20 else dict.fromkeys(NAMES, 100.0))
    assert model.limit > first + 1


def test_an_excursion_is_said_when_it_begins_grows_lasts_and_ends() -> None:
    excursion = Excursion()
    steps = [(0.5, 0), (1.5, 10), (1.6, 20), (3.5, 30), (1.2, 70), (0.2, 80), (0.3, 90), (0.1, 100)]
    assert [excursion.step(score, float(at_s)) for score, at_s in steps] == [
        "", "unusual", "", "unusual", "unusual", "", "calm", "",
    ]  # fmt: skip
    assert excursion.since_s == 10


def shop_log(seconds: int, service: str = "shop", fault: range = range(0)) -> list[Entry]:
    """Return a service's eight series, each second; in `fault` all move by an amount that none would be alarmed at."""
    chance, log = random.Random(service), []
    for second in range(seconds):
        shift = 20.0 if second in fault else 0.0
        for metric in METRICS_OF_SHOP:
            value = chance.gauss(100, 5) + shift
            reading = Reading(series=f"{service}/{metric}", value=value, at_s=START_S + second)
            log.append(((START_S + second) * 1000, reading))
    return log


def joint(said: list[Any]) -> list[Anomaly]:
    return [record for record in said if isinstance(record, Anomaly) and record.kind == "joint"]


def test_the_bank_says_a_service_that_is_unusual_as_a_whole_and_when_it_is_over() -> None:
    said = fold(AnomalyBank, METRICS, shop_log(330, fault=range(300, 304)), QUICK)
    assert [record for record in said if record not in joint(said)] == [], "no series alone is alarmed"
    begin, *_, end = joint(said)
    assert (begin.series, begin.calm, end.calm) == ("shop/joint", False, True)
    assert set(begin.stands_out) <= set(NAMES)
    assert len(begin.stands_out) == 3
    assert START_S + 299 <= begin.at_s <= START_S + 305


def test_the_bank_with_models_holds_to_the_contract() -> None:
    assert joint(check(AnomalyBank, METRICS, shop_log(330, fault=range(300, 304)), QUICK)) != []


def models_of(log: list[Entry], its: Settings) -> dict[bytes, JointModel]:
    shard = shard_of(AnomalyBank, METRICS, its)
    fold_into(shard, METRICS, log)
    assert isinstance(shard.bank, AnomalyBank)
    return {service: model for models in shard.bank.joint._models for service, model in models.items()}


def test_the_settings_name_a_services_main_series_and_it_can_be_switched_off() -> None:
    main = ("shop/latency_s", "shop/cpu")
    named = Settings(anomaly=QUICK.anomaly, services={"shop": Service(main=main)})
    assert models_of(shop_log(50), named)[b"shop"].members == main
    assert models_of(shop_log(50), QUICK)[b"shop"].members == NAMES
    off = Settings(anomaly=AnomalySettings(warmup=20, bucket_s=1.0, joint=False))
    assert models_of(shop_log(50), off) == {}


def test_a_service_that_is_silent_teaches_nothing() -> None:
    """Other services' time passes, and with it no vector of the silent one is taken."""
    log = shop_log(60)
    others = [(time_ms + 60_000, record) for time_ms, record in shop_log(60, "blog")]
    assert models_of([*log, *others], QUICK)[b"shop"].seen == models_of([*log, *others[:8]], QUICK)[b"shop"].seen


def test_the_number_of_models_in_a_page_is_limited() -> None:
    from detectors.bank import page_of

    here = [name for name in (f"s{k}" for k in range(2000)) if page_of(name.encode()) == 5][: MODELS_PER_PAGE + 2]
    log = sorted((entry for name in here for entry in shop_log(45, name)), key=lambda entry: entry[0])
    assert len(models_of(log, QUICK)) == MODELS_PER_PAGE
