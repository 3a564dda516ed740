"""Fits that train side by side, and what comes of each: plain data."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import shuffle

from jfnn.fitting import draws
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


def draw_group(
    structure: Structure,
    rows: Rows,
    numbers: list[dict[str, float]],
    random: np.random.RandomState,
    start: tuple[Layer, ...] | None,
    goes_on: GoesOn,
    stratified: bool,
) -> Group:
    """Fits to train side by side, with a start, rows held out and minibatches drawn in scikit-learn's order.

    Args:
        structure: What they have in common.
        rows: All rows.
        numbers: Those of each fit.
        random: The stream to draw from, which the fits have for themselves.
        start: Parameters to start from; None to draw them.
        goes_on: What else they start from.
        stratified: Whether rows held out keep the shares of classes.
    """
    if start is None:
        start = draws.start(structure, random, rows.x.dtype)
    held_out = None
    if structure.validation is not None:
        rows, held_out = draws.hold_out(rows, structure.validation, random, stratified)
    n = len(rows.x)
    order = draws.Order(n, structure.rows_a_step(n), random if structure.shuffle else None)
    columns = {name: np.array([of_fit[name] for of_fit in numbers]) for name in numbers[0]}
    return Group(structure, rows, held_out, start, order, columns, goes_on)


def replay(
    structure: Structure,
    rows: Rows,
    random: np.random.RandomState,
    starts: bool,
    epochs: int,
    stratified: bool,
) -> None:
    """Brings a stream to where scikit-learn's fit would leave it."""
    if starts:
        draws.start(structure, random, rows.x.dtype)
    if structure.validation is not None:
        rows, _ = draws.hold_out(rows, structure.validation, random, stratified)
    for _ in range(epochs if structure.shuffle else 0):
        shuffle(np.arange(len(rows.x)), random_state=random)
