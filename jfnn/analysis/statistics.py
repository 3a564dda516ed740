"""Statistics of a sweep's scores over seeds and folds: centers, intervals, cells that may be the best.

Members of one replicate (one seed, one fold) share initial parameters, minibatches and rows, so cells are
compared replicate by replicate, which is far less noisy than comparing their means.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jfnn.analysis.intervals import LEAST, Interval, as_interval, interquartile_mean
from jfnn.analysis.intervals import interval as confidence_interval
from jfnn.analysis.selection import may_be_best
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.arguments.tables import html_table
from jfnn.core.search.result import SweepResult
from jfnn.learners.metrics import OF_LABELS

SHOWN = 10  # largest number of cells shown in a notebook
#: Name of a metric -> its smallest and largest possible value.
BOUNDS = {
    **dict.fromkeys(OF_LABELS, (0.0, 1.0)),
    "r2": (-np.inf, 1.0),
    **dict.fromkeys(("loss", "log_loss", "rmse", "mse"), (0.0, np.inf)),
}


class CellStatistics(NamedTuple):
    """Statistics of a score over runs, arrays ``[E, L, …]`` of the grid's shape, or curves ``[E, L, …, H]``.

    A run is a seed, averaged over its folds; with a single seed a fold. For `jfnn.train` the shape is ``[]``.

    Attributes:
        n: Number of runs with a score.
        mean: Mean over runs.
        median: Median over runs.
        iqm: Interquartile mean over runs, without ``int(n / 4)`` values at each end.
        std: Standard deviation over runs (n - 1 in the denominator); NaN for a single run.
        low: Lower end of the confidence interval; NaN for fewer than three runs.
        high: Upper end.
        tied: Whether the cell may be the best one. These cells, including the best mean, contain the truly
            best cell at the confidence level of the interval; `cell_statistics` has the formula. Diverged and
            pruned cells are not tied. With fewer than three runs all other cells are tied.
    """

    n: np.ndarray
    mean: np.ndarray
    median: np.ndarray
    iqm: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tied: np.ndarray

    def both(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both values of cells with two runs, which have no interval, lower first; NaN for others."""
        half = np.where(self.n == LEAST - 1, self.std / np.sqrt(2), np.nan)
        return self.mean - half, self.mean + half

    def __repr__(self) -> str:
        """Return the range of the means, and how many cells are tied."""
        means = self.mean[np.isfinite(self.mean)]
        ends = f"means {means.min():.4g} to {means.max():.4g}" if means.size else "no means"
        return f"<CellStatistics {self.mean.shape}: {ends}, {self.tied.sum()} of {self.tied.size} tied>"

    def _repr_html_(self) -> str:
        """Return the first cells as a table, tied ones first, for notebooks."""
        order = np.argsort(~self.tied, axis=None, kind="stable")[:SHOWN].tolist()
        rows = [["index", *self._fields]]
        for cell in order:
            index = tuple(int(i) for i in np.unravel_index(cell, self.tied.shape))
            numbers = [f"{values[index]:.4g}" for values in self[:-1]]
            rows.append([", ".join(map(str, index)), *numbers, "yes" * bool(self.tied[index])])
        return html_table(rows)


