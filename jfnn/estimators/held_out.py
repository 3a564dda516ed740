"""Held-out rows, by whose score early stopping judges, prepared for the compiled program.

The program adds up a gain over these rows: right answers, or for numbers the squared errors, negative and
each output's in units of its variance; nothing where there is a single class, which is always predicted.
Accuracy and R² (scikit-learn's mean over outputs) are ``offset + gain / unit``.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.model_selection import train_test_split

from jfnn.arguments.checks import ArgumentError
from jfnn.estimators.fit import Fit, Rows


class Scoring(NamedTuple):
    """The rule by which gains become scores.

    Attributes:
        scales: Factors of right answers or squared errors ``[rows, outputs]``; NaN for rows to train on.
        unit: Gain of a score of 1.
        offset: Score of no gain.
    """

    scales: np.ndarray
    unit: float
    offset: float

    @classmethod
    def for_rows(cls, rows: Rows, held_out: int, output: str) -> "Scoring":
        """The scoring of the last ``held_out`` rows, for an output activation."""
        targets = np.asarray(rows.targets[-held_out:], np.float64)
        weights = np.ones(held_out) if rows.weights is None else np.asarray(rows.weights[-held_out:], float)
        unit = float(weights.sum())
        offset = 0.0
        scale = np.ones(targets.shape[1])
        if output in ("identity", "exp"):
            squares = weights @ (targets - np.average(targets, axis=0, weights=weights)) ** 2
            varies = squares > 0  # the R² of a constant output is 0
            scale = np.divide(1, len(scale) * squares, out=np.zeros(len(scale)), where=varies)
            unit = 1.0
            offset = float(np.mean(varies))
        elif rows.targets.shape[1] == 1 and np.ptp(rows.targets) == 0:  # one class
            scale = np.zeros(1)
            offset = 1.0
        scales = np.full(rows.targets.shape, np.nan)
        scales[-held_out:] = scale
        return cls(scales, unit, offset)

    def score(self, gain: float) -> float:
        """The score of a gain."""
        return self.offset + gain / self.unit

    def gain(self, score: float) -> float:
        """The gain of a score."""
        return (score - self.offset) * self.unit


def hold_out(fit: Fit) -> tuple[Rows, int]:
    """All rows of a fit, held-out ones behind those to train on, and their number; 0 without early stopping.

    Raises:
        ValueError: Fewer than two are held out, or scikit-learn raises.
    """
    rows = fit.rows
    structure = fit.structure
    if structure.validation is None:
        return rows, 0
    two_classes = structure.output == "logistic" and structure.sizes[-1] == 1  # whose shares are kept
    train, held_out = train_test_split(
        np.arange(len(rows.x)),
        random_state=fit.random,
        test_size=structure.validation,
        stratify=rows.targets.astype(bool) if two_classes else None,
    )
    if len(held_out) < 2:
        raise ArgumentError(
            "validation_fraction",
            "The validation set is too small. Increase 'validation_fraction' or the size of your dataset.",
        )
    order = np.concatenate([train, held_out])
    return Rows(*(None if array is None else array[order] for array in rows)), len(held_out)  # type: ignore[arg-type]


def gain(
    output: str, outputs: jax.Array, targets: jax.Array, scales: jax.Array, weights: jax.Array
) -> jax.Array:
    """The gain of a step's rows: arrays ``[rows, outputs]``, weights ``[rows]``; NaN of infinite outputs."""
    if output == "softmax":
        gains = scales[:, 0] * (outputs.argmax(axis=1) == targets.argmax(axis=1))
    elif output == "logistic":
        gains = scales[:, 0] * jnp.all((outputs > 0) == (targets > 0.5), axis=1)
    else:
        predictions = jnp.exp(outputs) if output == "exp" else outputs
        gains = -jnp.sum(scales * (targets - predictions) ** 2, axis=1)
    return jnp.where(jnp.isfinite(outputs).all(), jnp.sum(weights * gains), jnp.nan)
