"""L-BFGS: SciPy's, on all rows at once, in double precision, one fit at a time."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy import optimize
from sklearn.exceptions import ConvergenceWarning

from jfnn.compiling import compiled
from jfnn.fitting.group import GoesOn, Trained
from jfnn.fitting.structure import Rows, Structure
from jfnn.layers.dense import Layer
from jfnn.training import objective


def minimise(
    structure: Structure,
    rows: Rows,
    start: tuple[Layer, ...],
    alpha: float,
    tol: float,
    max_iter: int,
    max_fun: int,
) -> tuple[Trained, int]:
    """Minimises the objective of all rows.

    Args:
        structure: The network and its loss.
        rows: The rows.
        start: Starting parameters.
        alpha: The penalty's strength.
        tol: The largest entry of the gradient at which it ends.
        max_iter: Iterations at most.
        max_fun: Evaluations of the objective at most.

    Returns:
        ``(trained, iterations)``; the only loss is the last.
    """
    with jax.enable_x64(True):
        wide = [None if array is None else np.asarray(array, np.float64) for array in rows]
        flat, unravel = ravel_pytree(jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), start))
        function = _compiled(structure)

        def value_and_grad(point: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = function(unravel(jax.numpy.asarray(point)), *wide, alpha)
            return float(value), np.asarray(ravel_pytree(gradient)[0])

        result = optimize.minimize(
            value_and_grad,
            np.asarray(flat),
            method="L-BFGS-B",
            jac=True,
            options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
        )
        layers = jax.tree.map(np.asarray, unravel(result.x))
    if result.status != 0:
        warnings.warn(
            f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}):"
            f" {result.message}. Increase the number of iterations (max_iter), or scale the data.",
            ConvergenceWarning,
            stacklevel=2,
        )
    finite = bool(np.isfinite(result.x).all())
    return Trained(layers, [float(result.fun)], [], result.status == 0, not finite, GoesOn()), min(
        result.nit, max_iter
    )


@functools.lru_cache(maxsize=64)
def _compiled(structure: Structure) -> Callable[..., Any]:
    def of_params(params: Any, x: Any, targets: Any, weights: Any, alpha: Any) -> jax.Array:
        return objective(structure.network, params, x, targets, structure.loss, alpha, "mean", weights)

    return compiled(jax.value_and_grad(of_params))
