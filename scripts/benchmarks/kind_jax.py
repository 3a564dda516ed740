"""Convolutional, recurrent and Boltzmann networks by jfnn, and the first two by ``jit(vmap(train))``."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.contenders import DRAWING
from benchmarks.kinds import HIDDEN, UNITS, VISIBLE, KindWorkload, network
from benchmarks.workload import Outcome, Runner


def sweep(
    workload: KindWorkload,
    gradient: str = "autodiff",
    execution: int | None = None,
    scheme: str = "in_order",
    by_seeds: bool = False,
    sweep: Callable[..., Any] | None = None,
) -> Runner:
    """jfnn, all members in one sweep.

    Args:
        workload: The workload.
        gradient: As for `jfnn.sweep`, and so is ``execution``.
        execution: A number of devices.
        scheme: Of minibatches.
        by_seeds: Whether members are seeds of the reference cell, as many as there are learning rates.
        sweep: What takes the place of `jfnn.sweep`.
    """
    import jfnn

    rows, is_machine = workload.rows(), workload.kind == "rbm"
    options: dict[str, Any] = {}
    learner: Any
    if is_machine:
        learner = jfnn.boltzmann_machine((VISIBLE, HIDDEN), gradient="persistent", loss="reconstruction")
        split = jfnn.Split(rows.x_train, None, rows.x_test)
    else:
        learner, split = network(workload.kind), jfnn.Split(*rows)
        optimizer = "sgd" if workload.kind == "cnn" else "adam"
        options = {"gradient": gradient, "reduction": "mean", "optimizer": optimizer}

    def run() -> Outcome:
        with jax.profiler.TraceAnnotation(DRAWING):
            rates = np.array(workload.reference[:1] if by_seeds else workload.learning_rates)
        result = (sweep or jfnn.sweep)(
            learner,
            split,
            learning_rate=rates,
            seeds=workload.members if by_seeds else 1,
            epochs=workload.epochs,
            batch_size=jfnn.Minibatches(workload.batch, scheme),
            execution=execution,
            **options,
        )
        score = result.scores["test_loss" if is_machine else "test_accuracy"].reshape(workload.members)
        return Outcome(score, float(result.epochs.mean()) / workload.epochs)

    return run


def _convolutional(params: Any, x: jax.Array) -> jax.Array:
    *convolutions, (), (w, b) = params
    for kernel, bias in convolutions:
        x = jax.nn.relu(jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID") + bias[:, None, None])
    outputs: jax.Array = x.reshape(len(x), -1) @ w + b
    return outputs


def _gated(params: Any, x: jax.Array) -> jax.Array:
    """A scan of row-form cells, forward and backward in time."""
    both, (), (w, b) = params

    def states(cell: Any, x: jax.Array) -> jax.Array:
        def step(h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            p, q = (jnp.split(z, 3, axis=-1) for z in (x @ cell.w_x + cell.b_x, h @ cell.w_h + cell.b_h))
            r, u = jax.nn.sigmoid(p[0] + q[0]), jax.nn.sigmoid(p[1] + q[1])
            h = (1 - u) * jnp.tanh(p[2] + r * q[2]) + u * h
            return h, h

        return jax.lax.scan(step, jnp.zeros((x.shape[1], UNITS)), x)[1]

    x = jnp.swapaxes(x, 0, 1)
    forward, backward = states(both[0], x), states(both[1], x[::-1])[::-1]
    all_states = jnp.swapaxes(jnp.concatenate([forward, backward], -1), 0, 1)
    outputs: jax.Array = all_states.reshape(len(all_states), -1) @ w + b
    return outputs


OUTPUTS: dict[str, Callable[[Any, jax.Array], jax.Array]] = {"cnn": _convolutional, "gru": _gated}


def plain_vmap(workload: KindWorkload) -> Runner:
    """All members in one call of ``jit(vmap(train))``: `lax.conv_general_dilated`, or a scan over time."""
    rows, outputs = workload.rows(), OUTPUTS[workload.kind]
    x, y, x_test, y_test = map(jnp.asarray, rows)
    start = jax.jit(network(workload.kind).init)(jax.random.key(0))
    steps = jnp.tile(jnp.arange(workload.steps()), workload.epochs)

    def objective(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        costs = optax.softmax_cross_entropy_with_integer_labels(outputs(params, x), y)
        return jnp.mean(costs)

    def train(rate: jax.Array) -> jax.Array:
        optimizer = optax.sgd(rate) if workload.kind == "cnn" else optax.adam(rate)

        def step(carry: Any, number: jax.Array) -> tuple[Any, None]:
            params, memory = carry
            at = number * workload.batch + jnp.arange(workload.batch)
            updates, memory = optimizer.update(jax.grad(objective)(params, x[at], y[at]), memory, params)
            return (optax.apply_updates(params, updates), memory), None

        (params, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), steps)
        train_accuracy, test_accuracy = (
            jnp.mean(outputs(params, x).argmax(1) == y) for x, y in ((x, y), (x_test, y_test))
        )
        return jnp.stack([train_accuracy, test_accuracy])

    train_all = jax.jit(jax.vmap(train))
    rates = jnp.asarray(workload.learning_rates, jnp.float32)

    def run() -> Outcome:
        return Outcome(np.asarray(train_all(rates))[:, 1])

    return run
