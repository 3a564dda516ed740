"""Train other kinds of networks, and a custom loss, in plain JAX."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.jfnn_sweep import network, ode
from benchmarks.plain_jax import cells, costs, data, penalty, right, train
from benchmarks.workload import UNITS, Outcome, Runner, Workload
from jfnn.layers import LSTMCell

Array = jax.Array
Carry = tuple[Array, ...]


def own_loss(workload: Workload) -> Runner:
    """Train all members in one call; they share each step's points, as in jfnn."""
    init, loss, score = ode(workload)
    rows = data(workload)[0]
    start = jax.jit(init)

    def train_member(rate: Array, l2: Array, params: Any, keys: Array) -> Array:
        def penalized(params: Any, key: Array) -> Array:
            value: Array = loss(params, None, key) + penalty(params, l2)
            return value

        return jnp.mean(score(train(penalized, optax.adam(rate), params, keys), rows)["loss"])

    train_all = jax.jit(jax.vmap(train_member, in_axes=(0, 0, None, None)))

    def run() -> Outcome:
        keys = jax.random.split(jax.random.key(1), workload.epochs)
        losses = train_all(*cells(workload), start(jax.random.key(0)), keys)
        return Outcome(np.asarray(np.median(losses)))

    return run


def convolutional(params: Any, x: Array) -> Array:
    """Return outputs of convolutions (`lax.conv_general_dilated`) and a dense layer."""
    *convolutions, (), (w, b) = params
    for kernel, bias in convolutions:
        x = jax.nn.relu(jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID") + bias[:, None, None])
    outputs: Array = x.reshape(len(x), -1) @ w + b
    return outputs


def gated(params: Any, x: Array) -> Array:
    """Return outputs of bidirectional GRU or LSTM cells, scanned in time, and a dense layer."""
    directions, (), (w, b) = params

    def gru(cell: Any, carry: Carry, x: Array) -> tuple[Carry, Array]:
        (h,) = carry
        p, q = (jnp.split(z, 3, axis=-1) for z in (x @ cell.w_x + cell.b_x, h @ cell.w_h + cell.b_h))
        r = jax.nn.sigmoid(p[0] + q[0])
        u = jax.nn.sigmoid(p[1] + q[1])
        h = (1 - u) * jnp.tanh(p[2] + r * q[2]) + u * h
        return (h,), h

    def lstm(cell: Any, carry: Carry, x: Array) -> tuple[Carry, Array]:
        h, c = carry
        i, f, e, o = jnp.split(x @ cell.w_x + h @ cell.w_h + cell.b, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(e)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def states(cell: Any, x: Array) -> Array:
        zeros: Carry = (jnp.zeros((x.shape[1], UNITS)),)
        step, start = (lstm, zeros + zeros) if isinstance(cell, LSTMCell) else (gru, zeros)
        return jax.lax.scan(functools.partial(step, cell), start, x)[1]

    x = jnp.swapaxes(x, 0, 1)
    forward = states(directions[0], x)
    backward = states(directions[1], x[::-1])[::-1]
    all_states = jnp.swapaxes(jnp.concatenate([forward, backward], -1), 0, 1)
    outputs: Array = all_states.reshape(len(all_states), -1) @ w + b
    return outputs


def kind(workload: Workload) -> Runner:
    """Train all members of a convolutional or recurrent workload in one call."""
    x, y, x_test, y_test = data(workload)
    apply, optimizer = (convolutional, optax.sgd) if workload.kind == "cnn" else (gated, optax.adam)
    start = jax.jit(network(workload).init)(jax.random.key(0))
    steps = jnp.tile(jnp.arange(workload.steps()), workload.epochs)

    def train_member(rate: Array) -> Array:
        def loss(params: Any, number: Array) -> Array:
            at = number * workload.batch + jnp.arange(workload.batch)
            return jnp.mean(costs(apply(params, x[at]), y[at]))

        params = train(loss, optimizer(rate), start, steps)
        return jnp.stack([right(apply(params, x), y).mean() for x, y in ((x, y), (x_test, y_test))])

    train_all = jax.jit(jax.vmap(train_member))
    rates = cells(workload)[0]

    def run() -> Outcome:
        return Outcome(np.asarray(train_all(rates))[:, 1].reshape(workload.shape))

    return run
