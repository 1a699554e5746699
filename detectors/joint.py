"""Joint judgement: how unusual the errors of a service's series are together, given how they usually go together.

The squared Mahalanobis distance (1936) of bounded errors under an exponentially weighted covariance that is drawn
towards the identity (Ledoit and Wolf 2004). Errors come in units of each series' own usual error, so the identity is
what series that have nothing to do with each other have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.anomaly_excursions import MOST_RAISED, say
from detectors.anomaly_rows import DAY_S, EXCUSED_DAYS, NEAREST
from detectors.anomaly_views import RESOLUTION, SMALLEST
from detectors.compiled import kernel
from detectors.covariance import MEMBERS, apart, blank_covariance, distance, factorise, pair
from detectors.statistics import clamp, gain_after, normal_bound

GAIN = 1 / 4000

# The score is 1 where the distance of normal errors is so many deviations away as `alarms_per_day` allows. Errors go
# astray together more often than normal ones do: what those pass so much more rarely is the limit. What one series
# does alone is judged elsewhere: its error counts for no more than the limit here, and the score asks for many.
RARER = 1e-6
PER_VECTOR = 0.1 * 300 / DAY_S
LIMIT = 6.3
"""That of a vector in five minutes at a tenth of an alarm a day."""

# What comes out of nothing counts for so much; in full, where the vector before was that far out divided by FOLLOWS.
OUT_OF_NOTHING, FOLLOWS = 0.8, 1.5

# Who alarms must say more from then on, by the factor e^RAISE each time. That fades so that as many alarms as its
# series are promised together keep it where it is.
RAISE = 0.1

# Excursions are those of single series (`say`), but for the last alarm's height: it fades over three vectors.
PEAK_KEPT = math.exp(-1 / 3)
CALM, UNUSUAL = 1, 2

# Of the series that stand out the first is named, and those after it that are so far from what the others let expect.
NAMED = 3
STANDS_OUT = 2.0

# One service. In words, beside what the names say:
#   asked_ms        when a vector was last taken, on the log's clock
#   seen            how many vectors were learned; last: how far out the last one was
#   raised          by how much more than 1 a score must be to be said; before: that when the excursion began
#   height, excused  how high the excursion is or was, at its highest; how high a person has called usual
#   since_s, peak, excursion, told, waited, wait, back   of the excursion, as in the row of a series
JOINT = np.dtype(
    [
        *[(name, "f8") for name in ("since_s", "peak", "height", "excused", "last", "raised", "before")],
        ("asked_ms", "i8"),
        *[(name, "i4") for name in ("seen", "waited", "wait")],
        *[(name, "u1") for name in ("excursion", "told", "back")],
        ("_", "u1"),
    ]
)


@kernel
def reach(n, limit):  # type: ignore[no-untyped-def]
    """Return the squared distance of n normal errors at `limit` deviations (Wilson and Hilferty 1931).

    >>> round(reach(10.0, 0.0), 1), round(reach(10.0, 3.09), 1)  # of chi-square: median 9.3, and 99.9 % below 29.6
    (9.3, 29.8)
    """
    variance = 2.0 / (9.0 * n)
    return n * (1.0 - variance + limit * math.sqrt(variance)) ** 3


@kernel
def limit_for(per_value):  # type: ignore[no-untyped-def]
    """Return how many deviations away a distance may be, if so many alarms may be raised a vector.

    >>> round(limit_for(0.1 * 300 / 86_400), 2), round(limit_for(1.0 * 300 / 86_400), 2)
    (6.28, 5.91)
    """
    return normal_bound(RARER * min(per_value, 1.0))


@kernel
def fade_for(per_vector, n):  # type: ignore[no-untyped-def]
    """Return how much of a raised threshold is forgotten a vector, if each of n series may alarm so often a vector."""
    return min(RAISE * per_vector * n, 0.5)


@kernel
def far_out(joint, squared, n, limit, warmup):  # type: ignore[no-untyped-def]
    """Return how far out a squared distance of n errors is: 1 at the limit, 0 while the service warms up."""
    if joint.seen < warmup:
        return 0.0
    return math.sqrt(squared / reach(n, limit)) / max(joint.excused, 1.0)


@kernel
def score(joint, how):  # type: ignore[no-untyped-def]
    """Return how unusual a vector is that is so far out, above 1 is anomalous: less, if it comes out of nothing."""
    return min(how, max(FOLLOWS * joint.last, OUT_OF_NOTHING * how))


@kernel
def learn(joint, cov, places, errors, n, how):  # type: ignore[no-untyped-def]
    """Fold errors into how they usually go together; what is beyond the limit teaches as what is at it."""
    weight = 1.0 / max(how * how, 1.0)
    gain = gain_after(joint.seen + 1, GAIN)
    for i in range(n):
        for j in range(i + 1):
            k = pair(places[i], places[j])
            cov[k] += gain * (weight * errors[i] * errors[j] - cov[k])
    joint.seen, joint.last = min(joint.seen + 1, 1_000_000_000), how


@kernel
def tell(joint, how, fade, at_s):  # type: ignore[no-untyped-def]
    """Begin, go on with, or end the excursion; return what is to be said of it: UNUSUAL, CALM, mostly nothing."""
    before = joint.excursion
    alarm, fresh = say(joint, how / (1 + joint.raised), PEAK_KEPT, at_s)
    if joint.excursion and not before:
        joint.height, joint.before = 0.0, joint.raised
    if how > 1 + joint.raised:
        joint.height = max(joint.height, how * max(joint.excused, 1.0))
    joint.raised = max((1 + joint.raised) * (1 - fade) - 1, 0.0)
    if alarm and fresh:
        joint.raised = min((1 + joint.raised) * math.exp(RAISE) - 1, MOST_RAISED)
    if alarm:
        joint.told = 1
        return UNUSUAL
    if joint.told and not joint.excursion:
        joint.told = 0
        return CALM
    return 0


@kernel
def say_vectors(joints, scores, at_s, threshold, fade, said):  # type: ignore[no-untyped-def]
    """Mark where alarms of one service are said, by `tell` alone, if `threshold` is to be passed instead of 1."""
    for i in range(len(scores)):
        said[i] = tell(joints[0], scores[i] / threshold, fade, at_s[i]) == UNUSUAL


@kernel
def outstanding(factor, white, places, n, named):  # type: ignore[no-untyped-def]
    """Fill `named` with the places of at most three errors that stand out, the furthest apart first, then -1."""
    far = np.empty(n)
    apart(factor, white, n, far)
    named[:] = -1
    for k in range(min(NAMED, n)):
        best = 0
        for i in range(1, n):
            if abs(far[i]) > abs(far[best]):
                best = i
        if k > 0 and abs(far[best]) < STANDS_OUT:
            return
        named[k] = places[best]
        far[best] = 0.0


# What is said of a service, before it becomes a record.
NOTE = np.dtype(
    [("service", "i8"), ("code", "i8"), ("at_s", "f8"), ("since_s", "f8"), ("score", "f8"), ("named", "i8", NAMED)]
)


@kernel
def judge_vector(  # type: ignore[no-untyped-def]
    joint, cov, places, errors, n, per_vector, at_s, late, warmup, note, factor, white
):
    """Judge n errors, at ascending places, and learn them; return whether the note says anything.

    per_vector     how often each series may alarm a vector
    """
    limit = limit_for(per_vector)
    for i in range(n):
        errors[i] = clamp(errors[i], limit)
    factorise(cov, joint.seen, places, n, factor)
    how = far_out(joint, distance(factor, errors, n, white), n, limit, warmup)
    note.score, note.at_s = score(joint, how), at_s
    note.code = 0 if late else tell(joint, note.score, fade_for(per_vector, n), at_s)
    note.since_s, note.named[:] = joint.since_s, -1
    if note.code == UNUSUAL:
        outstanding(factor, white, places, n, note.named)
    learn(joint, cov, places, errors, n, how)
    return note.code != 0


@kernel
def error_of(row):  # type: ignore[no-untyped-def]
    """Return how far a row's last value is from its mean of late and from what came nearest to it, in usual errors."""
    usual = max(math.sqrt(row.squares[NEAREST]), RESOLUTION * abs(row.slow), SMALLEST)
    return math.sqrt(0.5) * (row.error + clamp(row.errors[NEAREST] / usual, 1e9))


