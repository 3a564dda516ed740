"""Networks of many widths by plain JAX, each filled up with zeros to the widest."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.plain_jax import Array, costs, data, dense, penalty, right, train
from benchmarks.workload import Outcome, Runner, Workload, filled, stacked


def padded(workload: Workload) -> Runner:
    """All in one call; a unit of zeros, whose tanh is 0, has no gradient and stays so."""
    assert workload.activation == "tanh"
    x, y, x_test, y_test = data(workload)
    apply = functools.partial(dense, workload.activation)
    ((rate,), (l2,)) = workload.cells()

    @jax.jit
    def train_all(starts: Any, batches: Array) -> Array:
        def train_one(start: Any) -> Array:
            def loss(params: Any, batch: Array) -> Array:
                return costs(apply(params, x[batch]), y[batch]).sum() + penalty(params, jnp.float32(l2))

            params = train(loss, optax.sgd(rate), start, batches)
            return jnp.stack([right(apply(params, x), y).mean() for x, y in ((x, y), (x_test, y_test))])

        return jax.vmap(train_one)(starts)

    def run() -> Outcome:
        layers, batches = workload.replicate(0)
        assert batches is not None
        starts = stacked([filled(narrow, workload.sizes[1]) for narrow in workload.narrowed(layers)])
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), starts)
        steps = jnp.asarray(batches.reshape(-1, workload.batch), jnp.int32)
        return Outcome(np.asarray(train_all(params, steps)[:, 1].mean()))

    return run
