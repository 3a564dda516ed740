"""Series of several lengths in one table, each a straight line, so that the answers are known."""

import numpy as np

import jfnn

NET = jfnn.mlp((2, 1))


def make_series(number=40, shortest=6, longest=8, seed=0):
    """Return a shuffled table of noise-free lines.

    Returns:
        ``(split, names of the series [n], slopes and height of each [number, 3])``, names in sorted order.
    """
    rng = np.random.default_rng(seed)
    lines = rng.normal(size=(number, 3))
    series = np.repeat(np.arange(number), rng.integers(shortest, longest + 1, number))
    rng.shuffle(series)
    x = rng.normal(size=(len(series), 2))
    y = np.sum(x * lines[series, :2], axis=1) + lines[series, 2]
    names = np.array([f"series {i:03}" for i in series])
    return jfnn.Split(x, y[:, None]), names, lines


def sweep(split, subsets, execution=None, **changes):
    options = {
        "loss": "quadratic",
        "learning_rate": 0.1,
        "l2": 0.0,
        "epochs": 4,
        "batch_size": jfnn.Minibatches(3, "permutation", drop_last=False),
        "reduction": "mean",
    }
    execution = jfnn.Execution(**{"tile": 4} | (execution or {}))
    return jfnn.sweep(NET, split, folds=subsets, execution=execution, **options | changes)
