"""Noisy classes to choose by: sizes such that folds, hold-outs and solo runs share one compiled program.

Folds, hold-outs and the rows of solo runs all have 48 rows to train on, and all scored rows fit one block.
"""

import numpy as np

import jfnn

N = 60
HELD = 12
FEATURES = 4
CLASSES = 3
NET = jfnn.mlp((FEATURES, 3, CLASSES))
# The last rate diverges, the one before it is chaotic.
RATES = [1e-3, 0.02, 0.1, 0.4, 3.0, 1e38]
PENALTIES = [0.0, 0.3]
EPOCHS = 9
SCORES = [f"{part}_{metric}" for part in ("train", "validation", "test") for metric in ("loss", "accuracy")]


def make_split():
    """So noisy that a network can overfit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N + 4, FEATURES)).astype(np.float32)
    y = np.argmax(x[:, :CLASSES] + rng.normal(size=(N + 4, CLASSES)), axis=1)
    return jfnn.Split(x[:N], y[:N], x[N:], y[N:])


SPLIT = make_split()


def sweep(split=SPLIT, execution=None, **changes):
    """A sweep of all rates and penalties with a tile of four."""
    options = {"learning_rate": RATES, "l2": PENALTIES, "epochs": EPOCHS, "batch_size": 8}
    execution = jfnn.Execution(**{"tile": 4} | (execution or {}))
    return jfnn.sweep(NET, split, execution=execution, **options | changes)
