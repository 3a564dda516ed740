"""A perceptron as compiled functions of NumPy arrays: its outputs, and its objective with the gradient."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from scipy import sparse

from jfnn.estimators.fit import FitRows, Structure
from jfnn.layers.dense import Layer
from jfnn.network import Network
from jfnn.numerics.compiling import compiled
from jfnn.params import Params
from jfnn.training import objective

BLOCK = 256


def outputs(network: Network, layers: Sequence[Layer], x: Any) -> np.ndarray:
    """Logits, or predictions ``[n, n_out]``, in the dtype of ``x`` and the parameters.

    Rows are computed in blocks of one size, so that a row does not depend on its neighbours.

    Args:
        network: The network.
        layers: Parameters in rows, NumPy arrays.
        x: Inputs ``[n, features]``, dense or sparse, numbers; of wider floats than float64 rounded to these.
    """
    n = x.shape[0]
    wanted = np.result_type(x.dtype, layers[0].w.dtype)
    dtype = min(wanted, np.dtype(np.float64))
    apply = _compiled_outputs(network)
    with jax.enable_x64(True):  # of this thread only; rows of float32 stay so
        params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), tuple(layers))
        blocks = []
        for first in range(0, n, BLOCK):
            rows = x[first : first + BLOCK]
            block = np.zeros((BLOCK, x.shape[1]), dtype)
            block[: rows.shape[0]] = rows.toarray() if sparse.issparse(rows) else rows
            blocks.append(apply(params, block))
        return np.concatenate([np.asarray(block, wanted) for block in blocks])[:n]


@functools.lru_cache(maxsize=64)
def _compiled_outputs(network: Network) -> Callable[..., jax.Array]:
    return compiled(network.apply)


def value_and_grad(
    structure: Structure, layers: tuple[Layer, ...], rows: FitRows, alpha: float
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
