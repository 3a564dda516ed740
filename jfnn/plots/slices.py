"""Sweeps along some of their axes: the others fixed, or averaged over."""

import dataclasses
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jfnn.analysis import summary
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.search.result import SweepResult

At = Mapping[str, int | str]
MEAN = "mean"
RUNS = ("seed", "fold")


def sliced(
    result: SweepResult, shown: Sequence[str], at: At | None = None
) -> tuple[SweepResult, dict[str, Any]]:
    """A grid along some of its axes, and the place of each other one, or "mean".

    Seeds and folds stay behind them, unless they are shown or fixed. A score averaged over an axis is NaN
    where one of its cells diverged; a cell counts as pruned or stopped where one of them does.

    Args:
        result: The grid.
        shown: Names of axes in order, "seed" and "fold" among them.
        at: Of others: the place (from 0), or "mean". Hyperparameters not named are as in the best cell, or at
            0 where none ranks.

    Raises:
        ValueError, TypeError: No such axis, or no such place.
    """
    lengths = {name: len(values) for name, values in axis_values(result).items()}
    if len({checks.as_choice(name, "axes", lengths) for name in shown}) < len(shown):
        raise ArgumentError("axes", f"expected different ones, got {', '.join(shown)}")
    best = result.best_or_none()
    places: dict[str, Any] = dict.fromkeys(result.axes, 0)
    places |= zip(result.axes, best.index, strict=True) if best else ()
    others = {name: length for name, length in lengths.items() if name not in shown}
    places = {name: places[name] for name in others if name in places} | _as_places(at, others)
    places = {name: place for name, place in places.items() if place != MEAN or name not in RUNS}
    left = [name for name in lengths if not isinstance(places.get(name), int)]
    fixed = tuple(slice(None) if name in left else places[name] for name in lengths)
    seeds = result.seeds if "seed" in left and "seed" not in shown else result.seeds[:1]
    folds = result.folds if "fold" in left and "fold" not in shown else None
    shape = (*(lengths[name] for name in shown), len(seeds), *(() if folds is None else (folds,)))
    kept = [name for name in left if name not in places]
    order = [kept.index(name) for name in (*shown, *(name for name in kept if name not in shown))]
    averaged = tuple(i for i, name in enumerate(left) if name in places)

    def cut(array: np.ndarray, average: Any = np.max) -> np.ndarray:
        return np.asarray(average(array[fixed], axis=averaged)).transpose(order).reshape(shape)

    names = ("diverged_at", "stopped_at", "pruned", "epochs")
    arrays: dict[str, Any] = {name: cut(getattr(result, name)) for name in names}
    arrays["scores"] = {name: cut(scores, np.mean) for name, scores in result.scores.items()}
    axes = {name: axis_values(result)[name] for name in shown}
    part = dataclasses.replace(
        result, axes=axes, seeds=seeds, folds=folds, params=None, history={}, objective=None, **arrays
    )
    return part, places


def axis_values(result: SweepResult) -> dict[str, np.ndarray]:
    """Values of all axes by name, "seed" and "fold" (numbers from 0) among them."""
    folds = {} if result.folds is None else {"fold": np.arange(result.folds)}
    return {**result.axes, "seed": result.seeds, **folds}


def caption_parts(result: SweepResult, part: SweepResult, places: Mapping[str, Any]) -> list[str]:
    """Words for a caption: runs and hyperparameters averaged over, and values of those fixed."""
    over, values = summary.averaged_over(part), axis_values(result)
    averaged = [over] * bool(over) + [f"the axis {name}" for name, place in places.items() if place == MEAN]
    fixed = {name: float(values[name][place]) for name, place in places.items() if isinstance(place, int)}
    alone = [] if "seed" in {*places, *part.axes} else ["1 seed"]
    text = [f"mean of {' and '.join(averaged)}"] if averaged else alone
    return text + [summary.describe(fixed)] * bool(fixed)


def _as_places(at: At | None, lengths: Mapping[str, int]) -> dict[str, Any]:
    """Places on axes that are not shown."""
    if not isinstance(at, Mapping | None):
        raise ArgumentTypeError("at", f"expected a dict of names to places, got {checks.shown(at)}")
    for name, place in (at or {}).items():
        if name not in lengths:
            others, got = ", ".join(lengths) or "none", checks.shown(name)
            raise ArgumentError("at", f"expected axes that are not shown ({others}), got {got}")
        is_mean = isinstance(place, str) and place == MEAN
        if not is_mean and not (isinstance(place, numbers.Integral) and 0 <= int(place) < lengths[name]):
            expected = f"a place below {lengths[name]}, or 'mean', on the axis {name}"
            raise ArgumentError("at", f"expected {expected}, got {checks.shown(place)}")
    return {name: place if isinstance(place, str) else int(place) for name, place in (at or {}).items()}
