"""Hypothesis strategies for results with any axes, seeds, folds, histories and scores."""

import dataclasses

import numpy as np
from helpers import make_programs, make_result, make_sampled, make_single
from hypothesis import strategies

from jfnn.core.search.result import with_run

# Kind -> function returning numbers from 0 to 1 in a given shape, from which scores are made.
UNITS = {
    "spread": lambda rng, shape: rng.random(shape),
    "near 1": lambda rng, shape: 1 - rng.random(shape) / 20,
    "constant": lambda rng, shape: np.full(shape, 0.7),
    "all 0": lambda rng, shape: np.zeros(shape),
    "equal but for rounding": lambda rng, shape: 0.7 + 2.0**-53 * rng.integers(0, 3, shape),
    "coarse": lambda rng, shape: rng.integers(0, 3, shape) / 2,
    "ten decades": lambda rng, shape: 10.0 ** rng.uniform(-10, 0, shape),
}
# Kind -> function returning n distinct values of an axis.
VALUES = {
    "decades": lambda rng, n: np.geomspace(1e-5, 10, n),
    "falling": lambda rng, n: np.linspace(0.05, 0.95, n)[::-1],
    "close": lambda rng, n: 0.1 + 1e-5 * np.arange(n),
    "whole": lambda rng, n: np.arange(1.0, n + 1) * 4,
    "sixteen decades": lambda rng, n: 10.0 ** rng.uniform(-8, 8, n),
}
FROM_ZERO = {"from 0": lambda rng, n: np.append(0.0, np.geomspace(1e-4, 1, n))[:n]}
EQUAL = {"equal": lambda rng, n: np.full(n, 0.1)}  # for lists only
ZERO = {"zero": lambda rng, n: np.zeros(n)}
FURTHER = {"momentum": [0.0, 0.5, 0.9], "init_scale": [2.0], "own": [-1.0, 3.0]}
# Axes of networks and batch sizes.
PROGRAMS = [
    {"networks": ("20", "10-10")},
    {"networks": ("32", "8", "16"), "batch_sizes": (50, 0)},
    {"networks": ("wide <b>", "8 relu", "16-16")},
    {"networks": tuple(str(2**n) for n in range(14))},
    {"networks": tuple(f"{n}-relu" for n in range(14))},
    {"named": {"width": [5, 50], "optimizer": ["sgd", "adam", "lion"]}},
    {"networks": ("20",), "batch_sizes": (16, 32, 64)},
]
GRIDS = [(1, 1), (2, 1), (1, 5), (3, 4), (7, 7), (12, 3), (20, 2), (3, 40), (25, 40)]
LISTS = [1, 2, 12, 30, 1000]
DIVERGED = [0.0, 0.0, 0.1, 0.1, 0.1, 1.0]  # fractions of all members
HISTORY = (0, 1, 2, 6, 30)
# Values of folds that are subsets; some are equal.
SUBSETS = [{}, {"rows": [100, 20, 20, 100]}, {"group": ["b", "a", "d", "c"]}, {"kind": ["b", "a", "b", "b"]}]
generators = strategies.integers(0, 2**32 - 1).map(np.random.default_rng)


