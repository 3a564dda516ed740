"""Fits that train side by side, and what comes of each: plain data."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jfnn.experiment.replicates import Replicate
from jfnn.fitting.draws import Order
from jfnn.fitting.structure import Rows, Structure
from jfnn.layers.dense import Layer


class GoesOn(NamedTuple):
    """What a fit takes over from the one before it.

    Attributes:
        best: Lowest loss of an epoch.
        best_score: Highest score on rows held out.
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


class Group(NamedTuple):
    """Fits to train side by side: they differ by their numbers alone.

    Attributes:
        structure: What is compiled.
        rows: What they learn from.
        held_out: Rows to validate on, or None.
        start: Starting parameters, in rows.
        order: Their minibatches.
        numbers: Name in `NUMBERS` -> a number for each of them ``[members]``.
        goes_on: Where they start besides parameters.
    """

    structure: Structure
    rows: Rows
    held_out: Rows | None
    start: tuple[Layer, ...]
    order: Order
    numbers: Mapping[str, np.ndarray]
    goes_on: GoesOn = GoesOn()


class Trained(NamedTuple):
    """What came of a fit.

    Attributes:
        layers: Parameters in rows.
        losses: Loss of each epoch.
        scores: Score of the rows held out after each epoch; none without.
        converged: Whether it stopped because neither improves any more.
        diverged: Whether its numbers stopped being finite.
        goes_on: For a fit that goes on from here.
    """

    layers: tuple[Layer, ...]
    losses: list[float]
    scores: list[float]
    converged: bool
    diverged: bool
    goes_on: GoesOn


@dataclasses.dataclass(frozen=True, eq=False)
class Ordered(Replicate):
    """A replicate whose minibatches are an `Order`'s; without one it is only to be scored."""

    order: Order | None = None

    @property
    def padded(self) -> bool:
        """Whether the last step of an epoch is shorter."""
        return self.order is not None and self.order.padded

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return 1 if self.order is None else self.order.steps

    @property
    def rows_a_step(self) -> int:
        """Length of one step's list of rows."""
        return 1 if self.order is None else self.order.batch

    def minibatches(self, epoch: int) -> np.ndarray:
        """Row numbers ``[steps, batch]``."""
        return np.zeros((1, 1), np.int32) if self.order is None else self.order.epoch(epoch)
