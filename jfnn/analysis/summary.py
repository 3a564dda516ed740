"""Scores as text: which metrics to show, means with their intervals, short numbers."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from jfnn.analysis.intervals import LEAST, Interval
from jfnn.analysis.outliers import count_failed_runs
from jfnn.analysis.statistics import CellStatistics, cell_statistics, replicate_values
from jfnn.arguments import checks
from jfnn.arguments.texts import describe, extent_text, name_text, number_text, score_format, value_texts
from jfnn.core.search.result import SweepResult

PERCENT = f"{Interval.confidence:.0%}"
FEW = 30  # rows; with fewer, an accuracy's standard error can exceed 1/(2√30), 9 points


class Score(NamedTuple):
    """A score of one cell over its runs."""

    mean: float
    low: float = np.nan  # ends of the confidence interval of the mean; NaN for fewer than three runs
    high: float = np.nan
    both: tuple[float, ...] = ()  # the values of two runs, lower first; empty for other numbers of runs
    median: float = np.nan
    worst: float = np.nan
    failed: int = 0  # number of failed runs, by `jfnn.analysis.outliers.count_failed_runs`


class ScoreTable(NamedTuple):
    """A score of all cells ``[E, L, …]``: statistics, the worst run, and the number of failed runs."""

    statistics: CellStatistics
    worst: np.ndarray
    failed: np.ndarray

    @classmethod
    def from_result(cls, result: SweepResult, score: str) -> Self:
        """Return the table of one score of a sweep."""
        higher = result.higher_is_better(score)
        runs, _ = replicate_values(result, result.scores[score])
        worst = runs.min(axis=-1) if higher else runs.max(axis=-1)
        counts = rows_of_part(result, score.partition("_")[0])
        rows = float(np.mean(counts)) if counts else np.inf
        if result.folds and result.seeds.size > 1:
            rows *= result.folds  # a run averages over all folds of a seed
        return cls(cell_statistics(result, score), worst, count_failed_runs(runs, higher, rows))

    def at(self, index: int | tuple[int, ...]) -> Score:
        """Return the score of one cell."""
        both = [float(values[index]) for values in self.statistics.both()]
        return Score(
            mean=float(self.statistics.mean[index]),
            low=float(self.statistics.low[index]),
            high=float(self.statistics.high[index]),
            both=tuple(both) if np.isfinite(both).all() else (),
            median=float(self.statistics.median[index]),
            worst=float(self.worst[index]),
            failed=int(self.failed[index]),
        )


def rows_of_part(result: SweepResult, part: str) -> list[int]:
    """Return the distinct row counts of a part of the data, smallest first; several only with folds."""
    rows: list[int] = (result.config.get("data") or {}).get(part, {}).get("rows", [])
    return rows if any(rows) else []


def ranking_rows(result: SweepResult) -> str:
    """Describe the rows that rank cells: "360 test rows", "28–29 rows held out in each of 5 folds"."""
    part = result.ranked_by.partition("_")[0]
    rows = rows_of_part(result, part)
    count = f"{extent_text(rows)} " if rows else ""
    noun = "row" if rows and max(rows) == 1 else "rows"
    if part == "validation":
        folds = f"in each of {folds_text(result)}" if result.folds else "for validation"
        return f"{count}{noun} held out {folds}"
    return f"{count}{'test' if part == 'test' else 'training'} {noun}"


def chosen_by_few(result: SweepResult) -> str:
    """Return a warning if the best cell was chosen on too few rows or on training rows; otherwise ""."""
    cells = math.prod(result.cell_shape)
    part = result.ranked_by.partition("_")[0]
    rows = rows_of_part(result, part)
    few = bool(rows) and float(np.mean(rows)) * (result.folds or 1) < FEW
    if cells < 2 or not (few or part == "train"):
        return ""
    why = "which says little about other rows" if part == "train" else "too few to distinguish cells"
    return f"the best of {cells} cells was chosen on {ranking_rows(result)}, {why}"


def ranking_parts(result: SweepResult) -> tuple[str, ...]:
    """Return the parts of the data whose scores may be compared between cells: training and ranking rows.

    If cells are ranked on validation rows, test rows are excluded: they are reserved for the best cell.
    """
    return tuple(dict.fromkeys(("train", result.ranked_by.partition("_")[0])))


def shown_metrics(result: SweepResult) -> list[str]:
    """Return the metrics to show: the ranking metric, then all others except the loss."""
    _loss, *others = result.metrics
    return list(dict.fromkeys([result.ranking_metric, *others]))


def refit_texts(refit: SweepResult) -> list[str]:
    """Return scores of a refit cell, ranking part first: "test accuracy 0.967 [0.963, 0.971]".

    With several cells, each text is a range: "test accuracy 0.951 to 0.967 each".
    """
    parts = reversed(ranking_parts(refit))
    scores = [f"{part}_{metric}" for part in parts for metric in shown_metrics(refit)]
    if math.prod(refit.cell_shape) == 1:
        index = (0,) * len(refit.cell_shape)
        return [cell_text(refit, score, index) for score in scores]
    texts = []
    for score in scores:
        higher = refit.higher_is_better(score)
        means = refit.cell_scores(score)
        ends = (number_text(float(end), higher) for end in (np.nanmin(means), np.nanmax(means)))
        texts.append(f"{name_text(score)} {' to '.join(dict.fromkeys(ends))} each")
    return texts


def tests_its_refit(result: SweepResult) -> bool:
    """Return whether test rows were held out from the refit rather than trained on."""
    return result.refit is not None and bool(rows_of_part(result.refit, "test"))


def refit_rows(result: SweepResult) -> str:
    """Describe the rows and seeds of a refit: "on all 1437 training rows, with 5 seeds"."""
    refit = result.refit
    assert refit is not None
    rows = " ".join(map(str, ["all", *rows_of_part(refit, "train")]))
    takes_all = bool(rows_of_part(result, "test")) and not tests_its_refit(result)
    over = averaged_over(refit)
    which = f"{rows} rows, including the test rows" if takes_all else f"{rows} training rows"
    return f"on {which}{f', with {over}' if over else ''}"


def cell_text(result: SweepResult, score: str, index: tuple[int, ...]) -> str:
    """Return a cell's score with its name: "test accuracy 0.967 [0.963, 0.971]"."""
    text = score_text(ScoreTable.from_result(result, score).at(index), result.higher_is_better(score))
    return f"{name_text(score)} {text}"


