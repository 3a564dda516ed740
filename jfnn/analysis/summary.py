"""Scores as text: which ones to show, how sure they are, numbers in few characters."""

from collections.abc import Mapping, Sequence

import numpy as np

from jfnn.analysis.intervals import Interval
from jfnn.analysis.statistics import CellStatistics, cell_statistics
from jfnn.search.result import SweepResult

SYMBOLS = {"learning_rate": "η", "l2": "λ"}
METRICS = {"r2": "R²"}
PERCENT = f"{Interval.confidence:.0%}"


def ranking_parts(result: SweepResult) -> tuple[str, ...]:
    """Parts of the data whose scores may be compared cell by cell: training rows, and those that rank.

    Test rows are not among them where validation rows rank: they are left for the winner.
    """
    return tuple(dict.fromkeys(("train", result.ranked_by.partition("_")[0])))


def shown_metrics(result: SweepResult) -> list[str]:
    """Metrics to show: the one that ranks, then all others but the loss."""
    _loss, *others = result.metrics
    return list(dict.fromkeys([result.ranking_metric, *others]))


def metric_text(metric: str) -> str:
    """A metric's name for readers: "R²" for "r2"."""
    return METRICS.get(metric, metric.replace("_", " "))


def name_text(score: str) -> str:
    """A score's name for readers: "test R²" for "test_r2"."""
    part, _, metric = score.partition("_")
    return f"{part} {metric_text(metric)}"


def refit_texts(refit: SweepResult) -> list[str]:
    """Scores of a cell trained again, ranking part first: "test accuracy 0.967 ± 0.004", "train accuracy …".

    Args:
        refit: `SweepResult.refit`.
    """
    parts, metrics = reversed(ranking_parts(refit)), shown_metrics(refit)
    place = (0,) * len(refit.cell_shape)
    return [cell_text(refit, f"{part}_{metric}", place) for part in parts for metric in metrics]


def cell_text(result: SweepResult, score: str, place: tuple[int, ...]) -> str:
    """A cell's score by name: "test accuracy 0.967 ± 0.004"."""
    text = score_text(half_width(cell_statistics(result, score), place), result.higher_is_better(score))
    return f"{name_text(score)} {text}"


def best_text(result: SweepResult) -> str:
    """The best cell in a line: "best test accuracy 0.967 at η = 0.01, λ = 1e-5"."""
    best = result.best_or_none()
    if best is None:
        return "no cell ranks"
    score = number_text(best.score, result.higher_is_better())
    return f"best {name_text(best.ranked_by)} {score} at {describe(best.axes)}"


def costs(result: SweepResult) -> np.ndarray:
    """Ranking score of each cell ``[E, L, …]``, negative where higher is better: the least is the best."""
    scores = result.cell_scores()
    return -scores if result.higher_is_better() else scores


def half_width(cells: CellStatistics, place: int | tuple[int, ...]) -> tuple[float, float]:
    """Mean and half the width of the interval of the cell at ``place``."""
    return float(cells.mean[place]), float(cells.high[place] - cells.mean[place])


def score_text(score: tuple[float, float], higher_is_better: bool) -> str:
    """A mean, with ± half the width of its interval where it has one: "0.951 ± 0.004"."""
    mean, half = score
    text = number_text(mean, higher_is_better)
    digits = 2 if half < 10 else 3
    return text if np.isnan(half) else f"{text} ± {number_text(half, higher_is_better, digits)}"


def number_text(value: float, higher_is_better: bool, digits: int = 3) -> str:
    """A score in few characters: "0.951", for losses and the like "12.3" or "2.51e-3"; "div" for none."""
    if not np.isfinite(value):
        return "div"
    return f"{value:.3f}" if higher_is_better and abs(value) < 10 else compact(value, digits)


def extent_text(extent: tuple[int, int]) -> str:
    """A range of epochs, "7" or "5–12"."""
    least, most = extent
    return f"{least}" if least == most else f"{least}–{most}"


def averaged_over(result: SweepResult) -> str:
    """Values behind a cell's mean: "5 seeds", "5 seeds of 3 folds each", "3 folds"; empty for one alone."""
    if len(result.seeds) > 1:
        return f"{len(result.seeds)} seeds" + (f" of {result.folds} folds each" if result.folds else "")
    return f"{result.folds} folds" if result.folds else ""


def describe(axes: Mapping[str, float]) -> str:
    """Hyperparameters in a line, "η = 0.01, λ = 1e-5"."""
    return ", ".join(f"{SYMBOLS.get(name, name)} = {compact(value, 3)}" for name, value in axes.items())


def cell_names(result: SweepResult) -> list[str]:
    """Names of all cells in order, each once: "learning_rate=0.01, l2=0.1".

    Numbers have as few digits as tell an axis's values apart; a cell that a random search drew twice has
    " (2)" behind it.
    """
    texts = {axis: dict(zip(v.tolist(), labels(v.tolist()), strict=True)) for axis, v in result.axes.items()}
    names: list[str] = []
    counts: dict[str, int] = {}
    for place in np.ndindex(*result.cell_shape):
        name = ", ".join(f"{axis}={texts[axis][value]}" for axis, value in result.axes_at(place).items())
        counts[name] = counts.get(name, 0) + 1
        names.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return names


def labels(values: Sequence[float]) -> list[str]:
    """The shortest labels, from two digits on, that tell the values of an axis apart."""
    for digits in range(2, 18):
        texts = [compact(value, digits) for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def compact(value: float, digits: int) -> str:
    """A number in few characters: 1e-5 rather than 1e-05, 2.5e-3 rather than 0.0025."""
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    if value == 0 or -2 <= int(exponent) < digits:
        return f"{value:.{digits}g}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"