def cell_statistics(
    result: SweepResult,
    score: str | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
) -> CellStatistics:
    """Return statistics of a score at the end of training, with confidence intervals and ties.

    With several seeds, each seed gives one value, averaged over its folds, and values are taken as
    independent. With one seed, the folds (or subsets) are the values. Their training rows overlap, so the
    variance of their mean follows Nadeau and Bengio (Machine Learning 52, 2003): ``1/k + n_test / n_train``
    times the variance of the values instead of ``1/k``; in cross-validation ``1/k + 1/(k - 1)``. Subsets
    without common rows, such as groups, are independent.

    Intervals of label metrics such as accuracy stay within 0 and 1, of R² below 1, of losses above 0
    (``bounds`` of `jfnn.analysis.interval`). A score that exceeds these bounds despite its name, such as a
    negative log likelihood below 0, is unbounded. Two runs have no interval, only two values
    (`CellStatistics.both`).

    The best cell has the best mean, as in `SweepResult.best`. A pruned cell is neither the best nor tied,
    since its score was taken after fewer epochs.

    The tied cells are selected to contain the best cell (Gupta, Technometrics 7, 1965): with probability
    ``confidence`` or more, the cell whose mean over all possible runs is best is tied. If several cells are
    equally good, this holds for each of them, not for all at once. A cell is excluded if

        ``mean(d) > c s √v``,  with c from  ``E min(1, (K - 1) Φ(-c √(χ²/ν))) = 1 - confidence``,

    where d are the n differences between the best mean's runs and the cell's, s is their standard deviation,
    v is 1/n or the variance above, χ² has ν = n - 1 degrees of freedom, and K cells are compared, all but
    pruned and diverged ones. For two cells this is Student's one-sided paired test; for more, c is at most
    Bonferroni's. Since the best mean is selected by its score, an uncorrected test would exclude each of 49
    equally good cells with a probability of 15% to 30%.

    The guarantee assumes normal differences, with any variances and correlations between cells. In
    simulations it also holds for heavy tails and for accuracies on 40 rows, but not if some cells have skewed
    scores and others do not: a cell that rarely fails looks better than its mean until a failure is seen
    (``scripts/ties.py``). Three runs exclude only cells that are far behind: with 49 cells, by six standard
    deviations of the difference.

    Args:
        result: A sweep.
        score: Such as "test_accuracy"; None for the ranking score (`SweepResult.ranked_by`).
        interval: The statistic for low and high, or an `Interval`; None for the mean by formula.
        missing: Treatment of runs without a score (diverged, stopped early, or without such rows): "nan"
            makes all statistics of their cell NaN; "omit" leaves these runs out, which flatters cells that
            diverge now and then; a number replaces their score, such as 0.1, the accuracy of guessing among
            ten classes.

    Raises:
        ValueError: An unknown name, or an interval other than the mean by formula for folds of one seed,
            which share rows.
        TypeError: ``missing`` is neither a string nor a number.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> result = jfnn.sweep(network, jfnn.Split(x, y), learning_rate=[0.1, 1.0], seeds=5, epochs=10)
        >>> jfnn.cell_statistics(result).mean.shape  # learning rates, penalties
        (2, 1)
    """
    checks.check_instance(result, SweepResult, "result")
    score = result.named(score, "score")
    evaluated = _statistics(result, score, result.scores[score][None], as_interval(interval), missing)
    return CellStatistics(*(np.asarray(values[0]) for values in evaluated))


def curve_statistics(
    result: SweepResult,
    score: str | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
) -> CellStatistics:
    """Return statistics of a score at every evaluation, as `cell_statistics` does at the end.

    Args:
        result: A sweep with a history (``Execution(eval_every=…)``).
        score: As in `cell_statistics`; or "objective" or a term of the loss at every epoch, if kept
            (``Execution(objective=True)``), with small values being better.
        interval: As in `cell_statistics`; it covers one epoch's value, not the whole curve at once.
        missing: As in `cell_statistics`; with "nan" a curve ends where its first run diverged or stopped.

    Returns:
        Arrays ``[E, L, …, H]``, at the epochs ``result.evaluations [H]``, or at every epoch.

    Raises:
        ValueError, TypeError: No history was kept; or as in `cell_statistics`.
    """
    checks.check_instance(result, SweepResult, "result")
    name, _, values = kept_values(result, score)
    curves = _statistics(result, name, np.moveaxis(values, -1, 0), as_interval(interval), missing)
    return CellStatistics(*(np.moveaxis(values, 0, -1) for values in curves))


def kept_values(result: SweepResult, score: str | None) -> tuple[str, np.ndarray, np.ndarray]:
    """Return a score's history, or the mean objective or loss term over each epoch's steps.

    Returns:
        The checked name, the epochs done ``[H]``, and the values ``[E, L, …, S, H]``.
    """
    terms = result.terms if result.objective is None else {"objective": result.objective, **result.terms}
    name = result.ranked_by if score is None else checks.as_choice(score, "score", [*result.scores, *terms])
    if name not in result.scores:
        first = result.config.get("settings", {}).get("first_epoch", 0)
        return name, first + 1 + np.arange(terms[name].shape[-1]), terms[name]
    if not len(result.evaluations):
        raise ArgumentError("result", "expected a history, got none; sweep with Execution(eval_every=1)")
    return name, result.evaluations, result.history[name]


