"""Training the winner of a search once more, on all rows: what changes in what was asked for."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from jfnn.experiment import axes
from jfnn.search.result import SweepResult

# These have done their work.
NO_MORE = ("validation", "folds", "halving", "early_stopping", "sample")


def check(asked: SimpleNamespace) -> None:
    """Refuses what cannot be refitted.

    Raises:
        ValueError: No rows were held out, or minibatches were given.
    """
    if asked.refit and asked.validation is None and asked.folds is None:
        raise ValueError("refit: without validation or folds, cells are trained on all training rows already")
    if asked.refit and asked.batches is not None:
        raise ValueError("refit: given batches are of fewer rows than it trains on")


def changes(result: SweepResult, asked: SimpleNamespace) -> dict[str, Any] | None:
    """The keywords of `jfnn.sweep` that train the best cell alone; None where every cell diverged.

    Args:
        result: The search.
        asked: All the keywords that it was asked for by.
    """
    best = result.best_or_none()
    if best is None:
        return None
    # As axes of one value, so that the program, and the bits, are those of the cell in a grid of all rows.
    own = {name: [value] for name, value in best.axes.items() if name in axes.OWN}
    of_optimizer = {name: [value] for name, value in best.axes.items() if name not in own}
    changed = (
        own
        | dict.fromkeys(NO_MORE)
        | {
            "optimizer_args": (asked.optimizer_args or {}) | of_optimizer,
            "schedule_epochs": asked.schedule_epochs or asked.epochs,
            "keep_params": "all",
            "refit": False,
        }
    )
    if asked.early_stopping is not None:
        changed["epochs"] = max(1, round(float(np.mean(result.epochs[best.index]))))
    return changed
