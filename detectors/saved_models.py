"""River models as plain data and back: a list of classes, each with its own two functions, and never a pickle."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from river.anomaly import HalfSpaceTrees
from river.preprocessing import StandardScaler
from river.tree.padded import PaddedBranch, PaddedLeaf

LEAF = 255


class SavedScaler(msgspec.Struct, array_like=True, gc=False, tag="standard scaler"):
    """What is known of each feature: name, count, mean, variance."""

    features: list[tuple[str, int, float, float]]


class SavedTree(msgspec.Struct, array_like=True, gc=False):
    """A tree's nodes, depth first: feature by position (255: a leaf), threshold, past and present mass."""

    features: bytes
    thresholds: bytes
    past: bytes
    present: bytes


class SavedForest(msgspec.Struct, array_like=True, gc=False, tag="half-space trees"):
    """Half-space trees: how they are made, how far their window is, and the trees themselves once there are some."""

    n_trees: int
    height: int
    window_size: int
    seed: int | None
    counter: int
    first_window: bool
    features: list[str]
    trees: list[SavedTree]


Saved = SavedScaler | SavedForest


def dump(model: Any) -> Saved:
    """Return a model as plain data; one of a class that is not listed here is refused.

    >>> scaler = StandardScaler()
    >>> scaler.learn_one({"x": 3.0})
    >>> dump(scaler)
    SavedScaler(features=[('x', 1, 3.0, 0.0)])
    """
    if isinstance(model, StandardScaler):
        counts = model.counts
        return SavedScaler([(name, counts[name], model.means[name], model.vars[name]) for name in sorted(counts)])
    if isinstance(model, HalfSpaceTrees):
        forest = [_nodes(tree) for tree in model.trees]
        features = sorted({node.feature for nodes in forest for node in nodes if isinstance(node, PaddedBranch)})
        places = {feature: place for place, feature in enumerate(features)}
        trees = [_dump_tree(nodes, places) for nodes in forest]
        first = bool(model._first_window)
        return SavedForest(
            model.n_trees, model.height, model.window_size, model.seed, model.counter, first, features, trees
        )
    raise TypeError(
        f"expected a StandardScaler or HalfSpaceTrees, got {type(model).__name__}: teach dump and load its class"
    )


def load(saved: Saved) -> Any:
    """Return the model that `dump` was given; it scores and learns as that one would have."""
    if isinstance(saved, SavedScaler):
        scaler = StandardScaler()
        for name, count, mean, variance in saved.features:
            scaler.counts[name], scaler.means[name], scaler.vars[name] = count, mean, variance
        return scaler
    forest = HalfSpaceTrees(saved.n_trees, saved.height, saved.window_size, seed=saved.seed)
    forest.counter, forest._first_window = saved.counter, saved.first_window
    forest.trees = [_load_tree(tree, saved.features) for tree in saved.trees]
    forest._tree_nodes = [_nodes(tree) for tree in forest.trees]
    return forest


def _nodes(tree: Any) -> list[Any]:
    return list(tree.iter_dfs())


def _dump_tree(nodes: list[Any], places: dict[str, int]) -> SavedTree:
    return SavedTree(
        bytes(places[node.feature] if isinstance(node, PaddedBranch) else LEAF for node in nodes),
        np.array([node.threshold for node in nodes if isinstance(node, PaddedBranch)], np.float64).tobytes(),
        np.array([node.r_mass for node in nodes], np.int32).tobytes(),
        np.array([node.l_mass for node in nodes], np.int32).tobytes(),
    )


def _load_tree(saved: SavedTree, features: list[str]) -> Any:
    thresholds = iter(np.frombuffer(saved.thresholds, np.float64).tolist())
    past, present = (np.frombuffer(masses, np.int32).tolist() for masses in (saved.past, saved.present))
    nodes = iter(zip(saved.features, past, present, strict=True))

    def grow() -> Any:
        place, r_mass, l_mass = next(nodes)
        if place == LEAF:
            return PaddedLeaf(r_mass=r_mass, l_mass=l_mass)  # type: ignore[no-untyped-call]
        threshold = next(thresholds)
        left, right = grow(), grow()
        return PaddedBranch(left, right, features[place], threshold, l_mass, r_mass)  # type: ignore[no-untyped-call]

    return grow()
