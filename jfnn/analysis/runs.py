"""Statistics of any score over seeds and folds: at the end of training, and as curves over the epochs."""

from typing import NamedTuple

import numpy as np

from jfnn import checks
from jfnn.analysis.arguments import as_confidence
from jfnn.analysis.bootstrap import RESAMPLES
from jfnn.analysis.centres import STATISTICS, interquartile_mean
from jfnn.analysis.intervals import METHODS
from jfnn.analysis.intervals import interval as confidence_interval
from jfnn.analysis.statistics import CONFIDENCE, folds_averaged
from jfnn.checks import ArgumentError
from jfnn.search.result import SweepResult


class Interval(NamedTuple):
    """Which confidence interval to compute; see `jfnn.analysis.intervals.interval`.

    Attributes:
        statistic: What it is for: "mean", "median" or "iqm" (interquartile mean).
        method: "formula", "skewed" (for the mean), "bootstrap", "percentile" or "bca"; None for the bootstrap
            of interquartile means of at least five runs, and the formula of all else.
        confidence: Probability that it covers the true value, between 0 and 1.
        resamples: Bootstrap samples.
        seed: Fixes their draws.
    """

    statistic: str = "mean"
    method: str | None = None
    confidence: float = CONFIDENCE
    resamples: int = RESAMPLES
    seed: int = 0


class RunStatistics(NamedTuple):
    """Statistics over runs, arrays of the grid's shape ``[E, L, …]``; of curves ``[E, L, …, H]``.

    A run is a seed (its folds averaged), or with a single seed a fold.

    Attributes:
        n: Runs that count.
        mean: Their mean.
        median: Their median.
        iqm: The mean of their middle half, without ``int(n / 4)`` at each end.
        std: Their standard deviation (n - 1 in the denominator); NaN of a single one.
        low: Lower end of the confidence interval; NaN of a single run.
        high: Its upper end.
    """

    n: np.ndarray
    mean: np.ndarray
    median: np.ndarray
    iqm: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Curves(NamedTuple):
    """Statistics of a score at every evaluation.

    Attributes:
        epoch: Epochs done at each ``[H]``.
        score: Name of the score.
        runs: Statistics ``[E, L, …, H]``.
        interval: Which confidence interval it has.
    """

    epoch: np.ndarray
    score: str
    runs: RunStatistics
    interval: Interval


def final_statistics(
    result: SweepResult,
    score: str | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
) -> RunStatistics:
    """Statistics of a score at the end of training.

    Args:
        result: A sweep.
        score: Such as "test_accuracy"; None for the one that ranks.
        interval: The statistic that low and high are for, or an `Interval`; None for the mean by formula.
        missing: What becomes of runs without a score (diverged, stopped before, or without such rows): "nan"
            makes all statistics of their cell NaN, as in `jfnn.cell_statistics`; "omit" leaves these runs
            out, which flatters a cell that diverges now and then; a number stands for their score, such as
            0.1 for the accuracy of a guess among ten classes.

    Returns:
        Arrays ``[E, L, …]``.

    Raises:
        ValueError: An unknown name, or an interval that folds of one seed do not allow: they share rows, and
            have one for the mean by formula alone.
        TypeError: ``missing`` is neither of these words nor a number.
    """
    checks.check_instance(result, SweepResult, "result")
    score = result.named(score, "score")
    return _statistics(result, result.scores[score], as_interval(interval), missing)


def curve_statistics(
    result: SweepResult,
    score: str | None = None,
    interval: Interval | str | None = None,
    missing: str | float = "nan",
) -> Curves:
    """Statistics of a score at every evaluation, as those of `final_statistics` at the end.

    Args:
        result: A sweep with a history (``Execution(eval_every=…)``).
        score: As in `final_statistics`.
        interval: As in `final_statistics`; it covers one epoch's value, not the whole curve at once.
        missing: As in `final_statistics`; with "nan" a curve ends where its first run diverged or stopped.

    Returns:
        Arrays ``[E, L, …, H]`` and the epochs ``[H]``.

    Raises:
        ValueError: No history was kept; or as in `final_statistics`.
        TypeError: As in `final_statistics`.
    """
    checks.check_instance(result, SweepResult, "result")
    if not len(result.history.get("epoch", ())):
        raise ArgumentError("result", "expected a history, got none; sweep with Execution(eval_every=1)")
    score = result.named(score, "score")
    interval = as_interval(interval)
    epochs_first = np.moveaxis(result.history[score], -1, 0)
    runs = _statistics(result, epochs_first, interval, missing)
    last = RunStatistics(*(np.moveaxis(values, 0, -1) for values in runs))
    return Curves(result.history["epoch"], score, last, interval)


