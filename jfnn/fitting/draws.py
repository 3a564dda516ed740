"""Random numbers of a fit, drawn as scikit-learn draws them: the start, rows held out, the order of rows."""

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import shuffle

from jfnn.checks import ArgumentError
from jfnn.fitting.structure import Rows, Structure
from jfnn.layers.dense import Layer
from jfnn.learners.source import room
from jfnn.minibatches import PADDING, GivenMinibatches


def start(structure: Structure, random: np.random.RandomState, dtype: Any) -> tuple[Layer, ...]:
    """Starting weights and biases, uniform within ``±√(6/(n_in + n_out))``, with "logistic" ``√(2/…)``."""
    factor = 2.0 if structure.activation == "logistic" else 6.0
    layers = []
    for n_in, n_out in zip(structure.sizes[:-1], structure.sizes[1:], strict=True):
        bound = np.sqrt(factor / (n_in + n_out))
        w = random.uniform(-bound, bound, (n_in, n_out)).astype(dtype)
        layers.append(Layer(w, random.uniform(-bound, bound, n_out).astype(dtype)))  # type: ignore[arg-type]
    return tuple(layers)


def hold_out(rows: Rows, share: float, random: np.random.RandomState, stratified: bool) -> tuple[Rows, Rows]:
    """Rows to train on and rows to validate on.

    Raises:
        ValueError: Fewer than two are held out, or scikit-learn refuses.
    """
    stratify = rows.targets.astype(bool) if stratified else None
    numbers = train_test_split(
        np.arange(len(rows.x)), random_state=random, test_size=share, stratify=stratify
    )
    if len(numbers[1]) < 2:
        raise ArgumentError(
            "validation_fraction",
            "The validation set is too small. Increase 'validation_fraction' or the size of your dataset.",
        )
    return rows.take(numbers[0]), rows.take(numbers[1])


class Order:
    """Rows of each epoch's steps, shuffled on and on by one stream of random numbers.

    Epochs are drawn one after another when they are first asked for, and kept.
    """

    def __init__(self, n: int, batch: int, random: np.random.RandomState | None):
        """Nothing is drawn yet.

        Args:
            n: Rows.
            batch: Rows a step.
            random: The stream, which the order has for itself; None for rows as they come. So they do too
                where a step sees them all.
        """
        self.n, self.batch, self.random = n, batch, random if batch < n else None
        self.rows = np.arange(n, dtype=np.int32)
        self.drawn: list[np.ndarray] = []

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return -(-self.n // self.batch)

    @property
    def minibatches(self) -> GivenMinibatches:
        """The order as the engine takes it."""
        return GivenMinibatches(lambda seed, epoch: self.epoch(epoch), (self.steps, self.width), padded=True)

    @property
    def width(self) -> int:
        """Places of a step: as many for most numbers of rows, so that these share a program."""
        return room(self.batch)

    def epoch(self, epoch: int) -> np.ndarray:
        """Row numbers ``[steps, batch]`` of an epoch, and padding where the last step is shorter."""
        if self.random is None:
            return self._in_steps()
        while len(self.drawn) <= epoch:
            self.rows = shuffle(self.rows, random_state=self.random)
            self.drawn.append(self._in_steps())
        return self.drawn[epoch]

    def _in_steps(self) -> np.ndarray:
        padding = np.full(self.steps * self.batch - self.n, PADDING, np.int32)
        rows = np.concatenate([self.rows, padding]).reshape(self.steps, self.batch)
        return np.pad(rows, [(0, 0), (0, self.width - self.batch)], constant_values=PADDING)
