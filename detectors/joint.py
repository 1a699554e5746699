"""Joint judgement: a service's main series as one vector, by river's half-space trees (Tan, Ting and Liu 2011)."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from river.anomaly import HalfSpaceTrees
from river.preprocessing import StandardScaler

from detectors.saved_models import SavedForest, SavedScaler, dump, load

TREES, HEIGHT, WINDOW = 10, 6, 100

# The trees' score is judged by its own past: in mean distances from its mean, over some hundred vectors. The limit is
# raised by LIMIT_STEP whenever it is crossed and sinks by LIMIT_EASE a vector: crossed about once in three thousand.
SCORE_GAIN = 0.01
SCORE_RESOLUTION = 0.01
LIMIT_FIRST, LIMIT_LEAST = 6.0, 5.0
LIMIT_STEP, LIMIT_EASE = 1.0, 3e-4

# An error of so many times its usual size is half way to the end of the trees' scale, which so has room for what has
# never been; larger ones than ERROR_MOST count as that.
HALF_WAY = 3.0
ERROR_MOST = 20.0

# An excursion is over after BACK vectors in the band; while it lasts it is said every SAY_AGAIN_S, or when LOUDER.
BACK = 2
LOUDER = 2.0
SAY_AGAIN_S = 30.0


class Excursion(msgspec.Struct):
    """Where the joint judgement of a service stands."""

    on: bool = False
    told: bool = False
    back: int = 0
    since_s: float = 0.0
    said_at_s: float = 0.0
    peak: float = 0.0

    def step(self, score: float, at_s: float) -> str:
        """Take a score; return "unusual" or "calm" where that is to be said, else nothing."""
        if score > 1:
            if not self.on:
                self.on, self.since_s, self.peak = True, at_s, 0.0
            self.back = 0
            if self.told and score < LOUDER * self.peak and at_s - self.said_at_s < SAY_AGAIN_S:
                return ""
            self.told, self.said_at_s, self.peak = True, at_s, max(score, self.peak)
            return "unusual"
        self.back += 1
        if not self.on or self.back < BACK:
            return ""
        self.on = self.told = False
        return "calm"


class SavedModel(msgspec.Struct, array_like=True, gc=False):
    """A joint model as plain data."""

    service: str
    members: tuple[str, ...]
    scaler: SavedScaler
    trees: SavedForest
    seen: int
    mean: float
    spread: float
    limit: float
    beyond: bool
    excursion: Excursion


class Judgement(NamedTuple):
    """How unusual a vector is, and the series that stand out, most unusual first."""

    score: float
    stands_out: tuple[str, ...]


def squashed(error: float) -> float:
    """Return an error of any size as a number between 0 and 1, finest where errors are usual.

    >>> squashed(0.0), squashed(3.0), squashed(-1e9) < 1e-6
    (0.5, 0.75, True)
    """
    return 0.5 + 0.5 * error / (HALF_WAY + abs(error))


def _bounded(error: float) -> float:
    return min(max(error, -ERROR_MOST), ERROR_MOST)


def outstanding(errors: Mapping[str, float]) -> tuple[str, ...]:
    """Return the series with the largest errors: at most three, of two usual errors or more beyond the first.

    >>> outstanding({"a/x": 0.5, "a/y": -9.0, "a/z": 3.0})
    ('a/y', 'a/z')
    """
    ranked = sorted(errors, key=lambda name: (-abs(errors[name]), name))
    return tuple(name for place, name in enumerate(ranked[:3]) if place == 0 or abs(errors[name]) >= 2)


class Plain(NamedTuple):
    """A model's scaler and trees as plain data, after so many vectors."""

    seen: int
    scaler: Any
    trees: Any


