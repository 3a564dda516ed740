"""Slices of sweeps along some of their axes: the others fixed, or averaged over."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from jfnn.analysis import summary
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.texts import describe, value_text
from jfnn.search.result import SweepResult
from jfnn.search.run_directory import OUTCOMES

At = Mapping[str, int | Literal["mean"]]
MEAN = "mean"


def sliced(
    result: SweepResult, names: Sequence[str], at: At | None = None
) -> tuple[SweepResult, dict[str, Any]]:
    """A grid along some of its axes, and the index on each of the others, or "mean".

    Seeds and folds stay behind them, unless they are shown or fixed. A score averaged over an axis is NaN
    where one of its cells diverged; a cell counts as pruned or stopped where one of them does.

    Args:
        result: The grid.
        names: Names of axes in order, "seed" and "fold" (or the name of subsets) among them.
        at: Index (from 0) on each of the others, or "mean". Hyperparameters not named are as in the best
            cell, or at 0 where none ranks.

    Raises:
        ValueError, TypeError: No such axis, or no such index.
    """
    values = axis_values(result)
    fold = fold_axis(result)
    names = [fold_axis(result, name) for name in names]
    over_epochs = any(isinstance(name, str) and name in ("epoch", "epochs") for name in names)
    others = "jfnn.plots.interval_curves draws over the epochs" * over_epochs
    if len({checks.as_choice(name, "axes", values, others) for name in names}) < len(names):
        raise ArgumentError("axes", f"expected different ones, got {', '.join(names)}")
    best = result.best_or_none()
    indices: dict[str, Any] = dict.fromkeys(result.axes, 0)
    indices |= zip(result.axes, best.index, strict=True) if best else ()
    at = {fold_axis(result, name): index for name, index in at.items()} if isinstance(at, Mapping) else at
    indices |= _as_indices(at, {name: len(axis) for name, axis in values.items() if name not in names})
    indices = {n: i for n, i in indices.items() if n not in names and (i != MEAN or n not in ("seed", fold))}
    left = [name for name in values if name not in indices]
    runs = [name for name in left if name in ("seed", fold) and name not in names]
    lengths = (
        [len(values[name]) for name in names] + [1] * ("seed" not in runs) + [len(values[n]) for n in runs]
    )

    def cut(array: np.ndarray, average: Any = np.max) -> np.ndarray:
        for i, name in reversed([*enumerate(values)]):
            if name in indices:
                array = average(array, axis=i) if indices[name] == MEAN else array.take(indices[name], axis=i)
        return array.transpose([left.index(name) for name in (*names, *runs)]).reshape(lengths)

    arrays: dict[str, Any] = {name: cut(vars(result)[name]) for name in OUTCOMES}
    arrays["scores"] = {name: cut(scores, np.mean) for name, scores in result.scores.items()}
    arrays |= {
        "history": {},
        "evaluations": result.evaluations[:0],
        "params": None,
        "objective": None,
        "terms": {},
    }
    arrays |= {"programs": (), "kept_cell": None}
    seeds = result.seeds if "seed" in runs else np.zeros(1)
    folds = result.folds if fold in runs else None
    axes = {name: values[name] for name in names}
    return dataclasses.replace(result, axes=axes, seeds=seeds, folds=folds, **arrays), indices


def axis_values(result: SweepResult) -> dict[str, np.ndarray]:
    """Values of all axes by name, "seed" and "fold" (numbers from 0) or that of subsets among them."""
    folds = {} if result.folds is None else {fold_axis(result): np.arange(result.folds)}
    axes = dict(result.axes)
    if "batch_size" in axes and 0 in axes["batch_size"]:  # full batches among them
        sizes = axes["batch_size"].tolist()
        axes["batch_size"] = np.array([value_text("batch_size", size) for size in sizes])
    return {**axes, "seed": result.seeds, **folds, **result.subset_values}


def fold_axis(result: SweepResult, name: object = "fold") -> Any:
    """Name of the axis of folds: "fold", or of `jfnn.subsets` theirs, or "subset"; others as they are."""
    is_fold = isinstance(name, str) and name == "fold"
    settings = result.config.get("settings", {})
    default = "subset" if "subsets" in settings and "subset" not in result.axes else "fold"
    return next(iter(result.subset_values), default) if is_fold else name


def assignment_text(name: str, value: Any) -> str:
    """A value of an axis with its name, "η = 0.01" or "group = left"."""
    return describe({name: value})


def caption_parts(
    result: SweepResult, part: SweepResult, indices: Mapping[str, object], runs: bool = True
) -> list[str]:
    """Words for a caption: runs (unless said elsewhere) and axes averaged over, and values of those fixed."""
    over = summary.averaged_over(part) if runs else ""
    values = axis_values(result)
    averaged = [over] * bool(over) + [f"the axis {name}" for name, index in indices.items() if index == MEAN]
    chosen = {n: i for n, i in indices.items() if isinstance(i, int) and (n != "l2" or values[n].any())}
    fixed = [assignment_text(name, values[name][index]) for name, index in chosen.items()]
    single = ["1 seed"] if runs and "seed" not in {*indices, *part.axes} else []
    text = [f"mean of {' and '.join(averaged)}"] if averaged else single
    return text + [", ".join(fixed)] * bool(fixed)


def _as_indices(at: At | None, lengths: Mapping[str, int]) -> dict[str, Any]:
    """Checked indices on axes that are not shown."""
    if not isinstance(at, Mapping | None):
        raise ArgumentTypeError("at", f"expected a dict of names to indices, got {checks.shown(at)}")
    for name in at or {}:
        if name not in lengths:
            others = ", ".join(lengths) or "none"
            got = checks.shown(name)
            raise ArgumentError("at", f"expected axes that are not shown ({others}), got {got}")
    return {name: _as_index(index, name, lengths[name]) for name, index in (at or {}).items()}


def _as_index(index: object, axis: str, length: int) -> int | str:
    """A checked index on an axis, or "mean"."""
    if isinstance(index, str) and index == MEAN:
        return index
    try:
        return checks.as_count(index, "at", 0, length - 1)
    except ArgumentError:
        expected = f"an index below {length}, or 'mean', on the axis {axis}"
        raise ArgumentError("at", f"expected {expected}, got {checks.shown(index)}") from None