@kernel
def judge_services(rows, joints, covs, members, services, clock_ms, rule, scores, notes):  # type: ignore[no-untyped-def]
    """Judge one vector of each of the services, and learn it; return how many notes were taken.

    A service comes as often as the most frequent of its series, but not more than once a bucket.

    members        by service and place: the row of a series, -1 where there is none
    scores         by service: how unusual its vector was, whether that is said or not
    """
    places, errors = np.empty(MEMBERS, np.int64), np.empty(MEMBERS)
    factor, white = np.empty((MEMBERS, MEMBERS)), np.empty(MEMBERS)
    taken = 0
    for s in services:
        if joints[s].asked_ms:
            joints[s].excused *= math.exp((joints[s].asked_ms - clock_ms) / (1000 * DAY_S * EXCUSED_DAYS))
        joints[s].asked_ms = clock_ms
        at_s, step_s, n = 0.0, math.inf, 0
        for place in range(MEMBERS):
            if members[s, place] < 0:
                continue
            row = rows[members[s, place]]
            if row.seen and not row.silent:
                places[n], errors[n] = place, error_of(row)
                at_s, step_s = max(at_s, row.judged_at_s), min(step_s, row.step_s)
                n += 1
        if n < 2:
            continue
        note = notes[taken]
        note.service = s
        late = clock_ms / 1000 - at_s > rule.late_s
        per_vector = rule.alarms_per_day * max(step_s, rule.bucket_s) / DAY_S
        taken += judge_vector(
            joints[s], covs[s], places, errors, n, per_vector, at_s, late, rule.warmup, note, factor, white
        )
        scores[s] = note.score
    return taken


