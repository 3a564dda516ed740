"""The best cell of each subset of a sweep, and the best learning rate of each network."""

import numpy as np

from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.core.search.result import SweepResult

NO_CELL = -1


def best_of_subsets(result: SweepResult, score: str | None = None) -> dict[str, np.ndarray]:
    """Return the best cell of each subset, as columns ready for ``pandas.DataFrame``.

    `SweepResult.best` takes the mean over subsets, which may be targets or groups that have nothing in
    common. Here each subset has its own best cell, by the mean over seeds. Pruned cells, and cells where any
    seed diverged with this subset, are excluded; ties go to the first. Cells are ranked on held-out rows, or
    on test rows if there are none, whose score is then optimistic.

    Args:
        result: A sweep of subsets or folds.
        score: The score to rank by, such as "train_loss"; None for `SweepResult.ranked_by`.

    Returns:
        Columns ``[F]`` by name: "fold", its number; the names of subsets; "cell", the number of its best cell
        in C order (`numpy.unravel_index` converts it to an index); this cell's value on each axis; the
        ranking score and all test scores, means over seeds; "seeds", their number. If no cell qualifies,
        "cell" is -1, scores are NaN, and axis values are NaN, -1 for integers or "" for text.

    Raises:
        ValueError: No such score; or a result without subsets or folds.
    """
    checks.check_instance(result, SweepResult, "result")
    name = result.named(score, "score")
    if result.folds is None:
        raise ArgumentError("result", "expected a sweep of subsets or folds", got="one without")
    number = result.folds

    def of_cells(members: np.ndarray) -> np.ndarray:
        return members.reshape(-1, len(result.seeds), number)

    means = of_cells(result.scores[name]).mean(axis=1)  # [cells, F]
    ranks = np.isfinite(means) & ~of_cells(result.pruned).any(axis=1)
    gains = np.where(ranks, means if result.higher_is_better(name) else -means, -np.inf)
    has_best = ranks.any(axis=0)
    cell = np.where(has_best, gains.argmax(axis=0), NO_CELL)
    columns = {"fold": np.arange(number), **result.subset_values, "cell": cell}
    columns |= {axis: _at(values, cell) for axis, values in result.cells.columns().items()}
    tests = [known for known in result.scores if known.startswith("test_")]
    for known in dict.fromkeys([name, *tests]):
        values = of_cells(result.scores[known]).mean(axis=1)
        columns[known] = np.where(has_best, values[cell, np.arange(number)], np.nan)
    return columns | {"seeds": np.full(number, len(result.seeds))}


def _at(values: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return values ``[cells]`` at chosen cells ``[F]``, or a placeholder where there is none."""
    none = {"f": np.nan, "U": ""}.get(values.dtype.kind, NO_CELL)
    return np.where(cell == NO_CELL, np.array(none, values.dtype), values[cell])


def best_rates(result: SweepResult, score: str | None = None) -> np.ndarray:
    """Return the best learning rate of each network ``[N]``, or of each network and batch size ``[N, B]``.

    Scores are averaged over seeds and folds, at the best values of all further axes. Ties go to the first.
    NaN where every cell diverged or was pruned.

    Args:
        result: A sweep; with a single network and batch size, the rates have shape ``[]``.
        score: The score to rank by, such as "train_loss"; None for `SweepResult.ranked_by`.

    Raises:
        ValueError: No such score; a random search or a result of `jfnn.train`, which have no axis of learning
            rates.

    Example:
        >>> import jfnn
        >>> x, y = jfnn.datasets.xor_gate()
        >>> result = jfnn.sweep(
        ...     jfnn.mlp((2, 8, 2)), jfnn.Split(x, y), learning_rate=[1e-6, 1.0], epochs=200, batch_size=None
        ... )
        >>> jfnn.analysis.best_rates(result)
        array(1.)
    """
    checks.check_instance(result, SweepResult, "result")
    name = result.named(score, "score")
    if not result.crossed:
        raise ArgumentError("result", "expected a grid, got cells in a list")
    if not result.learning_rate.ndim:
        raise ArgumentError("result", "expected a grid, got one member")
    leading = len(result.runs[0].key)
    scores = result.ranked(result.cell_scores(name))
    gains = np.where(np.isnan(scores), -np.inf, scores if result.higher_is_better(name) else -scores)
    by_rate = np.moveaxis(gains, leading, -1)  # the axis of learning rates follows the axes of programs
    further = tuple(range(leading, by_rate.ndim - 1))
    most = by_rate.max(axis=further) if further else by_rate
    rates = result.learning_rate[most.argmax(axis=-1)]
    return np.where(np.isneginf(most).all(axis=-1), np.nan, rates)
