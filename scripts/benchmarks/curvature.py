"""The largest eigenvalue of the Hessian of each network at its start: by jfnn, and by SciPy's ARPACK."""

from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.sparse.linalg import LinearOperator, eigsh

import jfnn
from benchmarks.jfnn_sweep import network
from benchmarks.workload import Outcome, Runner, Workload
from jfnn.analysis import sharpness


def _problem(workload: Workload) -> tuple[jfnn.Network, Any, np.ndarray, np.ndarray]:
    """Network, parameters of all seeds, inputs and labels."""
    net = network(workload)
    rows = workload.rows()
    params = jax.vmap(net.init)(jax.random.split(jax.random.key(0), workload.seeds))
    x = rows.x_train[: workload.batch].astype(np.float32)
    y = rows.y_train[: workload.batch]
    return net, jax.tree.map(np.asarray, params), x, y


def lanczos(workload: Workload) -> Runner:
    """All networks in one call of `jfnn.analysis.sharpness`."""
    net, params, x, y = _problem(workload)
    l2 = workload.l2s[0]
    return lambda: Outcome(
        np.asarray(sharpness(net, params, x, y, l2=l2, reduction="sum").eigenvalues.mean())
    )


def arpack(workload: Workload) -> Runner:
    """One network after another, by `scipy.sparse.linalg.eigsh` on compiled products of the Hessian."""
    net, params, x, y = _problem(workload)
    l2 = workload.l2s[0]
    flat = [ravel_pytree(jax.tree.map(lambda p, i=i: p[i], params)) for i in range(workload.seeds)]

    def objective(point: jax.Array) -> jax.Array:
        return jfnn.objective(net, flat[0][1](point), x, y, l2=l2, reduction="sum")

    @jax.jit
    def product(point: jax.Array, v: jax.Array) -> jax.Array:
        along: jax.Array = jax.jvp(jax.grad(objective), (point,), (v,))[1]
        return along

    def largest(point: jax.Array) -> float:
        def times(v: np.ndarray) -> np.ndarray:
            return np.asarray(product(point, v.astype(np.float32).ravel()))

        operator = LinearOperator((point.size, point.size), times, dtype=np.float32)
        return float(eigsh(operator, 1, which="LA", tol=1e-5, v0=np.ones(point.size, np.float32))[0][0])

    return lambda: Outcome(np.asarray(np.mean([largest(point) for point, _ in flat])))
