"""Machines of any depth in column form: a layer's states are ``[units, n]``, weights ``[n_{k+1}, n_k]``.

Layers of even number (the visible ones are number 0) are connected to odd ones only. Given one of these two
sides the units of the other are independent, so that it can be drawn, averaged or summed over at once. That
holds for the restricted machine, whose sides are its two layers, and for every deep one.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from numpy.typing import DTypeLike

from jfnn.boltzmann.machine import Machine
from jfnn.numerics.products import product
from jfnn.numerics.sums import row_uniforms

EVEN = 0
ODD = 1  # the sides: layers 0, 2, … and layers 1, 3, …
States = Sequence[jax.Array]  # one a layer; functions read some of them


def field(machine: Machine, states: States, k: int) -> jax.Array:
    """Input of the units of layer k from their neighbours: ``b_k + W_{k-1}ᵀ s_{k-1} + W_k s_{k+1}``."""
    total: jax.Array = machine.biases[k][:, None]
    if k > 0:
        total = total + product(machine.weights[k - 1], states[k - 1])
    if k < len(machine.weights):
        total = total + product(machine.weights[k].T, states[k + 1])
    return total


def means(machine: Machine, states: States, side: int) -> list[jax.Array]:
    """The states with those of one side replaced by their means given the other, ``σ(field)``."""
    return [
        jax.nn.sigmoid(field(machine, states, k)) if k % 2 == side else state
        for k, state in enumerate(states)
    ]


def drawn(states: States, uniforms: States, side: int) -> list[jax.Array]:
    """The states with the means of one side replaced by draws: 1 where the uniform number is below."""
    return [
        (uniform < state).astype(state.dtype) if k % 2 == side else state
        for k, (state, uniform) in enumerate(zip(states, uniforms, strict=True))
    ]


def uniforms(key: jax.Array, sizes: Sequence[int], n: int, dtype: DTypeLike) -> list[jax.Array]:
    """Numbers in [0, 1) for one draw of every unit of n chains: ``[units, n]`` for each layer.

    A chain draws the same numbers beside any number of others.
    """
    units = row_uniforms(key, (sum(sizes),), n, dtype)
    ends = list(itertools.accumulate(sizes))
    return [units[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def draw_odd(means: States, key: jax.Array) -> list[jax.Array]:
    """Draws of the odd layers, from the means of all layers."""
    sizes = [mean.shape[0] if k % 2 else 0 for k, mean in enumerate(means)]
    return drawn(means, uniforms(key, sizes, means[0].shape[1], means[0].dtype), ODD)[1::2]


def gibbs(
    machine: Machine, odd: States, key: jax.Array, most: int, k: jax.Array | None = None
) -> tuple[list[jax.Array], list[jax.Array]]:
    """Chains after some Gibbs sweeps; a sweep draws even layers given odd ones, then odd given even ones.

    Chains start from states of the ``odd`` layers and do ``most`` sweeps, but stand still after ``k`` of
    them, from 1 to ``most``, which may be traced. The number of a sweep is folded into the key.

    Returns:
        ``(states, odd)``: all layers, the even ones drawn and the odd ones their means given these; and draws
        of the odd layers.
    """
    n = odd[0].shape[1]
    dtype = odd[0].dtype

    def sweep(i: Any, odd: States) -> tuple[list[jax.Array], list[jax.Array]]:
        numbers = uniforms(jax.random.fold_in(key, i), machine.sizes, n, dtype)
        states = [odd[layer // 2 if layer % 2 else 0] for layer in range(len(machine.sizes))]
        states = means(machine, drawn(means(machine, states, EVEN), numbers, EVEN), ODD)
        return states, drawn(states, numbers, ODD)[1::2]

    def go_on(i: Any, before: Any) -> Any:
        after = sweep(i, before[1])
        if k is None:
            return after
        return jax.tree.map(lambda new, old: jnp.where(i < k, new, old), after, before)

    first = sweep(0, odd)
    return first if most == 1 else jax.lax.fori_loop(1, most, go_on, first)


def energy(machine: Machine, states: States) -> jax.Array:
    """``E [n]`` of states of all layers."""
    total: jax.Array = -sum(bias @ state for bias, state in zip(machine.biases, states, strict=True))
    for w, lower, upper in zip(machine.weights, states, states[1:], strict=False):
        total = total - jnp.sum(upper * (w @ lower), axis=0)
    return total


def free_energy(machine: Machine, states: States, side: int) -> jax.Array:
    """``-log Σ exp(-E)`` over the other side ``[n]``, given the states of one.

    ``F = -Σ b_k · s_k - Σ_j log(1 + e^{field_j})``, k over the layers of the side, j over the units of the
    other.
    """
    linear = [b @ s for k, (b, s) in enumerate(zip(machine.biases, states, strict=True)) if k % 2 == side]
    summed = [
        jnp.sum(jax.nn.softplus(field(machine, states, k)), axis=0)
        for k in range(len(states))
        if k % 2 != side
    ]
    return -sum([*linear, *summed])  # type: ignore[return-value]


def statistics(states: States, weights: jax.Array | None = None) -> Machine:
    """``⟨s_k s_{k+1}ᵀ⟩`` and ``⟨s_k⟩``, averaged over columns, structured as a machine's parameters.

    Columns may have weights ``[n]``, whose sum is 1.
    """
    n = states[0].shape[1]
    scaled = states if weights is None else [state * weights for state in states]
    pairs = [upper @ lower.T for lower, upper in zip(scaled, states[1:], strict=False)]
    sums = [jnp.sum(state, axis=1) for state in scaled]
    total = n if weights is None else 1
    return Machine(*jax.tree.map(lambda leaf: leaf / total, (tuple(pairs), tuple(sums))))


def given_visible(machine: Machine, v: jax.Array) -> Machine:
    """The machine of the hidden layers, with the visible units held at ``v [n_0]``."""
    first = machine.biases[1] + machine.weights[0] @ v
    return Machine(machine.weights[1:], (first, *machine.biases[2:]))


def mean_field(machine: Machine, v: jax.Array, sweeps: int) -> list[jax.Array]:
    """The visible states and the means of all hidden layers by iteration, even and odd ones in turn.

    ``μ_k = σ(b_k + W_{k-1}ᵀ μ_{k-1} + W_k μ_{k+1})`` (Salakhutdinov and Hinton 2009, section 3.2), from 1/2;
    with one hidden layer its exact mean.
    """
    halves = [jnp.full((size, v.shape[1]), 0.5, v.dtype) for size in machine.sizes[1:]]
    if len(halves) == 1:
        return means(machine, [v, *halves], ODD)

    def sweep(_: int, hidden: list[jax.Array]) -> list[jax.Array]:
        states = means(machine, [v, *hidden], ODD)
        return means(machine, states, EVEN)[1:]

    return [v, *jax.lax.fori_loop(0, sweeps, sweep, halves)]


def reconstruction_error(machine: Machine, v: jax.Array, sweeps: int) -> jax.Array:
    """``Σ_i (v_i - p_i)² [n]``, with p the visible means given the hidden means that v has."""
    p = jax.nn.sigmoid(field(machine, mean_field(machine, v, sweeps), 0))
    return jnp.sum((v - p) ** 2, axis=0)


def pseudo_log_likelihood(machine: Machine, v: jax.Array) -> jax.Array:
    """``Σ_i log p(v_i | all other visible units) [n]`` of a restricted machine, all terms exact."""
    z = field(machine, [v, v], 1)
    biases = machine.biases[0]
    w = machine.weights[0]
    before = jnp.sum(jax.nn.softplus(z), axis=0)

    def add(i: int, total: jax.Array) -> jax.Array:
        flip = 1 - 2 * v[i]
        after = jnp.sum(jax.nn.softplus(z + w[:, i, None] * flip), axis=0)
        return total + jax.nn.log_sigmoid(before - after - biases[i] * flip)

    return jax.lax.fori_loop(0, len(v), add, jnp.zeros_like(before))  # type: ignore[no-any-return]


def average(values: jax.Array, weights: jax.Array | None) -> jax.Array:
    """The mean of ``values [n]``, or with weights, whose sum is 1, ``Σ weights values``."""
    return jnp.mean(values) if weights is None else jnp.sum(weights * values)


def units_mask(machine: Machine, hidden: jax.Array) -> Machine:
    """1 for parameters of the first ``hidden`` units of each hidden layer, 0 for those of the others."""
    visible, *layers = machine.sizes
    units = [jnp.ones(visible)] + [jnp.arange(n) < hidden for n in layers]
    masks = [unit.astype(machine.biases[0].dtype) for unit in units]
    return Machine(tuple(upper[:, None] * lower for lower, upper in itertools.pairwise(masks)), tuple(masks))
