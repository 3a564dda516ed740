"""The same networks by ``jit(vmap(train))`` in JAX: rows, integer labels, a scan over minibatches."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.workload import Outcome, Runner, Workload

Layers = list[tuple[jax.Array, jax.Array]]
Apply = Callable[[Layers, jax.Array], jax.Array]


def logits(activation: Callable[[jax.Array], jax.Array], layers: Layers, x: jax.Array) -> jax.Array:
    """Outputs ``[n, n_out]``."""
    for w, b in layers[:-1]:
        x = activation(x @ w + b)
    w, b = layers[-1]
    return jnp.matmul(x, w) + b


def objective(layers: Layers, x: jax.Array, y: jax.Array, l2: jax.Array, apply: Apply) -> jax.Array:
    """The notes' sum over the batch, with the penalty."""
    z = apply(layers, x)
    if z.shape[1] == 1:
        costs = optax.sigmoid_binary_cross_entropy(z[:, 0], y)
    else:
        costs = optax.softmax_cross_entropy_with_integer_labels(z, y)
    total: jax.Array = costs.sum() + 0.5 * l2 * sum((w**2).sum() for w, _ in layers)
    return total


def accuracy(layers: Layers, x: jax.Array, y: jax.Array, apply: Apply) -> jax.Array:
    """Share of right answers."""
    z = apply(layers, x)
    return jnp.mean((z[:, 0] > 0 if z.shape[1] == 1 else z.argmax(axis=1)) == y)


def prepare(workload: Workload) -> Runner:
    """All members in one call, every member with its own minibatches."""
    rows = workload.rows()
    x, x_test = (jnp.asarray(part, jnp.float32) for part in (rows.x_train, rows.x_test))
    y, y_test = jnp.asarray(rows.y_train), jnp.asarray(rows.y_test)
    apply = functools.partial(logits, getattr(jax.nn, workload.activation))
    n_steps = workload.epochs * workload.steps()

    def train(rate: jax.Array, l2: jax.Array, layers: Layers, batches: jax.Array | None) -> tuple[Any, ...]:
        def step(layers: Layers, batch: jax.Array | None) -> tuple[Any, None]:
            xb, yb = (x, y) if batch is None else (x[batch], y[batch])
            gradients = jax.grad(objective)(layers, xb, yb, l2, apply)
            return jax.tree.map(lambda p, g: p - rate * g, layers, gradients), None

        layers, _ = jax.lax.scan(step, layers, batches, length=n_steps)
        return layers, accuracy(layers, x, y, apply), accuracy(layers, x_test, y_test, apply)

    over_seeds = jax.vmap(train, in_axes=(None, None, 0, 0))
    train_all = jax.jit(jax.vmap(over_seeds, in_axes=(0, 0, None, None)))
    rates, l2s = (jnp.asarray(values, jnp.float32) for values in workload.cells())

    def run() -> Outcome:
        start, drawn = workload.replicates()
        layers = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), start)
        batches = jax.tree.map(lambda b: jnp.asarray(b.reshape(len(b), n_steps, -1), jnp.int32), drawn)
        accuracies = np.asarray(train_all(rates, l2s, layers, batches)[2])
        return Outcome(accuracies.reshape(workload.shape))

    return run
