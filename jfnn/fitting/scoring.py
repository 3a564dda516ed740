"""The score of held-out rows that early stopping judges by, prepared for the compiled program.

The program adds up a gain over these rows: right answers, or for numbers the squared errors, negative and
each output's in units of its variance. Accuracy and R² (scikit-learn's mean over outputs) are
``offset + gain / unit``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jfnn.fitting.structure import Rows


class Scoring(NamedTuple):
    """How gains become scores.

    Attributes:
        scales: Factors of squared errors ``[rows, outputs]``; NaN for rows to train on.
        unit: Gain of a score of 1.
        offset: Score of no gain.
    """

    scales: np.ndarray
    unit: float
    offset: float

    def score(self, gain: float) -> float:
        """The score of a gain."""
        return self.offset + gain / self.unit

    def gain(self, score: float) -> float:
        """The gain of a score."""
        return (score - self.offset) * self.unit


def scoring(train: Rows, held_out: Rows, output: str) -> Scoring:
    """The scoring of held-out rows, which lie behind those to train on."""
    m, outputs = held_out.targets.shape
    weights = np.ones(m) if held_out.weights is None else np.asarray(held_out.weights, np.float64)
    unit, offset, scale = float(weights.sum()), 0.0, np.ones(outputs)
    if output in ("identity", "exp"):
        targets = np.asarray(held_out.targets, np.float64)
        squares = weights @ (targets - np.average(targets, axis=0, weights=weights)) ** 2
        varies = squares > 0  # the R² of a constant output is 0
        scale = np.divide(1, outputs * squares, out=np.zeros(outputs), where=varies)
        unit, offset = 1.0, float(np.mean(varies))
    scales = np.concatenate([np.full((len(train.x), outputs), np.nan), np.tile(scale, (m, 1))])
    return Scoring(scales, unit, offset)


def gain(
    output: str, outputs: jax.Array, targets: jax.Array, scales: jax.Array, weights: jax.Array
) -> jax.Array:
    """The gain of a step's rows: arrays ``[rows, outputs]``, weights ``[rows]``; NaN of infinite outputs."""
    if output == "softmax":
        gains = (outputs.argmax(axis=1) == targets.argmax(axis=1)).astype(outputs.dtype)
    elif output == "logistic":
        gains = jnp.all((outputs > 0) == (targets > 0.5), axis=1).astype(outputs.dtype)
    else:
        predictions = jnp.exp(outputs) if output == "exp" else outputs
        gains = -jnp.sum(scales * (targets - predictions) ** 2, axis=1)
    return jnp.where(jnp.isfinite(outputs).all(), jnp.sum(weights * gains), jnp.nan)
