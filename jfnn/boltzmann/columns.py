"""Boltzmann machines in column form: states of a layer are ``[units, n]``, weights ``[n_{k+1}, n_k]``.

Layers with even numbers (the visible layer is number 0) are connected to odd ones only. Given one of these
two sides, the units of the other are independent, and can be sampled, averaged or summed over at once. This
holds for the restricted machine, whose sides are its two layers, and for every deep machine.
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
ODD = 1  # EVEN: layers 0, 2, …; ODD: layers 1, 3, …
States = Sequence[jax.Array]  # one per layer; functions read only some of them


def field(machine: Machine, states: States, k: int) -> jax.Array:
    """Return the input of layer k from its neighbors: ``b_k + W_{k-1}ᵀ s_{k-1} + W_k s_{k+1}``."""
    total: jax.Array = machine.biases[k][:, None]
    if k > 0:
        total = total + product(machine.weights[k - 1], states[k - 1])
    if k < len(machine.weights):
        total = total + product(machine.weights[k].T, states[k + 1])
    return total


def means(machine: Machine, states: States, side: int) -> list[jax.Array]:
    """Replace the states of one side by their means given the other side, ``σ(field)``."""
    return [
        jax.nn.sigmoid(field(machine, states, k)) if k % 2 == side else state
        for k, state in enumerate(states)
    ]


def sample_side(states: States, uniforms: States, side: int) -> list[jax.Array]:
    """Replace the means of one side by samples: 1 where the uniform number is less than the mean."""
    return [
        (uniform < state).astype(state.dtype) if k % 2 == side else state
        for k, (state, uniform) in enumerate(zip(states, uniforms, strict=True))
    ]


def uniforms(key: jax.Array, sizes: Sequence[int], n: int, dtype: DTypeLike) -> list[jax.Array]:
    """Return numbers in [0, 1) ``[units, n]`` for each layer and n chains; a chain's do not depend on n."""
    units = row_uniforms(key, (sum(sizes),), n, dtype)
    ends = list(itertools.accumulate(sizes))
    return [units[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def draw_odd(means: States, key: jax.Array) -> list[jax.Array]:
    """Sample the odd layers from the means of all layers."""
    sizes = [mean.shape[0] if k % 2 else 0 for k, mean in enumerate(means)]
    return sample_side(means, uniforms(key, sizes, means[0].shape[1], means[0].dtype), ODD)[1::2]


def gibbs(
    machine: Machine, odd: States, key: jax.Array, most: int, k: jax.Array | None = None
) -> tuple[list[jax.Array], list[jax.Array]]:
    """Run Gibbs sweeps; a sweep samples even layers given odd ones, then odd layers given even ones.

    Chains start from states of the ``odd`` layers. Compute ``most`` sweeps and return the state after sweep
    ``k``, from 1 to ``most``, which may be traced. The number of a sweep is folded into the key.

    Returns:
        ``(states, odd)``: in ``states``, samples of the even layers and the means of the odd layers given
            them; in ``odd``, samples of the odd layers.
    """
    n = odd[0].shape[1]
    dtype = odd[0].dtype

    def sweep(i: Any, odd: States) -> tuple[list[jax.Array], list[jax.Array]]:
        numbers = uniforms(jax.random.fold_in(key, i), machine.sizes, n, dtype)
        states = [odd[layer // 2 if layer % 2 else 0] for layer in range(len(machine.sizes))]
        states = means(machine, sample_side(means(machine, states, EVEN), numbers, EVEN), ODD)
        return states, sample_side(states, numbers, ODD)[1::2]

    def go_on(i: Any, before: Any) -> Any:
        after = sweep(i, before[1])
        if k is None:
            return after
        return jax.tree.map(lambda new, old: jnp.where(i < k, new, old), after, before)

    first = sweep(0, odd)
    return first if most == 1 else jax.lax.fori_loop(1, most, go_on, first)


def energy(machine: Machine, states: States) -> jax.Array:
    """Return ``E [n]`` of states of all layers."""
    total: jax.Array = -sum(bias @ state for bias, state in zip(machine.biases, states, strict=True))
    for w, lower, upper in zip(machine.weights, states, states[1:], strict=False):
        total = total - jnp.sum(upper * (w @ lower), axis=0)
    return total


def free_energy(machine: Machine, states: States, side: int) -> jax.Array:
    """Return ``F = -log Σ exp(-E)`` ``[n]`` of states of ``side``, a sum over states of the other side.

    ``F = -Σ b_k · s_k - Σ_j log(1 + e^{field_j})``: k are the layers of ``side``, j the other side's units.
    """
    linear = [b @ s for k, (b, s) in enumerate(zip(machine.biases, states, strict=True)) if k % 2 == side]
    summed = [
        jnp.sum(jax.nn.softplus(field(machine, states, k)), axis=0)
        for k in range(len(states))
        if k % 2 != side
    ]
    return -sum([*linear, *summed])  # type: ignore[return-value]


def statistics(states: States, weights: jax.Array | None = None) -> Machine:
    """Average ``s_k s_{k+1}ᵀ`` and ``s_k`` over columns, with optional weights ``[n]`` that sum to 1."""
    n = states[0].shape[1]
    scaled = states if weights is None else [state * weights for state in states]
    pairs = [upper @ lower.T for lower, upper in zip(scaled, states[1:], strict=False)]
    sums = [jnp.sum(state, axis=1) for state in scaled]
    total = n if weights is None else 1
    return Machine(*jax.tree.map(lambda leaf: leaf / total, (tuple(pairs), tuple(sums))))


def given_visible(machine: Machine, v: jax.Array) -> Machine:
    """Return the machine of the hidden layers, with the visible units clamped to ``v [n_0]``."""
    first = machine.biases[1] + machine.weights[0] @ v
    return Machine(machine.weights[1:], (first, *machine.biases[2:]))


def mean_field(machine: Machine, v: jax.Array, sweeps: int) -> list[jax.Array]:
    """Return the visible states, and the hidden means from iterations over odd and even layers in turn.

    ``μ_k = σ(b_k + W_{k-1}ᵀ μ_{k-1} + W_k μ_{k+1})`` (Salakhutdinov and Hinton 2009, section 3.2), starting
    from 1/2. With one hidden layer the means are exact.
    """
    halves = [jnp.full((size, v.shape[1]), 0.5, v.dtype) for size in machine.sizes[1:]]
    if len(halves) == 1:
        return means(machine, [v, *halves], ODD)

    def sweep(_: int, hidden: list[jax.Array]) -> list[jax.Array]:
        states = means(machine, [v, *hidden], ODD)
        return means(machine, states, EVEN)[1:]

    return [v, *jax.lax.fori_loop(0, sweeps, sweep, halves)]


def reconstruction_error(machine: Machine, v: jax.Array, sweeps: int) -> jax.Array:
    """Return ``Σ_i (v_i - p_i)² [n]``, with p the visible means given the hidden means of v."""
    p = jax.nn.sigmoid(field(machine, mean_field(machine, v, sweeps), 0))
    return jnp.sum((v - p) ** 2, axis=0)


def pseudo_log_likelihood(machine: Machine, v: jax.Array) -> jax.Array:
    """Return ``Σ_i log p(v_i | all other visible units) [n]`` of a restricted machine; terms are exact."""
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
    """Return the mean of ``values [n]``, or ``Σ weights values`` for weights that sum to 1."""
    return jnp.mean(values) if weights is None else jnp.sum(weights * values)


def units_mask(machine: Machine, hidden: jax.Array) -> Machine:
    """Return 1 for parameters of the first ``hidden`` units of each hidden layer, and 0 for other units."""
    visible, *layers = machine.sizes
    units = [jnp.ones(visible)] + [jnp.arange(n) < hidden for n in layers]
    masks = [unit.astype(machine.biases[0].dtype) for unit in units]
    return Machine(tuple(upper[:, None] * lower for lower, upper in itertools.pairwise(masks)), tuple(masks))