class JointModel:
    """How unusual the errors of several series are together.

    Each error is in units of its series' own usual error. Squashed and scaled it goes through the trees, whose score is
    compared with its own past. Silent until the trees have seen one window of vectors, and their score another.

    service        seeds the trees; members: the series it began with
    """

    def __init__(self, service: str, members: tuple[str, ...]) -> None:
        self.service = service
        self.members = members
        self.scaler = StandardScaler()
        seed = zlib.crc32(service.encode("utf-8", "replace"))
        self.trees = HalfSpaceTrees(n_trees=TREES, height=HEIGHT, window_size=WINDOW, seed=seed)
        self.seen, self.mean, self.spread = 0, 0.0, 0.0
        self.limit, self.beyond = LIMIT_FIRST, False
        self.excursion = Excursion()
        self._plain: Plain | None = None

    def _raw_one(self, errors: Mapping[str, float]) -> float:
        """Return how thin the trees' past is where the errors fall: the logarithm of their score's distance from 1."""
        score = float(self.trees.score_one(self._places(errors)))  # type: ignore[no-untyped-call]
        return -math.log(max(1.0 - score, 1e-6))

    def _places(self, errors: Mapping[str, float]) -> dict[str, float]:
        """Return where known errors fall on the trees' scale, from 0 to 1."""
        known = {name: _bounded(error) for name, error in errors.items() if name in self.scaler.counts}
        scaled = self.scaler.transform_one(known)  # type: ignore[no-untyped-call]
        return {name: squashed(error) for name, error in scaled.items()}

    def _distance(self, raw: float) -> float:
        return (raw - self.mean) / max(self.spread, SCORE_RESOLUTION)

    def score_one(self, errors: Mapping[str, float]) -> float:
        """Return how unusual errors are together; above 1 is anomalous; 0 while warming up; leave no trace."""
        if self.seen < 2 * WINDOW:
            return 0.0
        return max(0.0, self._distance(self._raw_one(errors)) / self.limit)

    def learn_one(self, errors: Mapping[str, float]) -> None:
        """Fold errors into what is usual together."""
        if self.seen >= WINDOW:
            self._learn_score(self._raw_one(errors))
        self.scaler.learn_one({name: _bounded(error) for name, error in errors.items()})  # type: ignore[no-untyped-call]
        self.trees.learn_one(self._places(errors))  # type: ignore[no-untyped-call]
        self.seen += 1

    def _learn_score(self, raw: float) -> None:
        gain = max(SCORE_GAIN, 1.0 / (self.seen - WINDOW + 1))
        surprise = raw - self.mean
        if self.seen >= 2 * WINDOW:
            beyond = self._distance(raw) > self.limit
            crossed, self.beyond = beyond and not self.beyond, beyond
            self.limit = self.limit + LIMIT_STEP if crossed else max(LIMIT_LEAST, self.limit - LIMIT_EASE)
            most = LIMIT_LEAST * max(self.spread, SCORE_RESOLUTION)
            surprise = min(max(surprise, -most), most)
        self.mean += gain * surprise
        self.spread += gain * (abs(surprise) - self.spread)

    def judge_one(self, errors: Mapping[str, float]) -> Judgement:
        """Score errors, then learn them."""
        judgement = Judgement(self.score_one(errors), outstanding(errors))
        self.learn_one(errors)
        return judgement

    def save(self) -> SavedModel:
        """Return the model as plain data; what is dear of it is made anew only when something was learned."""
        if self._plain is None or self._plain.seen != self.seen:
            self._plain = Plain(self.seen, dump(self.scaler), dump(self.trees))
        return SavedModel(
            self.service, self.members, self._plain.scaler, self._plain.trees,
            self.seen, self.mean, self.spread, self.limit, self.beyond, self.excursion,
        )  # fmt: skip

    @classmethod
    def restore(cls, saved: SavedModel) -> JointModel:
        """Return the model that was saved."""
        model = cls(saved.service, saved.members)
        model.scaler, model.trees = load(saved.scaler), load(saved.trees)
        model.seen, model.mean, model.spread = saved.seen, saved.mean, saved.spread
        model.limit, model.beyond = saved.limit, saved.beyond
        model.excursion = saved.excursion
        return model
