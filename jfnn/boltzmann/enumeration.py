"""Sums over all states in column form, for machines with a small side; and measures of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

import jfnn.boltzmann.columns as columns
from jfnn.arguments import checks, paths
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.boltzmann.columns import EVEN, ODD, field, free_energy, given_visible, means, statistics
from jfnn.boltzmann.machine import Machine

#: Largest number of units on the smaller side of a machine whose states are enumerated (2^20 states).
MOST_UNITS = 20


def sides(sizes: tuple[int, ...]) -> tuple[int, int]:
    """Return the number of units of the even and of the odd layers."""
    return sum(sizes[::2]), sum(sizes[1::2])


def check_can_enumerate(sizes: tuple[int, ...], argument: str) -> None:
    """Raise ArgumentError if the smaller side of the machine, or of its hidden layers, is too large."""
    units = max(min(sides(sizes)), min(sides(sizes[1:])))
    if units > MOST_UNITS:
        raise ArgumentError(
            argument,
            f"expected at most {MOST_UNITS} units on the smaller side (layers 0, 2, … or 1, 3, …)"
            f" to sum over, got {units} of layers {list(sizes)}",
        )


def all_states(n: int) -> jax.Array:
    """Return every state of n units ``[n, 2^n]``, with unit 0 changing slowest."""
    shifts = jnp.arange(n - 1, -1, -1)[:, None]
    return (jnp.arange(2**n) >> shifts) & 1


def side_states(machine: Machine) -> tuple[int, list[jax.Array]]:
    """Return the side with fewer units, and all its states; layers of the other side are zeros."""
    even, odd = sides(machine.sizes)
    side, units = (EVEN, even) if even < odd else (ODD, odd)
    dtype = machine.biases[0].dtype
    of_side = iter(jnp.split(all_states(units).astype(dtype), np.cumsum(machine.sizes[side::2])[:-1]))
    states = [
        next(of_side) if k % 2 == side else jnp.zeros((size, 2**units), dtype)
        for k, size in enumerate(machine.sizes)
    ]
    return side, states


def log_z(machine: Machine) -> jax.Array:
    """Return ``log Σ exp(-E)`` over all states of all layers, a scalar."""
    side, states = side_states(machine)
    return jax.nn.logsumexp(-free_energy(machine, states, side))


def log_likelihood(machine: Machine, v: jax.Array) -> jax.Array:
    """Return ``log p(v) [n]``: the log-sum over the hidden layers with v clamped, minus ``log Z``."""
    if len(machine.sizes) == 2:
        unnormalized = -free_energy(machine, [v, v], EVEN)
    else:
        clamped_log_z = jax.vmap(lambda v: log_z(given_visible(machine, v)), in_axes=1)
        unnormalized = machine.biases[0] @ v + clamped_log_z(v)  # type: ignore[no-untyped-call]
    return unnormalized - log_z(machine)


def model_statistics(machine: Machine) -> Machine:
    """Return ``⟨s_k s_{k+1}ᵀ⟩`` and ``⟨s_k⟩`` under the machine."""
    side, states = side_states(machine)
    probabilities = jax.nn.softmax(-free_energy(machine, states, side))
    return statistics(means(machine, states, 1 - side), probabilities)


def data_statistics(machine: Machine, v: jax.Array, weights: jax.Array | None = None) -> Machine:
    """Return `columns.statistics` with the visible units clamped to data ``v [n_0, n]``."""
    if len(machine.sizes) == 2:
        return statistics([v, jax.nn.sigmoid(field(machine, [v, v], 1))], weights)
    expectations = jax.vmap(lambda v: model_statistics(given_visible(machine, v)), in_axes=1)(v)
    first = statistics([v, expectations.biases[0].T], weights)
    w = jnp.full(v.shape[1], 1 / v.shape[1], v.dtype) if weights is None else weights
    deeper = jax.tree.map(lambda leaf: jnp.tensordot(w, leaf, 1), expectations)
    return Machine((*first.weights, *deeper.weights), (first.biases[0], *deeper.biases))


# Name of a metric -> ``(machine, v [n_0, n], mean-field sweeps) -> [n]``, in column form.
MEASURES: dict[str, Callable[[Machine, jax.Array, int], jax.Array]] = {
    "likelihood": lambda machine, v, sweeps: -log_likelihood(machine, v),
    "pseudo_likelihood": lambda machine, v, sweeps: -columns.pseudo_log_likelihood(machine, v),
    "reconstruction": columns.reconstruction_error,
}


def as_measures(
    sizes: tuple[int, ...], gradient: str, loss: str | None, metrics: Sequence[str]
) -> tuple[str, ...]:
    """Return the checked measures of "loss" and of the other metrics; None is the default loss."""
    if loss is None:
        inexact = "pseudo_likelihood" if len(sizes) == 2 else "reconstruction"
        loss = "likelihood" if gradient == "exact" else inexact
    if not checks.is_several(metrics):
        raise ArgumentTypeError("metrics", f"expected a sequence of names, got {checks.as_text(metrics)}")
    for argument, name in [("loss", loss), *(("metrics", name) for name in metrics)]:
        checks.as_choice(name, argument, MEASURES)
        if name == "likelihood":
            check_can_enumerate(sizes, argument)
        if name == "pseudo_likelihood" and len(sizes) > 2:
            raise ArgumentError(argument, "the pseudo-likelihood needs a machine of two layers")
    paths.check_each_once(metrics, "metrics")
    return (loss, *metrics)
