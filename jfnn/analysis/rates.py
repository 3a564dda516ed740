"""The best learning rate of each network."""

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.search.result import SweepResult


def best_rates(result: SweepResult, score: str | None = None) -> np.ndarray:
    """The learning rate with the best score of every network ``[N]``, or network and batch size ``[N, B]``.

    By the score averaged over seeds and folds, at the best values of all further axes. NaN where every cell
    diverged or was pruned. Of equals the first wins.

    Args:
        result: A sweep of several networks or batch sizes, or of one (``[]``).
        score: Such as "train_loss"; None for the score that ranks.

    Raises:
        ValueError: No such score; a random search, which has no axis of learning rates; or the result of
            `jfnn.train`, which has none either.
    """
    checks.check_instance(result, SweepResult, "result")
    name = result.named(score, "score")
    if not result.crossed:
        raise ArgumentError("result", "expected a grid, got cells in a list")
    if not result.learning_rate.ndim:
        raise ArgumentError("result", "expected a grid, got one member")
    leading = result.leading
    scores = result.ranked(result.cell_scores(name))
    gains = np.where(np.isnan(scores), -np.inf, scores if result.higher_is_better(name) else -scores)
    by_rate = np.moveaxis(gains, leading, -1)  # behind the axes of programs comes that of learning rates
    further = tuple(range(leading, by_rate.ndim - 1))
    most = by_rate.max(axis=further) if further else by_rate
    rates = result.learning_rate[most.argmax(axis=-1)]
    return np.where(np.isneginf(most).all(axis=-1), np.nan, rates)
