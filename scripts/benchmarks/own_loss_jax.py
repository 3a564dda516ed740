"""Networks that solve u'' = -u with u(0) = 0, u'(0) = 1: an own loss that draws its points in each step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.own_draws import LARGEST, POINTS, Analytic
from benchmarks.own_draws_jax import network
from benchmarks.workload import Outcome, Runner

Function = Callable[..., Any]


def problem(workload: Analytic) -> tuple[Function, Function, Function]:
    """``(init, loss, score)``, each as `jfnn.learner` takes it; the loss is the mean square of u'' + u."""
    net = network(workload)

    def u(params: Any, t: jax.Array) -> jax.Array:  # the conditions at 0 hold by construction
        value: jax.Array = t + t**2 * net.apply(params, t.reshape(1, 1))[0, 0]
        return value

    def residuals(params: Any, points: jax.Array) -> jax.Array:
        second = jax.grad(jax.grad(u, argnums=1), argnums=1)
        squares: jax.Array = jax.vmap(lambda t: second(params, t) + u(params, t))(points) ** 2
        return squares

    def loss(params: Any, batch: Any, key: jax.Array) -> jax.Array:
        return jnp.mean(residuals(params, jax.random.uniform(key, (POINTS,), maxval=LARGEST)))

    def score(params: Any, rows: jax.Array) -> dict[str, jax.Array]:
        return {"loss": residuals(params, rows[:, 0])}

    return net.init, loss, score


def sweep(workload: Analytic, devices: int | None = None, sweep: Callable[..., Any] | None = None) -> Runner:
    """jfnn; ``sweep`` takes the place of `jfnn.sweep`. The score is the median loss of all members."""
    import jfnn

    init, loss, score = problem(workload)
    learner = jfnn.learner(init, loss, optimizer="adam", random=True, score=score)
    split = jfnn.Split(workload.rows().x_train.astype(np.float32))

    def run() -> Outcome:
        result = (sweep or jfnn.sweep)(
            learner,
            split,
            learning_rate=workload.learning_rates,
            l2=workload.l2s,
            epochs=workload.epochs,
            batch_size=None,
            execution=jfnn.Execution(devices=devices),
        )
        trained = float(result.epochs.mean()) / workload.epochs
        return Outcome(np.asarray(np.median(result.scores["train_loss"])), trained)

    return run


def plain_vmap(workload: Analytic) -> Runner:
    """All members in one call of ``jit(vmap(train))``; they share each step's points, as in jfnn."""
    init, loss, score = problem(workload)
    rows = jnp.asarray(workload.rows().x_train, jnp.float32)
    rates, l2s = (jnp.asarray(values, jnp.float32) for values in workload.cells())

    def objective(params: Any, key: jax.Array, l2: jax.Array) -> jax.Array:
        penalty: Any = sum((layer.w**2).sum() for layer in params)
        value: jax.Array = loss(params, None, key) + 0.5 * l2 * penalty
        return value

    def train(rate: jax.Array, l2: jax.Array, start: Any, keys: jax.Array) -> jax.Array:
        optimizer = optax.adam(rate)

        def step(carry: Any, key: jax.Array) -> tuple[Any, None]:
            params, memory = carry
            updates, memory = optimizer.update(jax.grad(objective)(params, key, l2), memory, params)
            return (optax.apply_updates(params, updates), memory), None

        (params, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), keys)
        return jnp.mean(score(params, rows)["loss"])

    train_all = jax.jit(jax.vmap(train, in_axes=(0, 0, None, None)))
    start = jax.jit(init)

    def run() -> Outcome:
        keys = jax.random.split(jax.random.key(1), workload.epochs)
        losses = train_all(rates, l2s, start(jax.random.key(0)), keys)
        return Outcome(np.asarray(np.median(losses)))

    return run
