"""Dropout of hidden units (Srivastava et al., JMLR 15, 2014)."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jfnn.layers.sequence as sequence
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.layers.kind import LayerKind, Shape
from jfnn.numerics.sums import row_uniforms


def dropout_shapes(layers: Sequence[LayerKind], input_shape: Shape) -> list[Shape | None]:
    """Return each layer's output shape, or None for layers whose outputs dropout never zeroes."""
    outputs = sequence.shapes(layers, input_shape)[1:]
    drops = [layer.droppable for layer in layers[:-1]] + [False]
    return [shape if dropped else None for shape, dropped in zip(outputs, drops, strict=True)]


def dropout_masks(
    key: jax.Array, rate: jax.Array | float, shapes: Sequence[Shape | None], n: int, dtype: Any
) -> list[jax.Array | None]:
    """Return the masks of inverted dropout: factors of the hidden activations.

    A unit is kept for a sample with probability 1 - rate, and its activation is divided by 1 - rate, which
    preserves the mean; otherwise it is 0. Networks with the same key but different rates use the same random
    numbers, and a sample's numbers do not depend on how many others there are.

    Args:
        key: A random key.
        rate: Probability of dropping a unit, in [0, 1); may be traced.
        shapes: From `dropout_shapes`. Each shape gives a mask ``[*shape, n]``, None gives None.
        n: Number of samples.
        dtype: Dtype of the masks.
    """
    keys = iter(jax.random.split(key, max(sum(shape is not None for shape in shapes), 1)))

    def mask(shape: Shape) -> jax.Array:
        draw = row_uniforms(next(keys), shape, n, dtype)
        return jnp.where(draw >= rate, 1 / (1 - rate), 0).astype(dtype)

    return [None if shape is None else mask(shape) for shape in shapes]


def check_dropout(rate: jax.Array | float, key: jax.Array | None) -> None:
    """Check a dropout rate and its key.

    Raises:
        ValueError: The rate is not one number in [0, 1), or is above 0 without a key.
        TypeError: The rate is not a number, or the key is not a JAX array.
    """
    if key is not None:
        checks.check_key(key)
    concrete = checks.is_concrete(rate)
    if not concrete and jnp.ndim(rate):
        raise ArgumentError("dropout", f"expected one number, got shape {list(jnp.shape(rate))}")
    # Compare in JAX's default float dtype, where numbers just below 1 round to 1.
    given = min(checks.as_number(rate, "dropout"), 1.0) if concrete else 0.0
    number = np.asarray(given, jnp.result_type(float))
    if not number < 1:
        raise ArgumentError("dropout", f"expected a rate of at least 0 and below 1, got {rate}")
    if key is None and (not concrete or number > 0):
        raise ArgumentError("key", "dropout needs a random key, such as jax.random.key(0)")
