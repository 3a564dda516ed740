"""Slices of sweeps along some of their axes, with the others fixed or averaged over."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from jfnn.analysis import summary
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import axis_text, describe, value_text
from jfnn.core.search.result import SweepResult
from jfnn.core.search.run_directory import OUTCOMES
from jfnn.core.search.runs import ProgramRun

MEAN = "mean"
BEST = "best"
Word = Literal["mean", "best"]
At = Mapping[str, int | Word] | Word


def slice_result(
    result: SweepResult, names: Sequence[str], at: At | None = None
) -> tuple[SweepResult, dict[str, Any]]:
    """Slice a grid along some axes; also return the index on each other axis, "mean" or "best".

    Seeds and folds remain the last axes unless they are shown or fixed. A score averaged over an axis is NaN
    where any of its cells diverged; a cell counts as pruned or stopped if any of them does. On axes at
    "best", each position shows the cell that ranks first among all combinations of their values.

    Args:
        result: The grid.
        names: Names of axes in order, which may include "seed" and "fold" (or the name of subsets).
        at: Index (from 0) on each other axis, "mean" or "best"; or one of these words for all other
            hyperparameters. The default is the best cell's index, or 0 if no cell ranks.

    Raises:
        ValueError, TypeError: No such axis, or no such index.
    """
    values = axis_values(result)
    fold = axis_name(result, "fold")
    names = [axis_name(result, name) for name in names]
    over_epochs = any(isinstance(name, str) and name in ("epoch", "epochs") for name in names)
    others = "jfnn.plots.interval_curves draws over the epochs" * over_epochs
    if len({checks.as_choice(name, "axes", values, others) for name in names}) < len(names):
        raise ArgumentError("axes", f"expected different axes, got {', '.join(names)}")
    best = result.best_or_none()
    indices: dict[str, Any] = dict.fromkeys(result.axes, 0)
    indices |= zip(result.axes, best.index, strict=True) if best else ()
    if isinstance(at, str):
        checks.as_choice(at, "at", (MEAN, BEST))
        at = dict.fromkeys([name for name in result.axes if name not in names], at)
    at = {axis_name(result, name): index for name, index in at.items()} if isinstance(at, Mapping) else at
    lengths_of = {name: len(axis) for name, axis in values.items() if name not in names}
    words = {name: (MEAN,) if name in ("seed", fold) else (MEAN, BEST) for name in lengths_of}
    indices |= as_indices(at, lengths_of, words)
    indices = {n: i for n, i in indices.items() if n not in names and (i != MEAN or n not in ("seed", fold))}
    chosen = [name for name, index in indices.items() if index == BEST]
    left = [name for name in values if name not in indices or name in chosen]
    runs = [name for name in left if name in ("seed", fold) and name not in names]
    of_runs = [len(values[name]) for name in runs]
    lengths = [*(len(values[name]) for name in names), *[1] * ("seed" not in runs), *of_runs]

    def cut(array: np.ndarray, average: Any = np.max) -> np.ndarray:
        for i, name in reversed([*enumerate(values)]):
            if name not in left:
                array = average(array, axis=i) if indices[name] == MEAN else array.take(indices[name], axis=i)
        return array.transpose([left.index(n) for n in (*chosen, *names, *runs)]).reshape(-1, *lengths)

    means = result.ranked(result.cell_scores())
    costs = np.where(np.isnan(means), np.inf, -means if result.higher_is_better() else means)
    costs = costs.reshape(*costs.shape, *[1] * (result.diverged_at.ndim - costs.ndim))
    costs = np.broadcast_to(costs, result.diverged_at.shape)  # one per member
    first = cut(costs, np.mean).argmin(axis=0, keepdims=True)

    def at_best(array: np.ndarray) -> np.ndarray:
        return np.asarray(np.take_along_axis(array, first, axis=0)[0])

    arrays: dict[str, Any] = {name: at_best(cut(vars(result)[name])) for name in OUTCOMES}
    arrays["scores"] = {name: at_best(cut(scores, np.mean)) for name, scores in result.scores.items()}
    arrays |= {"history": {}, "evaluations": result.evaluations[:0], "objective": None, "terms": {}}
    arrays |= {"runs": (ProgramRun(config=result.config),)}
    seeds = result.seeds if "seed" in runs else np.zeros(1)
    folds = result.folds if fold in runs else None
    axes = {name: values[name] for name in names}
    return dataclasses.replace(result, axes=axes, seeds=seeds, folds=folds, **arrays), indices


def axis_values(result: SweepResult) -> dict[str, np.ndarray]:
    """Return the values of all axes by name, including "seed" and, if any, "fold" (0, 1, …) or subsets."""
    folds = {} if result.folds is None else {axis_name(result, "fold"): np.arange(result.folds)}
    axes = dict(result.axes)
    if "batch_size" in axes and 0 in axes["batch_size"]:  # 0 means full batches
        sizes = axes["batch_size"].tolist()
        axes["batch_size"] = np.array([value_text("batch_size", size) for size in sizes])
    runs = {"seed": result.seeds, **folds, **result.subset_values}
    return axes | {name: values for name, values in runs.items() if name not in axes}  # a slice may have them


def axis_name(result: SweepResult, name: object) -> Any:
    """Return the sweep's own name for the axis "fold"; other names as they are."""
    if isinstance(name, str) and name == "fold":
        word = summary.fold_word(result)
        return next(iter(result.subset_values), "fold" if word in result.axes else word)
    return name


