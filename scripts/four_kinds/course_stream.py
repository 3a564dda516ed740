"""Replay of the course's training of restricted machines, from its random numbers through the library."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jfnn import boltzmann
from jfnn.boltzmann import Machine

RATE = 0.05
LOGS = 10  # lines that the course prints; each one draws fantasies of all rows


def trained(
    rows: np.ndarray, hidden: int, epochs: int, batch: int, seed: int, start_seed: int = 0
) -> list[Machine]:
    """Train by CD-1 with hidden means in both phases, in float64, with NumPy's legacy random stream.

    Weights start at ``default_rng(start_seed).normal(0, 0.01)``. Each epoch draws a permutation of the rows,
    and each minibatch draws h, then v. After the first epoch and after every tenth of the epochs, the course
    prints a loss, which draws h and v of all rows from the same stream.

    Args:
        rows: Data sets ``[sets, n, n_visible]``, n a multiple of the batch, with equal random numbers.
        hidden: Hidden units.
        epochs: Epochs.
        batch: Rows per step.
        seed: Seed of the stream.
        start_seed: Seed of the initial weights.
    """
    _, n, visible = rows.shape
    stream = np.random.RandomState(seed)
    numbers = []
    orders = []
    for epoch in range(1, epochs + 1):
        orders.append(stream.permutation(n).reshape(-1, batch))
        numbers.append(stream.rand(n // batch, batch * (hidden + visible)))
        if epoch == 1 or epoch % (epochs // LOGS) == 0:
            stream.rand(n * (hidden + visible))
    weights = np.random.default_rng(start_seed).normal(0.0, 0.01, (visible, hidden))
    start = Machine((weights,), (np.zeros(visible), np.zeros(hidden)))
    with jax.enable_x64(True):
        start = jax.tree.map(jnp.asarray, start)
        machines = _steps(start, rows, np.concatenate(orders), np.concatenate(numbers))
        return [jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i]), machines) for i in range(len(rows))]


@jax.jit
@functools.partial(jax.vmap, in_axes=(None, 0, None, None))
def _steps(start: Machine, rows: jax.Array, orders: jax.Array, numbers: jax.Array) -> Machine:
    visible, hidden = start.sizes
    batch = orders.shape[1]

    def step(machine: Machine, inputs: tuple[jax.Array, jax.Array]) -> tuple[Machine, None]:
        order, uniform = inputs
        v = rows[order]
        uniform_h, uniform_v = jnp.split(uniform, [batch * hidden])
        uniform_h = uniform_h.reshape(batch, hidden)
        uniform_v = uniform_v.reshape(batch, visible)
        _, fantasy = boltzmann.gibbs_step(machine, v, uniform_h, uniform_v)
        h = boltzmann.hidden_means(machine, v)
        fantasy_h = boltzmann.hidden_means(machine, fantasy)
        ascent = Machine(
            ((v.T @ h - fantasy.T @ fantasy_h) / batch,),
            ((v - fantasy).mean(axis=0), (h - fantasy_h).mean(axis=0)),
        )
        return jax.tree.map(lambda p, slope: p + RATE * slope, machine, ascent), None

    return jax.lax.scan(step, start, (orders, numbers))[0]