def part_text(result: SweepResult, part: str, index: tuple[int, ...]) -> str:
    """Return a cell's scores on one part of the data: "test loss 0.3 (R² 0.7)"."""
    first, *others = (cell_text(result, f"{part}_{metric}", index) for metric in shown_metrics(result))
    return first + (f" ({', '.join(text.removeprefix(f'{part} ') for text in others)})" if others else "")


def describe_cell(result: SweepResult, index: tuple[int, ...]) -> str:
    """Return a cell's values in a line, as `describe` does, without λ if the sweep has no penalty."""
    values = result.axes_at(index)
    return describe({name: value for name, value in values.items() if name != "l2" or result.l2.any()})


def best_text(result: SweepResult) -> str:
    """Return the best cell in a line: "best test accuracy 0.967 at η = 0.01, λ = 1e-5"."""
    best = result.best_or_none()
    if best is None:
        return "no cell ranks"
    score = number_text(best.score, result.higher_is_better())
    return f"best {name_text(best.ranked_by)} {score} at {describe_cell(result, best.index)}"


def score_text(score: Score, higher_is_better: bool) -> str:
    """Return a mean with its interval, "0.951 [0.946, 0.955]", or both values of two runs.

    A cell with failed runs shows its median and its worst run, "median 0.951, worst 0.113".
    """
    if score.failed:
        median, worst = (number_text(value, higher_is_better) for value in (score.median, score.worst))
        return f"median {median}, worst {worst}"
    if np.isnan(score.low) and not score.both:
        return number_text(score.mean, higher_is_better)
    (text,) = score_texts([score], higher_is_better)
    return text.replace(", ", " and ") if score.both else text


def score_texts(scores: Sequence[Score], higher_is_better: bool) -> list[str]:
    """Return scores for one column, all with the same number of decimals, or all with an exponent.

    Means have their intervals; two runs show both values; cells with failed runs show the median with the
    worst run, "0.951 (0.113)".
    """
    middles = [score.median if score.failed else score.mean for score in scores]
    text = score_format(middles, higher_is_better)
    texts = []
    for score in scores:
        if score.failed:
            texts.append(f"{text(score.median)} ({text(score.worst)})")
        elif score.both:
            texts.append(", ".join(map(text, score.both)))
        elif np.isfinite(score.low):
            texts.append(f"{text(score.mean)} [{text(score.low)}, {text(score.high)}]")
        else:
            texts.append(text(score.mean))
    return texts


def eliminated_cells(result: SweepResult) -> np.ndarray:
    """Return whether each cell was pruned without diverging: a race dropped it before all seeds ran."""
    failed = (result.diverged_at >= 0).reshape(*result.cell_shape, -1).any(axis=-1)
    return np.asarray(result.pruned_cells & ~failed)


def interval_text(result: SweepResult) -> str:
    """Explain the brackets after a mean in `score_texts`: "[…] 95% confidence interval …"; "" for one run."""
    over = averaged_over(result)
    if not over:
        return ""
    if runs_of(result) < LEAST:
        return f"values of the {over}; an interval and a comparison of cells need at least three"
    return f"[…] {PERCENT} confidence interval of the mean over {over}"


def runs_of(result: SweepResult) -> int:
    """Return the number of replicates behind a cell's mean: its seeds, or with a single seed its folds."""
    return result.seeds.size if result.seeds.size > 1 else result.folds or 1


def averaged_over(result: SweepResult) -> str:
    """Describe the values behind a cell's mean: "5 seeds", "5 seeds of 3 folds each", "3 bootstraps", ""."""
    folds = folds_text(result)
    if result.seeds.size > 1:
        return f"{result.seeds.size} seeds" + (f" of {folds} each" if folds else "")
    return folds


def folds_text(result: SweepResult) -> str:
    """Describe the folds, "5 folds" or "20 bootstraps"; "" without folds."""
    return f"{result.folds} {fold_word(result)}s" if result.folds else ""


def fold_word(result: SweepResult) -> str:
    """Return the name of one fold: "fold", or for `jfnn.subsets` "bootstrap", "subset", …."""
    are_subsets = "subsets" in result.config.get("settings", {}) or bool(result.subset_values)
    return str(result.config.get("words", {}).get("fold", "subset" if are_subsets else "fold"))


def cell_names(result: SweepResult) -> list[str]:
    """Return unique names of all cells in order: "learning_rate=0.01, l2=0.1".

    Numbers have three digits, or as many as needed to distinguish an axis's values; full batches are "full".
    If a random search drew a cell twice, " (2)" is appended.
    """
    checks.check_instance(result, SweepResult, "result")
    texts = {}
    for axis, values in result.axes.items():
        known = np.ravel(values).tolist()
        texts[axis] = dict(zip(known, value_texts(known, axis), strict=True))
    names: list[str] = []
    counts: dict[str, int] = {}
    for index in np.ndindex(*result.cell_shape):
        name = ", ".join(f"{axis}={texts[axis][value]}" for axis, value in result.axes_at(index).items())
        counts[name] = counts.get(name, 0) + 1
        names.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return names
