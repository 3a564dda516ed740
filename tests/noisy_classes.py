"""Noisy classes for model selection, sized so that folds, hold-outs and solo runs share a compiled program.

Folds, hold-outs and solo runs each train on 48 rows, and all scored rows fit into one block.
"""

import numpy as np

import jfnn

N = 60
HELD = 12
FEATURES = 4
CLASSES = 3
NET = jfnn.mlp((FEATURES, 3, CLASSES))
# The last rate diverges; the one before it is chaotic.
RATES = [1e-3, 0.02, 0.1, 0.4, 3.0, 1e38]
PENALTIES = [0.0, 0.3]
EPOCHS = 9
SCORES = [f"{part}_{metric}" for part in ("train", "validation", "test") for metric in ("loss", "accuracy")]


def make_split():
    """Return a split so noisy that networks can overfit."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N + 4, FEATURES)).astype(np.float32)
    y = np.argmax(x[:, :CLASSES] + rng.normal(size=(N + 4, CLASSES)), axis=1)
    return jfnn.Split(x[:N], y[:N], x[N:], y[N:])


SPLIT = make_split()


def sweep(split=SPLIT, execution=None, **changes):
    options = {"learning_rate": RATES, "l2": PENALTIES, "epochs": EPOCHS, "batch_size": 8}
    execution = jfnn.Execution(**{"tile": 4} | (execution or {}))
    return jfnn.sweep(NET, split, execution=execution, **options | changes)