@strategies.composite
def results(draw, kinds=("grid", "cells", "programs", "single"), most=1000, histories=HISTORY):
    """Draw a result with random scores.

    Args:
        draw: From hypothesis.
        kinds: "grid", "cells" of a list, "programs" of grids or lists, "single" as returned by `jfnn.train`.
        most: Maximum number of cells of a grid or a list.
        histories: Possible numbers of evaluations.
    """
    rng = draw(generators)
    kind = draw(strategies.sampled_from(kinds))
    listed = kind == "cells" or (kind == "programs" and draw(strategies.booleans()))
    options = {
        "classes": draw(strategies.booleans()),
        "history": draw(strategies.sampled_from(histories)),
        "validates": draw(strategies.booleans()),
    }
    if kind == "single":
        return _with_scores(draw, make_single(**options), rng)
    options["seeds"] = draw(strategies.sampled_from([1, 2, 3, 5]))
    options["folds"] = draw(strategies.sampled_from([None, None, 2, 4]))
    further = draw(strategies.sets(strategies.sampled_from(sorted(FURTHER)), max_size=2))
    if kind == "programs":
        most = min(most, 6)
    if listed:
        options["n"] = draw(strategies.sampled_from([n for n in LISTS if n <= most]))
        options["axes"] = {name: np.zeros(options["n"]) for name in sorted(further)}
    else:
        sizes = [shape for shape in GRIDS if np.prod(shape) <= most]
        options["shape"] = draw(strategies.sampled_from(sizes))
        if 6 * np.prod(options["shape"]) <= most:
            options["further"] = {name: np.array(FURTHER[name]) for name in sorted(further)}.items()
    make = make_sampled if listed else make_result
    if kind == "programs":
        result = make_programs(make=make, **draw(strategies.sampled_from(PROGRAMS)), **options)
    else:
        result = make(**options)
    result = dataclasses.replace(result, axes=_axes(draw, result, rng))
    if result.folds:
        values = draw(strategies.sampled_from(SUBSETS))
        subsets = {name: np.array(array[: result.folds]) for name, array in values.items()}
        result = dataclasses.replace(result, subset_values=subsets)
        if not result.runs[0].key and draw(strategies.booleans()):
            result = with_run(result, config={"settings": {"subsets": {}}})
    return _with_scores(draw, result, rng)


def _axes(draw, result, rng):
    """Map names to new values on all axes except program axes; a list may have equal values."""
    axes = dict(result.axes)
    kinds = VALUES if result.crossed else VALUES | EQUAL
    for name in list(axes)[len(result.runs[0].key) :]:
        if name in FURTHER and result.crossed:
            continue
        known = kinds if name == "learning_rate" else kinds | FROM_ZERO
        known = known | ZERO if name == "l2" and not result.crossed else known
        axes[name] = known[draw(strategies.sampled_from(sorted(known)))](rng, len(axes[name]))
    return axes


def _with_scores(draw, result, rng):
    """Replace scores and histories; some members diverged, stopped or were pruned."""
    shape = result.diverged_at.shape
    count = len(result.evaluations)
    unit = UNITS[draw(strategies.sampled_from([*["spread"] * 6, *UNITS]))]
    scale = 10.0 ** draw(strategies.integers(-3, 5))
    diverged = np.array(rng.random(shape) < draw(strategies.sampled_from(DIVERGED)))
    stopped = ~diverged & np.array(rng.random(shape) < draw(strategies.sampled_from([0.0, 0.2])))
    prunes = np.array(rng.random(result.cell_shape) < draw(strategies.sampled_from([0.0, 0.0, 0.3, 1.0])))
    prunes &= result.cell_shape != ()  # a single network is never pruned
    tests = draw(strategies.sampled_from([True, True, False]))
    ended = np.where(diverged | stopped, rng.integers(0, count + 1, shape), count)
    is_past = np.arange(count) >= ended[..., None]
    metrics = dict(result.metrics)
    if draw(strategies.integers(0, 4)) == 0:
        metrics = {"loss": False}
    scores = {}
    histories = {}
    for name in result.scores:
        part, _, metric = name.partition("_")
        if metric not in metrics:
            continue
        units = unit(rng, (*shape, count + 1))
        numbers = {"accuracy": units, "loss": scale * units, "r2": 1 - 2 * max(scale, 1) * units}[metric]
        has_rows = tests if part == "test" else part == "train" or result.ranked_by.startswith("validation")
        histories[name] = np.where(is_past | ~np.array(has_rows), np.nan, numbers[..., :-1])
        scores[name] = np.where(diverged | ~np.array(has_rows), np.nan, numbers[..., -1])
    part, _, metric = result.ranked_by.partition("_")
    metric = draw(strategies.sampled_from(list(metrics)))
    part = "train" if part == "test" and not tests else part
    places = prunes.reshape(prunes.shape + (1,) * (len(shape) - prunes.ndim))
    return dataclasses.replace(
        result,
        metrics=metrics,
        scores=scores,
        history=histories if count else {},
        ranked_by=f"{part}_{metric}",
        diverged_at=np.where(diverged, ended, -1),
        stopped_at=np.where(stopped, ended, -1),
        pruned=np.broadcast_to(places, shape).copy(),
        epochs=np.where(stopped, np.maximum(ended, 1), 10),
    )
