"""Expected best score of a search against the number of its cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jfnn.analysis.intervals import as_bounds, as_confidence
from jfnn.analysis.statistics import metric_bounds
from jfnn.arguments import checks, texts
from jfnn.arguments.checks import ArgumentError
from jfnn.core.search.result import SweepResult


@texts.without_arrays
class TuningCurve(NamedTuple):
    """The expected best score of k cells, arrays ``[n]``.

    Attributes:
        k: Numbers of cells, 1 to n.
        score: Expected best score of k of the n cells, drawn without replacement.
        low: Lower ends of the simultaneous confidence band.
        high: Upper ends.
    """

    k: np.ndarray
    score: np.ndarray
    low: np.ndarray
    high: np.ndarray


def tuning_curve(
    result: SweepResult,
    score: str | None = None,
    *,
    bounds: tuple[float, float] | None = None,
    confidence: float = 0.95,
) -> TuningCurve:
    """Return the expected best score of k cells for k = 1 … n, with a simultaneous confidence band.

    The curve shows what a smaller search would have found, and compares methods at equal effort (Dodge et al.
    2019, "Show your work", arXiv 1909.03004). A cell's score is its mean over seeds and folds. With scores
    ``y_1 ≤ … ≤ y_n``, of which the largest is the best, the expected best of k cells without replacement is

        ``Σ_i y_i C(i - 1, k - 1) / C(n, k)``

    The band is for a random search, whose cells are independent draws. With at least the given confidence it
    contains, for all k at once, the expected best score of k new cells (Lourie, Cho & He 2024, "Show your
    work with confidence", arXiv 2311.09480). The distribution function of the scores lies within ``F ± ε``
    around the empirical one, with ε the exact quantile of the Kolmogorov–Smirnov statistic, and so does the
    expected best of k between those of the two ends; the probability ε beyond the scores lies at the bounds.
    The cells of a grid are not random draws: for a grid only the curve has a meaning.

    Args:
        result: A random search, or a grid. Cells that diverged with any seed or were pruned count as drawn,
            with the worst score of the other cells.
        score: Such as "test_accuracy"; None for the ranking score.
        bounds: Smallest and largest possible score; None for the metric's, such as 0 and 1 for accuracies.
            An end of the band is infinite if its bound is, such as the upper end for a loss.
        confidence: Probability that the band contains the whole curve.

    Raises:
        ValueError, TypeError: A result of `jfnn.train`; no cell with a score; scores beyond the bounds; or an
            invalid argument.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> network = jfnn.mlp((2, 8, 2))
        >>> split = jfnn.Split(x, y)
        >>> result = jfnn.sweep(network, split, learning_rate=[0.001, 0.1], seeds=5, epochs=200)
        >>> curve = jfnn.analysis.tuning_curve(result, "train_loss")
        >>> curve.k.tolist(), curve.score.shape
        ([1, 2], (2,))
    """
    from scipy import stats

    checks.check_instance(result, SweepResult, "result")
    if not result.cell_shape:
        raise ArgumentError("result", "expected a sweep, got one network")
    name = result.named(score, "score")
    confidence = as_confidence(confidence)
    sign = 1 if result.higher_is_better(name) else -1
    gains = sign * result.ranked(result.cell_scores(name)).ravel()
    scored = np.isfinite(gains)
    if not scored.any():
        raise ArgumentError("result", "expected at least one cell with a score, got none")
    gains = np.sort(np.where(scored, gains, gains[scored].min()))
    known = metric_bounds(name, sign * gains) if bounds is None else bounds
    with checks.rename_arguments(values="bounds"):
        least, most = sorted(sign * end for end in as_bounds(known, sign * gains))
    n = len(gains)
    bottom = gains[0] if np.isinf(least) else least
    top = gains[-1] if np.isinf(most) else most
    support = np.array([bottom, *gains, top])
    below = np.array([0, *range(1, n + 1), n])  # number of scores up to each point of the support
    reach = stats.kstwo.ppf(confidence, n)
    bands = np.clip([below / n + reach, below / n - reach], 0, 1)
    bands[1, -1] = 1
    chances = np.ones(n + 2)  # that the best of k cells is at most each point: C(below, k) / C(n, k)
    curves = []
    for k in range(1, n + 1):
        chances *= np.maximum(below + 1 - k, 0) / (n + 1 - k)
        curves.append(np.diff([chances, *bands**k], prepend=0.0) @ support)
    middle, lower, upper = np.transpose(curves)
    lower += 0 if np.isfinite(least) else least
    upper += 0 if np.isfinite(most) else most
    return TuningCurve(np.arange(1, n + 1), sign * middle, *np.sort([sign * lower, sign * upper], axis=0))
