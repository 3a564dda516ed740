"""The epochs that a page shows: their ratios about equal, since networks change most in the beginning."""

from __future__ import annotations

import numpy as np

from jfnn.core.search.result import SweepResult

MOST_EPOCHS = 12


def spaced_epochs(last: int) -> list[int]:
    """Epochs from 1 to the last, which is among them, their ratios about equal."""
    return [int(epoch) for epoch in nearest(np.arange(1, last + 1), MOST_EPOCHS)]


def nearest(epochs: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the epochs (sorted, from 1), the last among them, their ratios about equal."""
    if most == 1 or len(epochs) <= most:
        return np.asarray(epochs[-1:] if most == 1 else epochs)
    targets = np.geomspace(epochs[0], epochs[-1], most)
    places = np.abs(np.log(epochs)[:, None] - np.log(targets)).argmin(axis=0)
    return np.asarray(epochs[np.unique(places)])


def kept_epochs(result: SweepResult) -> np.ndarray:
    """Epochs done where every program kept parameters ``[E]``: those of evaluations, or the last one."""
    if result.config.get("settings", {}).get("keep_params") != "evaluations":
        return np.array([int(result.epochs.max())])
    everywhere = min(len(program.evaluations) for program in result.programs)
    return result.evaluations[:everywhere]
