"""What a person reads off a sweep: which scores to show, the cells best first, numbers in few characters."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jfnn.engine.result import Best, SweepResult

SYMBOLS = {"learning_rate": "η", "l2": "λ"}


class Ranked(NamedTuple):
    """One cell of a grid, as people compare it with others.

    Attributes:
        place: Its index on every axis but the seeds (and folds).
        axes: Its hyperparameters, name -> value.
        scores: Name of a score -> its mean and its standard deviation over seeds and folds (n - 1 in the
            denominator; NaN for a single member).
        trained: The least and the most epochs for which its members' parameters were trained.
        left_at: The least and the most epochs that its members had done when they stopped before the end, or
            None where none did.
    """

    place: tuple[int, ...]
    axes: dict[str, float]
    scores: dict[str, tuple[float, float]]
    trained: tuple[int, int]
    left_at: tuple[int, int] | None


def ranking_parts(result: SweepResult) -> tuple[str, ...]:
    """The parts of the data whose scores may be compared cell by cell: training rows, and those that rank.

    Where rows were held out for validation, the test rows are not among them: they are left for the winner.
    """
    return tuple(dict.fromkeys(("train", result.ranked_by.partition("_")[0])))


def kind(result: SweepResult) -> str:
    """What ranks: "accuracy", or "loss" where the targets are no classes."""
    return result.ranked_by.partition("_")[2]


def best_or_none(result: SweepResult) -> Best | None:
    """`SweepResult.best`, or None where no cell ranks: each diverged, or halving ruled it out before."""
    try:
        return result.best()
    except ValueError:
        return None


def further_axes(result: SweepResult) -> list[str]:
    """The axes behind learning rate and L2 penalty."""
    return list(result.axes)[2:]


def best_first(
    result: SweepResult, most: int = 5, extra: Mapping[str, np.ndarray] | None = None
) -> list[Ranked]:
    """The best cells, best first; cells that diverged with any seed or fold are left out.

    Cells that halving ruled out come behind those that stayed, the later ones first.

    Args:
        result: A sweep.
        most: How many to give at most.
        extra: Further scores, name -> one number a member, shaped like the result's.

    Returns:
        Cells with the score that ranks, then the extra ones or, without these, that on the training rows.
    """
    ranking = result.cell_scores()
    lost = np.any(result.lost.reshape(*ranking.shape, -1), axis=-1)
    ruled_out_at = np.where(lost, np.max(result.left_at.reshape(*ranking.shape, -1), axis=-1), 0)
    keys = (
        -ranking if kind(result) == "accuracy" else ranking,
        -ruled_out_at,
        lost,
    )  # the last decides first
    places = [np.unravel_index(flat, ranking.shape) for flat in np.lexsort([key.ravel() for key in keys])]
    parts = ranking_parts(result)
    # What ranks comes first; the training rows' score where no others are asked for.
    names = [f"{part}_{kind(result)}" for part in reversed(parts if not extra else parts[-1:])]
    arrays = {name: getattr(result, name) for name in names} | dict(extra or {})
    finite = [tuple(int(i) for i in place) for place in places if np.isfinite(ranking[place])]
    return [_ranked(result, place, arrays) for place in finite[:most]]


def _ranked(result: SweepResult, index: tuple[int, ...], arrays: Mapping[str, np.ndarray]) -> Ranked:
    left = result.left_at[index]
    ends = np.where(left < 0, result.epochs[index], left)
    return Ranked(
        index,
        {name: float(values[i]) for (name, values), i in zip(result.axes.items(), index, strict=True)},
        {name: mean_and_sd(values[index]) for name, values in arrays.items()},
        _extent(result.epochs[index]),
        _extent(ends) if (left >= 0).any() else None,
    )


def table(result: SweepResult, ranked: Sequence[Ranked]) -> list[tuple[str, ...]]:
    """Ranked cells as rows of text below a row of headings: rank, axes, scores, where each stopped.

    The last columns come only where halving or early stopping ended members: after how many epochs a cell
    stopped, and after how many its parameters were taken if that is not the same.
    """
    axes = [SYMBOLS.get(name, name) for name in result.axes]
    head = ["", *axes, *(name.replace("_", " ") for name in ranked[0].scores)]
    rows = [
        [
            f"{rank}.",
            *(compact(value, 3) for value in cell.axes.values()),
            *(score_text(score, name) for name, score in cell.scores.items()),
        ]
        for rank, cell in enumerate(ranked, 1)
    ]
    if (result.left_at >= 0).any():
        head.append("stopped at")
        for row, cell in zip(rows, ranked, strict=True):
            row.append("end" if cell.left_at is None else extent_text(cell.left_at))
    if any(cell.left_at not in (None, cell.trained) for cell in ranked):
        head.append("best epoch")
        for row, cell in zip(rows, ranked, strict=True):
            row.append(extent_text(cell.trained))
    return [tuple(head), *map(tuple, rows)]


def mean_and_sd(scores) -> tuple[float, float]:
    """The mean of some members' scores and their standard deviation, NaN for one member alone."""
    scores = np.asarray(scores, np.float64)
    return float(scores.mean()), float(scores.std(ddof=1)) if scores.size > 1 else float("nan")


def _extent(values) -> tuple[int, int]:
    return int(np.min(values)), int(np.max(values))


def score_text(score: tuple[float, float], name: str) -> str:
    """A mean, with ± its standard deviation where it has one: "0.951 ± 0.004"."""
    mean, sd = score
    text = number_text(mean, name)
    return text if np.isnan(sd) else f"{text} ± {number_text(sd, name)}"


def number_text(value: float, name: str) -> str:
    """A score in few characters: "0.951", for losses "12.3" or "2.51e-3", and "div" for none."""
    if not np.isfinite(value):
        return "div"
    return compact(value, 3) if name.endswith("loss") else f"{value:.3f}"


def extent_text(extent: tuple[int, int]) -> str:
    """A range of epochs, "7" or "5–12"."""
    least, most = extent
    return f"{least}" if least == most else f"{least}–{most}"


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
