"""Shapes: the named patterns of a single series over a data set, by the worker's own step.

Names of a data set mean nothing to the worker, so what needs one is not judged: stocks, thresholds, roles of a service.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.patterns_roles import Trait
from detectors.patterns_series import FLATLINE, RHYTHM, SERIES, SHAPES, VARIANCE
from detectors.patterns_steps import NOTE, TRAIT, rule_of, step_values
from streams.evaluate.traces import Trace
from topics.settings import Settings

NAMELESS = (FLATLINE, VARIANCE, RHYTHM)
"""The shapes that are judged whatever a series is called."""


def shapes_of(trace: Trace, settings: Settings) -> NDArray[np.bool_]:
    """Return where which shape begins in each series of a trace, [n, metrics, shapes].

    >>> at_s = np.arange(0.0, 120_000.0, 60.0)
    >>> values = np.where(at_s < 60_000.0, np.random.default_rng(1).normal(size=len(at_s)), 7.0)
    >>> said = shapes_of(Trace("still", at_s, values[:, None], 0), Settings())
    >>> [SHAPES[k] for k in np.flatnonzero(said[990:1020, 0].any(axis=0))]
    ['flatline']
    """
    said = np.zeros((*trace.values.shape, len(SHAPES)), np.bool_)
    trait = np.zeros(1, TRAIT)
    for field in TRAIT.names or ():
        trait[field] = getattr(Trait(), field)
    for metric, values in enumerate(np.ascontiguousarray(trace.values.T)):
        one, of_metric = np.zeros(1, SERIES), np.zeros((len(trace), len(SHAPES)), np.bool_)
        notes = np.zeros(len(SHAPES) + 1, NOTE)
        step_values(one, trait, values, trace.at_s, rule_of(settings), notes, of_metric)
        said[:, metric] = of_metric
    return said
