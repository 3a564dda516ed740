"""Rows of a fit's steps, drawn as scikit-learn draws them: the held-out rows, and the order of the others.

Early stopping uses the score of the held-out rows. The compiled program sums a gain over these rows: correct
predictions for classes; for regression, the negative squared errors of each output, divided by the output's
total sum of squares. The gain is 0 if there is only one class, which is always predicted. Accuracy and R²
(scikit-learn's mean over outputs) are ``offset + gain / unit``.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import shuffle

from jfnn.arguments.checks import ArgumentError
from jfnn.core.engine.minibatches import padded_length
from jfnn.estimators.fit import Fit, FitRows
from jfnn.minibatches import PADDING, GivenMinibatches


class Scoring(NamedTuple):
    """Conversion between gains and scores.

    Attributes:
        scales: Factors of correct predictions or squared errors ``[rows, outputs]``; 0 for training rows.
        held_out: Whether each row is held out ``[rows]``.
        unit: The gain that corresponds to a score of 1.
        offset: The score for a gain of 0.
    """

    scales: np.ndarray
    held_out: np.ndarray
    unit: float
    offset: float

    @classmethod
    def for_rows(cls, rows: FitRows, held_out: int, output: str) -> "Scoring":
        """Return the scoring of the last ``held_out`` rows, for an output activation."""
        targets = np.asarray(rows.targets[-held_out:], np.float64)
        weights = np.ones(held_out) if rows.weights is None else np.asarray(rows.weights[-held_out:], float)
        unit = float(weights.sum())
        offset = 0.0
        scale = np.ones(targets.shape[1])
        if output in ("identity", "exp"):
            squares = weights @ (targets - np.average(targets, axis=0, weights=weights)) ** 2
            varies = np.ptp(targets[weights > 0], axis=0) > 0  # the R² of a constant output counts as 0
            scale = np.divide(1, len(scale) * squares, out=np.zeros(len(scale)), where=varies)
            unit = 1.0
            offset = float(np.mean(varies))
        elif rows.targets.shape[1] == 1 and np.ptp(rows.targets) == 0:  # one class
            scale = np.zeros(1)
            offset = 1.0
        n = len(rows.targets)
        is_held_out = np.arange(n) >= n - held_out
        return cls(is_held_out[:, None] * scale, is_held_out, unit, offset)

    def score(self, gain: float) -> float:
        """Convert a gain to a score."""
        return self.offset + gain / self.unit

    def gain(self, score: float) -> float:
        """Convert a score to a gain."""
        return (score - self.offset) * self.unit


def hold_out(fit: Fit, random: np.random.RandomState) -> tuple[FitRows, int]:
    """Move held-out rows behind the training rows; return all rows and the number held out.

    The number is 0 without early stopping. ``random`` draws the held-out rows.

    Raises:
        ValueError: Fewer than two rows are held out, or scikit-learn cannot split the rows.
    """
    rows = fit.rows
    structure = fit.structure
    if structure.validation is None:
        return rows, 0
    two_classes = structure.output == "logistic" and structure.sizes[-1] == 1
    train, held_out = train_test_split(
        np.arange(len(rows.x)),
        random_state=random,
        test_size=structure.validation,
        stratify=rows.targets.astype(bool) if two_classes else None,  # as scikit-learn does
    )
    if len(held_out) < 2:
        raise ArgumentError(
            "validation_fraction",
            "The validation set is too small. Increase 'validation_fraction' or the size of your dataset.",
        )
    order = np.concatenate([train, held_out])
    return FitRows(*(None if array is None else array[order] for array in rows)), len(held_out)  # type: ignore[arg-type]


def gain(
    output: str, outputs: jax.Array, targets: jax.Array, scales: jax.Array, weights: jax.Array
) -> jax.Array:
    """Return the gain of rows ``[rows, outputs]`` with weights ``[rows]``; NaN if an output is not finite."""
    if output == "softmax":
        gains = scales[:, 0] * (outputs.argmax(axis=1) == targets.argmax(axis=1))
    elif output == "logistic":
        gains = scales[:, 0] * jnp.all((outputs > 0) == (targets > 0.5), axis=1)
    else:
        predictions = jnp.exp(outputs) if output == "exp" else outputs
        gains = -jnp.sum(scales * (targets - predictions) ** 2, axis=1)
    return jnp.where(jnp.isfinite(outputs).all(), jnp.sum(weights * gains), jnp.nan)


class Order:
    """Rows of each epoch's steps: training rows shuffled by a random stream, then held-out rows.

    Epochs are drawn in order, when first used, and kept.
    """

    def __init__(self, n: int, held_out: int, batch: int, random: np.random.RandomState, shuffled: bool):
        """Prepare ``n`` training rows and ``held_out`` rows after them, in steps of ``batch`` rows.

        Nothing else may draw from ``random``. Without shuffling, or in one step, rows keep their order.
        """
        self.n = n
        self.batch = batch
        self.random = random
        self.shuffled = shuffled
        self.steps = -(-n // batch)
        self.width = padded_length(batch)  # the same for most numbers of rows, which then share a program
        self.held_out = self._split_into_steps(np.arange(n, n + held_out, dtype=np.int32))
        self.rows = np.arange(n, dtype=np.int32)
        self.drawn = [self._steps_of_epoch()]
        self.streams: list[dict[str, Any]] = [random.get_state(legacy=False)]  # states before each epoch

    @property
    def minibatches(self) -> GivenMinibatches:
        """Return the order in the engine's form."""
        shape = self.drawn[0].shape
        return GivenMinibatches(lambda seed, epoch: self.epoch(epoch), (shape[0], shape[1]), padded=True)

    def epoch(self, epoch: int) -> np.ndarray:
        """Return row numbers ``[steps, width]`` of an epoch, padded where a step is shorter."""
        if not self.shuffled or self.batch >= self.n:
            return self.drawn[0]
        self._draw(epoch + 1)
        return self.drawn[epoch + 1]

    def stream_after(self, epochs: int) -> dict[str, Any]:
        """Return the state of the random stream after a fit of ``epochs`` epochs."""
        if not self.shuffled:
            return self.streams[0]
        self._draw(epochs)
        return self.streams[epochs]

    def _draw(self, epochs: int) -> None:
        while len(self.streams) <= epochs:
            self.rows = shuffle(self.rows, random_state=self.random)
            self.drawn.append(self._steps_of_epoch())
            self.streams.append(self.random.get_state(legacy=False))

    def _steps_of_epoch(self) -> np.ndarray:
        return np.concatenate([self._split_into_steps(self.rows), self.held_out])

    def _split_into_steps(self, rows: np.ndarray) -> np.ndarray:
        """Arrange rows in steps ``[steps, width]``."""
        steps = np.full((-(-len(rows) // self.batch), self.width), PADDING, rows.dtype)
        steps[:, : self.batch].flat[: len(rows)] = rows
        return steps