class Judgement(NamedTuple):
    """How unusual a vector is, and the series that stand out, most unusual first."""

    score: float
    stands_out: tuple[str, ...]


class JointModel:
    """One service alone, by the same formulas: at most 24 series, whose errors are asked about and learned together.

    Each error is in units of its series' own usual error.

    members        the series; warmup: silent until so many vectors are learned
    per_vector     how many alarms each series may raise a vector: a tenth a day, one in five minutes

    >>> model = JointModel(["shop/requests", "shop/cpu"])
    >>> for k in range(200):
    ...     model.learn_one({"shop/requests": k % 5 - 2.0, "shop/cpu": k % 5 - 2.0})
    >>> model.score_one({"shop/requests": 3.0, "shop/cpu": 3.0}) < 1
    True
    >>> model.judge_one({"shop/requests": 3.0, "shop/cpu": -3.0}).stands_out
    ('shop/requests', 'shop/cpu')
    """

    def __init__(self, members: Sequence[str], warmup: int = 60, per_vector: float = PER_VECTOR) -> None:
        if not 2 <= len(members) <= MEMBERS:
            raise ValueError(f"members must be 2 to {MEMBERS} series, got {len(members)}")
        self.members, self.warmup, self.per_vector = tuple(members), warmup, per_vector
        self.joints = np.zeros(1, JOINT)
        self.cov = blank_covariance()

    def judge_one(self, errors: Mapping[str, float], at_s: float = 0.0) -> Judgement:
        """Score errors, then learn them; what stands out is told where it is to be said."""
        return self._judge(errors, at_s, self.joints, self.cov)

    def score_one(self, errors: Mapping[str, float]) -> float:
        """Return how unusual errors are together; above 1 is anomalous; 0 while warming up; leave no trace."""
        return self._judge(errors, 0.0, self.joints.copy(), self.cov.copy()).score

    def learn_one(self, errors: Mapping[str, float]) -> None:
        """Fold errors into how they usually go together."""
        self.judge_one(errors)

    def _judge(
        self, errors: Mapping[str, float], at_s: float, joints: NDArray[np.void], cov: NDArray[np.float32]
    ) -> Judgement:
        known = [(place, errors[name]) for place, name in enumerate(self.members) if name in errors]
        if len(known) < 2:
            return Judgement(0.0, ())
        n, notes = len(known), np.zeros(1, NOTE)
        places = np.array([place for place, _ in known], np.int64)
        vector = np.array([float(error) for _, error in known])
        judge_vector(
            joints[0], cov, places, vector, n, self.per_vector, at_s, False, self.warmup, notes[0], np.empty((n, n)),
            np.empty(n),
        )  # fmt: skip
        named: list[Any] = notes[0]["named"].tolist()
        return Judgement(float(notes[0]["score"]), tuple(self.members[place] for place in named if place >= 0))