def as_interval(interval: Interval | str | None) -> Interval:
    """An `Interval`, checked; a word is the statistic that it is for.

    Raises:
        ValueError, TypeError: Neither, or one of its fields cannot be.
    """
    if interval is None or isinstance(interval, str):
        return Interval(checks.as_choice("mean" if interval is None else interval, "interval", STATISTICS))
    checks.check_instance(interval, Interval, "interval")
    checks.as_choice(interval.statistic, "statistic", STATISTICS)
    if interval.method is not None:
        checks.as_choice(interval.method, "method", METHODS)
    as_confidence(interval.confidence)
    checks.as_count(interval.resamples, "resamples")
    checks.as_count(interval.seed, "seed", 0, None)
    return interval


def over_runs(
    values: np.ndarray,
    interval: Interval,
    missing: str | float = "nan",
    variance: float | None = None,
) -> RunStatistics:
    """Statistics of any values ``[…, n]``, one a run, in arrays ``[…]``; NaN is a missing one.

    Args:
        values: One a run.
        interval: Which confidence interval.
        missing: As in `final_statistics`.
        variance: Of the mean of n runs in units of their own, where they are not independent; "omit" takes
            them as independent.
    """
    values = filled(values, missing)
    columns = values.reshape(-1, values.shape[-1])
    if missing != "omit":
        of_columns = _complete(columns, interval, variance)
    else:
        of_columns = np.full((len(RunStatistics._fields), len(columns)), np.nan)
        patterns, which = np.unique(np.isfinite(columns), axis=0, return_inverse=True)
        for place, present in enumerate(patterns):
            chosen = which.ravel() == place
            if present.any():
                of_columns[:, chosen] = _complete(columns[chosen][:, present], interval, variance=None)
            else:
                of_columns[0, chosen] = 0
    n, *others = of_columns.reshape(-1, *values.shape[:-1])
    return RunStatistics(n.astype(int), *others)


def filled(values: np.ndarray, missing: str | float) -> np.ndarray:
    """Values with a number in place of those that are not finite, if ``missing`` is a number.

    Raises:
        ValueError: A word other than "nan" and "omit".
        TypeError: Neither a word nor a number.
    """
    if isinstance(missing, str):
        checks.as_choice(missing, "missing", ("nan", "omit"))
        return values
    return np.where(np.isfinite(values), values, checks.as_number(missing, "missing", None))


def _statistics(
    result: SweepResult, of_members: np.ndarray, interval: Interval, missing: str | float
) -> RunStatistics:
    """Statistics over the seeds (and folds) on the last axes."""
    values, variance = folds_averaged(result, filled(of_members, missing))
    overlaps = result.folds is not None and len(result.seeds) == 1
    if overlaps and missing == "omit":
        raise ArgumentError("missing", "folds of one seed share rows; expected 'nan' or a number, got 'omit'")
    return over_runs(values, interval, missing, variance if overlaps else None)


def _complete(columns: np.ndarray, interval: Interval, variance: float | None) -> np.ndarray:
    """Statistics ``[fields, columns]`` of columns of runs that all count where they are finite."""
    n = columns.shape[-1]
    low, high = confidence_interval(
        columns,
        interval.statistic,
        interval.method,
        interval.confidence,
        variance=variance,
        resamples=interval.resamples,
        seed=interval.seed,
    )
    return np.stack(
        [
            np.isfinite(columns).sum(axis=-1).astype(float),
            columns.mean(axis=-1),
            np.median(columns, axis=-1),
            interquartile_mean(columns),
            columns.std(axis=-1, ddof=1) if n > 1 else np.full(len(columns), np.nan),
            low,
            high,
        ]
    )


def centre(runs: RunStatistics, statistic: str) -> np.ndarray:
    """The statistic by name: "mean", "median" or "iqm"."""
    return np.asarray(getattr(runs, checks.as_choice(statistic, "statistic", STATISTICS)))
