"""Outputs of a fitted network, in blocks of one size, so that a row does not depend on its neighbours."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from scipy import sparse, special

from jfnn.layers.dense import Layer
from jfnn.network import Network
from jfnn.numerics.compiling import compiled

BLOCK = 256


def outputs(network: Network, layers: Sequence[Layer], x: Any) -> np.ndarray:
    """Logits, or predictions ``[n, n_out]``, in the dtype of ``x`` and the parameters.

    Args:
        network: The network.
        layers: Its parameters, NumPy arrays.
        x: Inputs ``[n, features]``, dense or sparse, floats.
    """
    n, dtype = x.shape[0], np.result_type(x.dtype, layers[0].w.dtype)
    apply = _compiled(network)
    with jax.enable_x64(True):  # of this thread alone; rows of float32 stay so
        params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), tuple(layers))
        blocks = []
        for first in range(0, n, BLOCK):
            rows = x[first : first + BLOCK]
            block = np.zeros((BLOCK, x.shape[1]), dtype)
            block[: rows.shape[0]] = rows.toarray() if sparse.issparse(rows) else rows
            blocks.append(apply(params, block))
        return np.concatenate([np.asarray(block) for block in blocks])[:n]


@functools.lru_cache(maxsize=64)
def _compiled(network: Network) -> Callable[..., jax.Array]:
    return compiled(network.apply)


def activated(values: np.ndarray, output: str) -> np.ndarray:
    """Probabilities of classes, or predictions, from a network's outputs."""
    functions = {
        "softmax": functools.partial(special.softmax, axis=1),
        "logistic": special.expit,
        "exp": np.exp,
    }
    return np.asarray(functions[output](values) if output in functions else values)
