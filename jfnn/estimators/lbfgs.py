"""The objective that SciPy's minimiser asks for, and its gradient, by a compiled function."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jfnn.estimators.fit import Rows, Structure
from jfnn.layers.dense import Layer
from jfnn.layers.kind import Params
from jfnn.numerics.compiling import compiled
from jfnn.training import objective


def value_and_grad(
    structure: Structure, layers: tuple[Layer, ...], rows: Rows, alpha: float
) -> tuple[float, np.ndarray]:
    """The objective of all rows at parameters, and its gradient in one vector, in double precision.

    Args:
        structure: The network and its loss.
        layers: Parameters in rows.
        rows: The rows.
        alpha: The strength of the penalty.

    Returns:
        The value, and derivatives by all weights, then by all biases.
    """
    with jax.enable_x64(True):  # of this thread only
        wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (layers, *rows))
        value, gradient = _compiled_objective(structure)(*wide, alpha)
        weights_and_biases = zip(*gradient, strict=True)
        return float(value), np.concatenate(
            [np.ravel(part) for parts in weights_and_biases for part in parts]
        )


@functools.lru_cache(maxsize=64)
def _compiled_objective(structure: Structure) -> Callable[..., Any]:
    def at(
        params: Params, x: jax.Array, targets: jax.Array, weights: jax.Array | None, alpha: float
    ) -> jax.Array:
        return objective(structure.network, params, x, targets, structure.loss, alpha, "mean", weights)

    return compiled(jax.value_and_grad(at))
