"""What a person reads off a sweep: which scores to show, how sure they are, numbers in few characters."""

from collections.abc import Mapping, Sequence

import numpy as np

from jfnn.analysis import statistics
from jfnn.search.result import SweepResult

SYMBOLS = {"learning_rate": "η", "l2": "λ"}
PERCENT = f"{statistics.CONFIDENCE:.0%}"


def ranking_parts(result: SweepResult) -> tuple[str, ...]:
    """The parts of the data whose scores may be compared cell by cell: training rows, and those that rank.

    Where rows were held out for validation, the test rows are not among them: they are left for the winner.
    """
    return tuple(dict.fromkeys(("train", result.ranked_by.partition("_")[0])))


def kind(result: SweepResult) -> str:
    """What ranks: "accuracy", or "loss" where the targets are no classes."""
    return result.ranked_by.partition("_")[2]


def refit_texts(refit: SweepResult, extra: Mapping[str, np.ndarray] | None = None) -> list[str]:
    """The scores of a cell trained again: "test accuracy 0.967 ± 0.004", the training rows', further ones.

    Args:
        refit: `SweepResult.refit`.
        extra: Further scores, name -> one number a member.
    """
    names = [f"{part}_{kind(refit)}" for part in reversed(ranking_parts(refit))]
    scores = {name: getattr(refit, name) for name in names} | dict(extra or {})
    place = (0,) * len(refit.cell_shape)
    return [
        f"{name.replace('_', ' ')} {score_text(mean_and_half_width(refit, values, place), name)}"
        for name, values in scores.items()
    ]


def further_axes(result: SweepResult) -> list[str]:
    """The axes behind learning rate and L2 penalty."""
    return list(result.axes)[2:]


def mean_and_half_width(
    result: SweepResult, scores: np.ndarray, place: tuple[int, ...]
) -> tuple[float, float]:
    """A cell's score and half the width of its confidence interval, NaN for a single value.

    Args:
        result: The sweep.
        scores: One number a member, shaped like the sweep's.
        place: The cell's.
    """
    values, variance = statistics.stream_values(result, scores)
    return half_width(statistics.over_streams(values[place], variance))


def half_width(found: statistics.CellStatistics, place: int | tuple[int, ...] = ()) -> tuple[float, float]:
    """Mean and half the width of the interval of the cell at ``place``."""
    return float(found.mean[place]), float(found.high[place] - found.mean[place])


def score_text(score: tuple[float, float], name: str) -> str:
    """A mean, with ± half the width of its interval where it has one: "0.951 ± 0.004"."""
    mean, half = score
    text = number_text(mean, name)
    return text if np.isnan(half) else f"{text} ± {number_text(half, name, digits=2 if half < 10 else 3)}"


def number_text(value: float, name: str, digits: int = 3) -> str:
    """A score in few characters: "0.951", for losses "12.3" or "2.51e-3", and "div" for none."""
    if not np.isfinite(value):
        return "div"
    return compact(value, digits) if name.endswith("loss") else f"{value:.3f}"


def extent_text(extent: tuple[int, int]) -> str:
    """A range of epochs, "7" or "5–12"."""
    least, most = extent
    return f"{least}" if least == most else f"{least}–{most}"


def averaged_over(result: SweepResult) -> str:
    """What count as single values where a cell is averaged: "5 seeds", "5 seeds of 3 folds each", "3 folds".

    Empty for a single value.
    """
    if len(result.seeds) > 1:
        return f"{len(result.seeds)} seeds" + (f" of {result.folds} folds each" if result.folds else "")
    return f"{result.folds} folds" if result.folds else ""


def members_text(result: SweepResult) -> str:
    """What scores of a cell are averaged over: "5 seeds", "2 seeds × 5 folds"; empty for a single member."""
    counts = {"seed": len(result.seeds), "fold": result.folds or 1}
    return " × ".join(f"{count} {what}s" for what, count in counts.items() if count > 1)


def describe(axes: Mapping[str, float]) -> str:
    """Hyperparameters in a line, "η = 0.01, λ = 1e-5"."""
    return ", ".join(f"{SYMBOLS.get(name, name)} = {compact(value, 3)}" for name, value in axes.items())


def labels(values: Sequence[float]) -> list[str]:
    """The shortest labels, from two digits on, that tell the values of an axis apart."""
    for digits in range(2, 18):
        found = [compact(value, digits) for value in values]
        if len(set(found)) == len(set(values)):
            break
    return found


def compact(value: float, digits: int) -> str:
    """A number in few characters: 1e-5 rather than 1e-05, 2.5e-3 rather than 0.0025."""
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    if value == 0 or -2 <= int(exponent) < digits:
        return f"{value:.{digits}g}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"
