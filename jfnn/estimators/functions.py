"""A perceptron as compiled functions of NumPy arrays: its outputs, and its objective with gradient."""

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
    """Return logits or predictions ``[n, n_out]``, in the common dtype of ``x`` and the parameters.

    Rows are computed in blocks of one size, so that the result for a row does not depend on other rows.
    Inputs ``[n, features]`` may be dense or sparse; floats wider than float64 are rounded to float64.
    """
    n = x.shape[0]
    wanted = np.result_type(x.dtype, layers[0].w.dtype)
    dtype = min(wanted, np.dtype(np.float64))
    apply = _compiled_outputs(network)
    with jax.enable_x64(True):  # in this thread only; float32 rows stay float32
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
    """Return the objective of all rows and its gradient as one vector, in double precision.

    The gradient contains the derivatives with respect to all weights, then all biases.
    """
    with jax.enable_x64(True):  # in this thread only
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
