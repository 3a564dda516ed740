"""The epochs on a page, spaced logarithmically, since networks change most at the beginning."""

from __future__ import annotations

import numpy as np

from jfnn.core.search.result import SweepResult

MOST_EPOCHS = 12


def spaced_epochs(last: int) -> list[int]:
    """Return about logarithmically spaced epochs from 1 to ``last``, which is included."""
    return [int(epoch) for epoch in nearest(np.arange(1, last + 1), MOST_EPOCHS)]


def nearest(epochs: np.ndarray, most: int) -> np.ndarray:
    """Return at most ``most`` of the sorted epochs, about logarithmically spaced, including the last."""
    if most == 1 or len(epochs) <= most:
        return np.asarray(epochs[-1:] if most == 1 else epochs)
    targets = np.geomspace(epochs[0], epochs[-1], most)
    places = np.abs(np.log(epochs)[:, None] - np.log(targets)).argmin(axis=0)
    return np.asarray(epochs[np.unique(places)])


def kept_epochs(result: SweepResult) -> np.ndarray:
    """Return epochs ``[E]`` at which all programs stored parameters: at evaluations, or at the end."""
    if result.config.get("settings", {}).get("keep_params") != "evaluations":
        return np.array([int(result.epochs.max())])
    counts = [run.evaluated for run in result.runs if run.evaluated is not None]
    return result.evaluations[: min(counts, default=None)]
