"""Networks of several structures on a sine: all in one sweep, and a program or a loop for each."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workload import Workload

Losses = dict[str, np.ndarray]  # by structure, of every member [η, λ, seed]

SINE = Workload(
    title="sine: 45 of 1-20-1, batch 50, Adam, 20 epochs",
    sizes=(1, 20, 1),
    data="sine",
    epochs=20,
    learning_rates=(1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
    l2s=(1e-5, 1e-4, 1e-3),
    seeds=3,
    batch=50,
    reference=(1e-2, 1e-4),
    kind="regression",
)
SIZES = {
    f"{depth} × {width}": (1, *(width for _ in range(depth)), 1)
    for depth in (1, 2, 3)
    for width in (5, 20, 50)
}


def workloads(epochs: int, number: int) -> dict[str, Workload]:
    """The first of the structures, by name."""
    chosen = list(SIZES.items())[:number]
    return {name: dataclasses.replace(SINE, sizes=sizes, epochs=epochs) for name, sizes in chosen}


def prepare(contender: str, epochs: int, number: int) -> Callable[[], Losses]:
    """A call that trains so many structures, by one of `TRAINERS`."""
    return TRAINERS[contender.removesuffix("_kept")](workloads(epochs, number))


def swept(chosen: dict[str, Workload]) -> Callable[[], Losses]:
    """One call of `jfnn.sweep`."""
    import jfnn
    from benchmarks.jfnn_sweep import network

    networks = {name: network(workload) for name, workload in chosen.items()}
    first = next(iter(chosen.values()))
    rows = first.rows()

    def run() -> Losses:
        result = jfnn.sweep(
            networks,
            jfnn.Split(rows.x_train, rows.y_train),
            learning_rate=first.learning_rates,
            l2=first.l2s,
            seeds=first.seeds,
            epochs=first.epochs,
            batch_size=first.batch,
            loss="quadratic",
            reduction="mean",
            optimizer="adam",
        )
        losses = np.reshape(result.scores["train_loss"], (len(networks), *first.shape))
        return dict(zip(networks, losses, strict=True))

    return run


def mapped(chosen: dict[str, Workload]) -> Callable[[], Losses]:
    """A program for each structure: ``jit(vmap(train))``, which draws starts and passes over the rows."""
    import jax
    import jax.numpy as jnp
    import optax

    from benchmarks.plain_jax import Array, cells, dense, penalty, train

    def program(workload: Workload) -> Callable[[], np.ndarray]:
        x, y = (jnp.asarray(rows, jnp.float32) for rows in workload.rows()[:2])
        apply = functools.partial(dense, workload.activation)
        glorot = jax.nn.initializers.glorot_normal()
        steps = workload.steps()

        def start(key: Array) -> list[tuple[Array, Array]]:
            keys = jax.random.split(key, len(workload.sizes) - 1)
            shapes = workload.layer_shapes()
            return [(glorot(k, shape), jnp.zeros(shape[1])) for k, shape in zip(keys, shapes, strict=True)]

        def cost(params: Any, at: Any) -> Array:
            mean: Array = 0.5 * ((apply(params, x[at]) - y[at]) ** 2).sum(axis=1).mean()
            return mean

        def train_member(rate: Array, l2: Array, key: Array) -> Array:
            drawing, starting = jax.random.split(key)
            epochs = jax.random.split(drawing, workload.epochs)
            passes = jax.vmap(lambda key: jax.random.permutation(key, len(x)))(epochs)
            draws = passes[:, : steps * workload.batch].reshape(-1, workload.batch)

            def loss(params: Any, at: Array) -> Array:
                return cost(params, at) + penalty(params, l2)

            return cost(train(loss, optax.adam(rate), start(starting), draws), slice(None))

        over_seeds = jax.vmap(train_member, in_axes=(None, None, 0))
        train_all = jax.jit(jax.vmap(over_seeds, in_axes=(0, 0, None)))
        rates, l2s = cells(workload)

        def run() -> np.ndarray:
            keys = jax.vmap(jax.random.key)(jnp.arange(workload.seeds))
            return np.asarray(train_all(rates, l2s, keys)).reshape(workload.shape)

        return run

    programs = {name: program(workload) for name, workload in chosen.items()}
    return lambda: {name: run() for name, run in programs.items()}


def looped(chosen: dict[str, Workload]) -> Callable[[], Losses]:
    """A loop of PyTorch for each network."""
    from benchmarks.torch_loops import regression

    loops = {name: regression(workload) for name, workload in chosen.items()}
    return lambda: {name: np.asarray(run().accuracy) for name, run in loops.items()}


TRAINERS = {"jfnn": swept, "vmap": mapped, "torch": looped}
