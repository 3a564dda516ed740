"""Energies, conditionals and exact sums, with one sample per row.

For restricted machines these are the notes' formulas, ``p(h_j = 1 | v) = σ(b_j + v W_j)``,
``p(v_i = 1 | h) = σ(a_i + W_i h)`` and ``F(v) = -a · v - Σ_j log(1 + e^{b_j + v W_j})`` with
``Machine((W,), (a, b))``. For machines of any depth, exact sums enumerate the states of the smaller side
(layers 0, 2, … or layers 1, 3, …); the other side's units are then independent, and are summed over in closed
form.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy import special

import jfnn.boltzmann.columns as columns
import jfnn.boltzmann.enumeration as enumeration
from jfnn.arguments import checks
from jfnn.arguments.checks import ArgumentError
from jfnn.boltzmann.columns import EVEN, ODD
from jfnn.boltzmann.machine import Machine, as_columns, as_machine, pack


def energy(machine: Machine, *states: ArrayLike) -> jax.Array:
    """Return ``E = -Σ_k b_k · s_k - Σ_k s_k W_k s_{k+1}`` ``[n]`` of a restricted or deep machine.

    Args:
        machine: The parameters.
        *states: States of each layer ``[n, n_k]``, the visible layer first.

    Raises:
        ValueError, TypeError: Shapes that do not fit, or values outside [0, 1].
    """
    machine = as_machine(machine)
    if len(states) != len(machine.sizes):
        raise ArgumentError(
            "states", f"expected one array for each of {len(machine.sizes)} layers, got {len(states)}"
        )
    checked = [as_columns(machine, state, "states", layer=k)[1] for k, state in enumerate(states)]
    if len(rows := {state.shape[1] for state in checked}) != 1:
        raise ArgumentError("states", f"expected the same number of rows for each layer, got {sorted(rows)}")
    return columns.energy(pack(machine), checked)


def free_energy(machine: Machine, v: ArrayLike) -> jax.Array:
    """Return ``F(v) = -log Σ_h exp(-E(v, h)) [n]`` of a restricted machine; ``v [n, n_visible]`` in [0, 1].

    Raises:
        ValueError, TypeError: A deep machine, shapes that do not fit, or values outside [0, 1].
    """
    packed, v = as_columns(machine, v, layers=2)
    return columns.free_energy(packed, [v, v], EVEN)


def hidden_means(machine: Machine, v: ArrayLike) -> jax.Array:
    """Return ``p(h_j = 1 | v)`` ``[n, n_hidden]`` of a restricted machine; ``v [n, n_visible]`` in [0, 1].

    Raises:
        ValueError, TypeError: A deep machine, shapes that do not fit, or values outside [0, 1].
    """
    packed, v = as_columns(machine, v, layers=2)
    return columns.means(packed, [v, v], ODD)[1].T


def visible_means(machine: Machine, h: ArrayLike) -> jax.Array:
    """Return ``p(v_i = 1 | h)`` ``[n, n_visible]`` of a restricted machine; ``h [n, n_hidden]`` in [0, 1].

    Raises:
        ValueError, TypeError: A deep machine, shapes that do not fit, or values outside [0, 1].
    """
    packed, h = as_columns(machine, h, "h", layer=1, layers=2)
    return columns.means(packed, [h, h], EVEN)[0].T


def gibbs_step(
    machine: Machine, v: ArrayLike, uniform_h: ArrayLike, uniform_v: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """Take one Gibbs step of a restricted machine from v, with given random numbers.

    Args:
        machine: The parameters.
        v: Visible states ``[n, n_visible]``.
        uniform_h: Numbers in [0, 1) ``[n, n_hidden]``; h is 1 where its number is less than ``p(h = 1 | v)``.
        uniform_v: Numbers in [0, 1) ``[n, n_visible]``, used in the same way for the new v.

    Returns:
        ``(h, v)``, each of 0 and 1, in the dtype of the parameters.

    Raises:
        ValueError, TypeError: Shapes that do not fit, or numbers outside [0, 1].
    """
    packed, v = as_columns(machine, v, layers=2)
    draws = {"uniform_v": uniform_v, "uniform_h": uniform_h}
    n = v.shape[1]
    uniforms = [as_columns(machine, u, name, layer=k)[1] for k, (name, u) in enumerate(draws.items())]
    for name, numbers in zip(draws, uniforms, strict=True):
        if numbers.shape[1] != n:
            raise ArgumentError(name, f"expected {n} rows, as v has, got {numbers.shape[1]}")
    states = columns.sample_side(columns.means(packed, [v, v], ODD), uniforms, ODD)
    states = columns.sample_side(columns.means(packed, states, EVEN), uniforms, EVEN)
    return states[1].T, states[0].T


def pseudo_log_likelihood(machine: Machine, v: ArrayLike) -> jax.Array:
    """Return ``Σ_i log p(v_i | all other visible units)`` ``[n]`` of a restricted machine (Besag 1975).

    All terms ``log σ(F(v with unit i flipped) - F(v))`` are exact. scikit-learn's ``score_samples`` takes one
    random term times the number of terms; its expected value is this sum.

    Args:
        machine: The parameters.
        v: Visible states ``[n, n_visible]`` in [0, 1].
    """
    return columns.pseudo_log_likelihood(*as_columns(machine, v, layers=2))


def reconstruction_error(machine: Machine, v: ArrayLike, sweeps: int = 25) -> jax.Array:
    """Return ``Σ_i (v_i - p_i)²`` ``[n]``, with p the visible means given the hidden means of v.

    Args:
        machine: The parameters of a restricted or deep machine.
        v: Visible states ``[n, n_visible]`` in [0, 1].
        sweeps: Mean-field iterations; unused with one hidden layer.
    """
    return columns.reconstruction_error(*as_columns(machine, v), checks.as_count(sweeps, "sweeps"))


def log_z(machine: Machine) -> jax.Array:
    """Return ``log Z = log Σ exp(-E)`` over all states of all layers, a scalar.

    Raises:
        ValueError: The smaller side has more than 20 units.
    """
    return enumeration.log_z(pack(_enumerable(machine)))


def log_likelihood(machine: Machine, v: ArrayLike) -> jax.Array:
    """Return ``log p(v) = log Σ_h exp(-E(v, h)) - log Z`` ``[n]``; ``v [n, n_visible]`` of 0 and 1.

    Raises:
        ValueError: More units than `log_z` allows, or values other than 0 and 1.
    """
    return enumeration.log_likelihood(*as_columns(_enumerable(machine), v, binary=True))


def gradient(machine: Machine, v: ArrayLike) -> Machine:
    """Return the gradient of the mean log-likelihood of rows v, derived by hand.

    ``∂/∂W_k = ⟨s_k s_{k+1}⟩_data - ⟨s_k s_{k+1}⟩_model`` and ``∂/∂b_k = ⟨s_k⟩_data - ⟨s_k⟩_model``; the
    data's averages clamp the visible units to the rows (the notes; Ackley, Hinton and Sejnowski 1985).

    Args:
        machine: The parameters.
        v: Rows ``[n, n_visible]`` of 0 and 1.

    Returns:
        A `Machine` with the shapes of the parameters.

    Raises:
        ValueError: More units than `log_z` allows, or values other than 0 and 1.
    """
    packed, v = as_columns(_enumerable(machine), v, binary=True)
    data = enumeration.data_statistics(packed, v)
    model = enumeration.model_statistics(packed)
    return pack(jax.tree.map(jnp.subtract, data, model))


def kl_divergence(machine: Machine, v: ArrayLike) -> jax.Array:
    """Return ``KL(data ‖ model) = Σ_v p_data(v) log(p_data(v) / p(v))`` in nats, a scalar.

    Args:
        machine: The parameters.
        v: Rows ``[n, n_visible]`` of 0 and 1; their frequencies are the data distribution.

    Raises:
        ValueError: More units than `log_z` allows, or values other than 0 and 1.
    """
    return -jnp.mean(log_likelihood(machine, v)) - entropy(v)


def entropy(v: ArrayLike) -> float:
    """Return the entropy of rows ``[n, n_visible]`` in nats, the smallest possible mean ``-log p``."""
    counts = np.unique(np.asarray(checks.as_inputs(v, "v")), axis=0, return_counts=True)[1]
    return float(special.entr(counts / counts.sum()).sum())


def all_states(n: int) -> np.ndarray:
    """Return every state of n units ``[2^n, n]``, in binary order (the last unit changes fastest).

    Raises:
        ValueError, TypeError: Not a whole number from 1 to 20.
    """
    n = checks.as_count(n, "n", 1, enumeration.MOST_UNITS)
    return np.asarray(enumeration.all_states(n)).T


def _enumerable(machine: Machine) -> Machine:
    machine = as_machine(machine)
    enumeration.check_can_enumerate(machine.sizes, "machine")
    return machine
