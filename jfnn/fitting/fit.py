"""A fit to train, and what comes of it: plain data."""

import hashlib
from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from jfnn.fitting.structure import Rows, Structure
from jfnn.layers.dense import Layer

Key = tuple[Hashable, ...]
SHARED = 3  # entries of a key that are not numbers


class Before(NamedTuple):
    """State taken over from the fit before, besides parameters.

    Attributes:
        best: Lowest loss of an epoch.
        best_score: Highest score on held-out rows.
        waiting: Epochs without an improvement.
        seen: Rows seen.
        rate: The learning rate; None for that of the parameters.
        optimizer: State of the optimizer, in the engine's form; None for a fresh one.
    """

    best: float = np.inf
    best_score: float = -np.inf
    waiting: int = 0
    seen: int = 0
    rate: float | None = None
    optimizer: Any = None


class Fit(NamedTuple):
    """One fit to train.

    Attributes:
        structure: The structure.
        rows: All rows, those to be held out included.
        start: Starting parameters, in rows.
        random: The stream that draws held-out rows and minibatches.
        numbers: Name in `NUMBERS` -> number.
        stratified: Whether held-out rows keep the shares of classes.
        before: State of the fit before it.
    """

    structure: Structure
    rows: Rows
    start: tuple[Layer, ...]
    random: np.random.RandomState
    numbers: dict[str, float]
    stratified: bool = False
    before: Before = Before()


class Trained(NamedTuple):
    """Result of a fit.

    Attributes:
        layers: Parameters in rows.
        losses: Loss of each epoch.
        scores: Score of the held-out rows after each epoch; none without.
        converged: Whether it stopped because neither improves any more.
        diverged: Whether its numbers stopped being finite.
        after: State for a fit that goes on from here.
    """

    layers: tuple[Layer, ...]
    losses: list[float]
    scores: list[float]
    converged: bool
    diverged: bool
    after: Before


def key(fit: Fit, inputs: bytes | None = None) -> Key:
    """Equal for fits with equal results; the first `SHARED` entries for fits that can train side by side.

    Args:
        fit: The fit.
        inputs: Digest of its inputs; None to compute it.
    """
    _, *state = fit.random.get_state()
    others = (*fit.rows[1:], *(array for layer in fit.start for array in layer), *state)
    return fit.structure, inputs or digest(fit.rows.x), digest(*others), *fit.numbers.values()


def digest(*arrays: Any) -> bytes:
    """Digest of the bytes of arrays, numbers and None."""
    found = hashlib.sha256()
    for array in arrays:
        values = np.asarray(-1 if array is None else array)
        found.update(f"{values.shape} {values.dtype}".encode())
        found.update(np.ascontiguousarray(values).data)
    return found.digest()