def replicate_values(result: SweepResult, members: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Return one value per seed or, with a single seed, per fold, from numbers of all members.

    Args:
        result: A sweep, or a result of `jfnn.train`.
        members: Numbers ``[…, S]`` or ``[…, S, F]``; for `jfnn.train` ``[…]``.

    Returns:
        Values ``[…, n]``, float64, and for overlapping folds the variance of their mean divided by the
        variance of one value; None for independent values.
    """
    values = np.asarray(members, np.float64)
    if not result.seeds.ndim:
        return values[..., None], None
    folds = result.folds
    if folds is None:
        return values, None
    if result.seeds.size > 1:
        return values.mean(axis=-1), None
    ratio = _test_to_training_rows(result) if folds > 1 else None
    return values[..., 0, :], None if ratio is None else 1 / folds + ratio


def _test_to_training_rows(result: SweepResult) -> float | None:
    """Return the ratio of scoring rows to training rows of a fold; None for folds that share no rows.

    A fold is scored on its held-out rows; if it has none, on the rows by which cells are ranked.
    """
    data = result.config.get("data")
    folds = result.folds or 0
    if data is None:
        return 1 / (folds - 1)
    train, validation = (data[part]["rows"] for part in ("train", "validation"))
    if folds * (train[0] + validation[0]) <= data["rows"][0]["shape"][0]:
        return None
    # Each row is held out once.
    if folds * validation[0] <= train[0] + validation[-1] <= folds * validation[-1]:
        return 1 / (folds - 1)
    judging = validation if validation[-1] else data[result.ranked_by.partition("_")[0]]["rows"]
    return float(np.mean(judging) / np.mean(train))


def _statistics(
    result: SweepResult, score: str, members: np.ndarray, interval: Interval, missing: str | float
) -> CellStatistics:
    """Statistics at each of H evaluations, of members ``[H, E, L, …, S]`` or ``[H, E, L, …, S, F]``."""
    if isinstance(missing, str):
        checks.as_choice(missing, "missing", ("nan", "omit"))
    else:
        members = np.where(np.isfinite(members), members, checks.as_number(missing, "missing", None))
    omit = missing == "omit"
    pruned = result.pruned_cells
    if omit and result.folds is not None and result.seeds.size == 1:
        raise ArgumentError("missing", "folds of one seed share rows; expected 'nan' or a number, got 'omit'")
    values, variance = replicate_values(result, members)
    bounds = metric_bounds(score, values)

    def statistics(columns: np.ndarray) -> np.ndarray:
        low, high = confidence_interval(columns, interval, variance, bounds)
        several = columns.shape[-1] > 1
        std = columns.std(axis=-1, ddof=1) if several else np.full(len(columns), np.nan)
        centers = columns.mean(axis=-1), np.median(columns, axis=-1), interquartile_mean(columns)
        return np.stack([*centers, std, low, high])

    mean, median, iqm, std, low, high = _by_column(values, statistics, omit)
    sign = 1 if score in result.scores and result.higher_is_better(score) else -1
    tied = np.zeros((len(values), pruned.size), bool)
    for evaluation, cells in enumerate(result.ranked(result.cell_means(members))):
        ranked = np.isfinite(cells.ravel())
        if ranked.any():
            compared = ~pruned.ravel() if omit else ranked
            best = int(np.argmax(np.where(ranked, sign * cells.ravel(), -np.inf)[compared]))
            scores = sign * values[evaluation].reshape(pruned.size, -1)[compared]
            tied[evaluation, compared] = may_be_best(scores, best, interval.confidence, variance)
    n = np.isfinite(values).sum(axis=-1)
    return CellStatistics(n, mean, median, iqm, std, low, high, tied.reshape(mean.shape))


def metric_bounds(score: str, values: np.ndarray) -> tuple[float, float] | None:
    """Bounds of a metric by its name; None for an unknown name, or if a value exceeds them."""
    bounds = BOUNDS.get(score.partition("_")[2])
    finite = values[np.isfinite(values)]
    if bounds is None or ((finite < bounds[0]) | (finite > bounds[1])).any():
        return None
    return bounds


@np.errstate(invalid="ignore")  # infinite scores, such as R² of one row, have no spread
def _by_column(values: np.ndarray, function: Callable[[np.ndarray], np.ndarray], omit: bool) -> np.ndarray:
    """Apply ``function`` (``[columns, n] -> [k, columns]``) to values ``[…, n]``, giving arrays ``[k, …]``.

    With ``omit`` it is called with finite values only, once for each pattern of missing values.
    """
    columns = values.reshape(-1, values.shape[-1])
    if not omit:
        return function(columns).reshape(-1, *values.shape[:-1])
    patterns, which = np.unique(np.isfinite(columns), axis=0, return_inverse=True)
    which = which.ravel()
    parts = [
        function(columns[which == i][:, present if present.any() else slice(None)])
        for i, present in enumerate(patterns)
    ]
    values_by_column = np.empty((len(parts[0]), len(columns)))
    for i, part in enumerate(parts):
        values_by_column[:, which == i] = part
    return values_by_column.reshape(-1, *values.shape[:-1])