def caption_parts(
    result: SweepResult, part: SweepResult, indices: Mapping[str, object], runs: bool = True
) -> list[str]:
    """Return parts of a caption: runs (if wanted) and axes averaged over, and the values of fixed axes."""
    over = summary.averaged_over(part) if runs else ""
    values = axis_values(result)
    averaged = [over] * bool(over) + [f"the axis {name}" for name, index in indices.items() if index == MEAN]
    best = [axis_text(n) for n, index in indices.items() if index == BEST and len(values[n]) > 1]
    chosen = {n: i for n, i in indices.items() if isinstance(i, int) and (n != "l2" or values[n].any())}
    fixed = [describe({name: values[name][index]}) for name, index in chosen.items()]
    single = ["1 seed"] if runs and "seed" not in {*indices, *part.axes} else []
    text = [f"mean of {' and '.join(averaged)}"] if averaged else single
    return text + [f"each at its best {', '.join(best)}"] * bool(best) + [", ".join(fixed)] * bool(fixed)


def as_indices(
    at: object, lengths: Mapping[str, int], words: Mapping[str, Collection[str]] | None = None
) -> dict[str, Any]:
    """Return checked indices on axes that are not shown; empty for None.

    Args:
        at: The argument "at" to check.
        lengths: Name of each axis that is not shown -> its length.
        words: Name of an axis -> words allowed instead of an index; None for no words.
    """
    if not isinstance(at, Mapping | None):
        expected = f"{MEAN!r}, {BEST!r} or a dict of names to indices" if words else "a dict"
        raise ArgumentTypeError("at", f"expected {expected}, got {checks.as_text(at)}")
    indices: dict[str, Any] = {}
    for name, index in (at or {}).items():
        if name not in lengths:
            others = ", ".join(lengths) or "none"
            got = checks.as_text(name)
            raise ArgumentError("at", f"expected axes that are not shown ({others}), got {got}")
        allowed = words[name] if words else ()
        if isinstance(index, str) and index in allowed:
            indices[name] = index
            continue
        try:
            indices[name] = checks.as_count(index, "at", 0, lengths[name] - 1)
        except ArgumentError:
            expected = " or ".join([f"an index below {lengths[name]}", *map(repr, allowed)])
            got = checks.as_text(index)
            raise ArgumentError("at", f"expected {expected} on the axis {name}, got {got}") from None
    return indices
