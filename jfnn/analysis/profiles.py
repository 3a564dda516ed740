"""Scores of several runs on several tasks: as arrays, aggregated with intervals, and as performance profiles.

The arrays ``[runs, tasks]`` by name are those that rliable takes (Agarwal et al., NeurIPS 2021).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jfnn import checks
from jfnn.analysis.arguments import as_confidence, as_numbers
from jfnn.analysis.centres import STATISTICS
from jfnn.analysis.intervals import interval as confidence_interval
from jfnn.analysis.intervals import stratified_interval
from jfnn.analysis.runs import Interval, as_interval, filled
from jfnn.analysis.statistics import CONFIDENCE, folds_averaged
from jfnn.analysis.summary import cell_names
from jfnn.checks import ArgumentError, ArgumentTypeError
from jfnn.search.result import SweepResult

POINTS = 201  # thresholds of a profile, where none are given


class Aggregate(NamedTuple):
    """A statistic of all runs on all tasks, and its confidence interval."""

    value: float
    low: float
    high: float


class Profile(NamedTuple):
    """How many runs are better than a threshold.

    Attributes:
        thresholds: Scores ``[K]``.
        share: Runs better than each, as a share of all ``[K]``.
        low: Lower end of the confidence interval at each threshold ``[K]``.
        high: Its upper end.
    """

    thresholds: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def score_matrices(
    results: SweepResult | Sequence[SweepResult],
    score: str | None = None,
    missing: str | float = "nan",
) -> dict[str, np.ndarray]:
    """Scores of each cell as an array ``[runs, tasks]``, as rliable takes them.

    Args:
        results: A sweep, which is one task, or the sweeps of several tasks (data sets) in order, all of the
            same cells and number of seeds.
        score: Such as "test_accuracy"; None for the one that ranks.
        missing: "nan" keeps NaN for runs without a score; a number stands for their score.

    Returns:
        Name -> float64, seeds first, tasks second; folds are averaged. Names are those of
        `cell_names`.

    Raises:
        ValueError: The sweeps differ, an unknown score, or folds of one seed, which are no independent runs.
    """
    if not isinstance(results, SweepResult) and not checks.is_several(results):
        raise ArgumentTypeError("results", f"expected a SweepResult, or several, got {checks.shown(results)}")
    several = [results] if isinstance(results, SweepResult) else list(results)
    if not several:
        raise ArgumentError("results", "expected at least one sweep")
    for result in several:
        checks.check_instance(result, SweepResult, "results")
        if result.folds is not None and len(result.seeds) == 1:
            raise ArgumentError("results", "folds of one seed share rows; expected several seeds")
    first = several[0]
    score = first.named(score, "score")
    if isinstance(missing, str):
        checks.as_choice(missing, "missing", ("nan",))
    columns = [(cell_names(result), len(result.seeds), score in result.scores) for result in several]
    if any(column != columns[0] for column in columns):
        raise ArgumentError("results", "expected sweeps of the same cells, number of seeds and scores")
    by_task = [folds_averaged(result, filled(result.scores[score], missing))[0] for result in several]
    of_cells = np.stack([values.reshape(-1, values.shape[-1]) for values in by_task], axis=-1)
    return dict(zip(columns[0][0], of_cells, strict=True))


def aggregate(scores: Mapping[str, ArrayLike], interval: Interval | str = "iqm") -> dict[str, Aggregate]:
    """A statistic of all runs and tasks together, with its interval.

    Runs are resampled within each task (stratified), as in rliable; see
    `jfnn.analysis.intervals.stratified_interval`. Of a single task the interval is that of
    `jfnn.analysis.intervals.interval`. The median is of all runs, where rliable's is of the tasks' means.

    Args:
        scores: Name -> ``[runs, tasks]``, as from `score_matrices`; bring tasks of different scales to one
            first.
        interval: The statistic, or an `Interval`. For several tasks its method is a bootstrap: "formula" and
            None mean "bootstrap" there.

    Raises:
        ValueError: Not such arrays, a score that is not finite, or a single run.
    """
    kind = as_interval(interval)
    of_all = STATISTICS[checks.as_choice(kind.statistic, "statistic", STATISTICS)]
    aggregates = {}
    for name, matrix in _matrices(scores).items():
        checks.check_values(matrix, "scores", np.float64)
        if len(matrix) < 2:
            raise ArgumentError("scores", f"expected at least two runs, got one of {name}")
        aggregates[name] = Aggregate(float(of_all(matrix.ravel())), *_interval(matrix, kind))
    return aggregates


def _interval(matrix: np.ndarray, kind: Interval) -> tuple[float, float]:
    """The interval of runs ``[runs, tasks]``."""
    statistic, method, confidence, resamples, seed = kind
    if matrix.shape[1] == 1:
        values = matrix[:, 0]
        low, high = confidence_interval(values, statistic, method, confidence, resamples=resamples, seed=seed)
        return float(low), float(high)
    return stratified_interval(
        list(matrix.T),
        statistic,
        "bootstrap" if method in (None, "formula") else method,
        confidence,
        resamples=resamples,
        seed=seed,
    )


def performance_profiles(
    scores: Mapping[str, ArrayLike],
    thresholds: ArrayLike | None = None,
    higher_is_better: bool = True,
    confidence: float = CONFIDENCE,
) -> dict[str, Profile]:
    """The share of runs, over all tasks, that are better than each threshold.

    Intervals are Wilson's (JASA 22, 1927) for a share of ``runs × tasks``, pointwise. They keep their width
    where all runs or none are better, where a bootstrap has none; for tasks of different shares they are
    somewhat too wide. A run without a score (NaN) is better than no threshold.

    Args:
        scores: Name -> ``[runs, tasks]``, as from `score_matrices`.
        thresholds: ``[K]``; None for 201 from the least score to the largest.
        higher_is_better: Whether a run is better above a threshold, or below it.
        confidence: Probability that an interval covers the true share, between 0 and 1.

    Raises:
        ValueError: Not such arrays, or no finite score or threshold.
    """
    from scipy import stats

    matrices, above = _matrices(scores), checks.as_switch(higher_is_better, "higher_is_better")
    everything = np.concatenate([matrix.ravel() for matrix in matrices.values()])
    finite = everything[np.isfinite(everything)]
    if thresholds is None:
        if not finite.size:
            raise ArgumentError("scores", "expected at least one finite score")
        places = np.linspace(finite.min(), finite.max(), POINTS)
    else:
        places = checks.as_axis(thresholds, "thresholds", None)
    z = float(stats.norm.ppf((1 + as_confidence(confidence)) / 2))
    profiles = {}
    for name, matrix in matrices.items():
        values = matrix.ravel()[:, None]
        share = (values > places if above else values < places).mean(axis=0)
        n = len(values)
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        low, high = np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)
        profiles[name] = Profile(places, share, low, high)
    return profiles


def _matrices(scores: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    """Name -> ``[runs, tasks]``, float64."""
    if not isinstance(scores, Mapping) or not scores:
        raise ArgumentTypeError("scores", "expected a mapping of names to arrays [runs, tasks], at least one")
    matrices = {name: as_numbers(matrix, "scores") for name, matrix in scores.items()}
    for name, matrix in matrices.items():
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise ArgumentError(
                "scores", f"expected arrays [runs, tasks], got shape {matrix.shape} of {name}"
            )
    return matrices
