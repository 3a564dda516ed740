"""Restricted machines, and what they have in common with deep ones, in rows: one sample a row.

The notes' formulas: ``p(h_j = 1 | v) = σ(b_j + v W_j)``, ``p(v_i = 1 | h) = σ(a_i + W_i h)`` and
``F(v) = -a · v - Σ_j log(1 + e^{b_j + v W_j})``, for ``Machine((W,), (a, b))``.
"""

from typing import Any

import jax
import jax.numpy as jnp

import jfnn.boltzmann.columns as columns
from jfnn import checks
from jfnn.boltzmann.columns import EVEN, ODD
from jfnn.boltzmann.machine import Machine, as_machine, as_units, pack
from jfnn.checks import ArgumentError


def energy(machine: Machine, *states: Any) -> jax.Array:
    """``E = -Σ_k b_k · s_k - Σ_k s_k W_k s_{k+1}``, of a restricted or a deep machine.

    Args:
        machine: The parameters.
        *states: States of each layer ``[n, n_k]``, the visible one first.

    Returns:
        ``[n]``.

    Raises:
        ValueError, TypeError: Shapes that do not fit, or values outside [0, 1].
    """
    machine = as_machine(machine)
    if len(states) != len(machine.sizes):
        raise ArgumentError(
            "states", f"expected one for each of {len(machine.sizes)} layers, got {len(states)}"
        )
    checked = [as_units(state, bias, "states") for state, bias in zip(states, machine.biases, strict=True)]
    if len({len(state) for state in checked}) != 1:
        raise ArgumentError("states", f"expected as many rows of each layer, got {[len(s) for s in checked]}")
    return columns.energy(pack(machine), [state.T for state in checked])


def free_energy(machine: Machine, v: Any) -> jax.Array:
    """``F(v) = -log Σ_h exp(-E(v, h))`` of a restricted machine ``[n]``; ``v [n, n_visible]`` in [0, 1]."""
    machine, v = _restricted(machine, v)
    return columns.free_energy(pack(machine), [v.T, v.T], EVEN)


def hidden_means(machine: Machine, v: Any) -> jax.Array:
    """``p(h_j = 1 | v)`` of a restricted machine ``[n, n_hidden]``; ``v [n, n_visible]`` in [0, 1]."""
    machine, v = _restricted(machine, v)
    return columns.means(pack(machine), [v.T, v.T], ODD)[1].T


def visible_means(machine: Machine, h: Any) -> jax.Array:
    """``p(v_i = 1 | h)`` of a restricted machine ``[n, n_visible]``; ``h [n, n_hidden]`` in [0, 1]."""
    machine = as_machine(machine, 2)
    h = as_units(h, machine.biases[1], "h")
    return columns.means(pack(machine), [h.T, h.T], EVEN)[0].T


def gibbs_step(machine: Machine, v: Any, uniform_h: Any, uniform_v: Any) -> tuple[jax.Array, jax.Array]:
    """One Gibbs step of a restricted machine from v, with given random numbers.

    Args:
        machine: The parameters.
        v: Visible states ``[n, n_visible]``.
        uniform_h: Numbers in [0, 1) ``[n, n_hidden]``; h is 1 where its number is below ``p(h = 1 | v)``.
        uniform_v: Numbers in [0, 1) ``[n, n_visible]``, in the same way for the new v.

    Returns:
        ``(h, v)``, each of 0 and 1, in the dtype of the parameters.

    Raises:
        ValueError, TypeError: Shapes that do not fit, or numbers outside [0, 1].
    """
    machine, v = _restricted(machine, v)
    uniform_h = as_units(uniform_h, machine.biases[1], "uniform_h")
    uniform_v = as_units(uniform_v, machine.biases[0], "uniform_v")
    for name, numbers in {"uniform_h": uniform_h, "uniform_v": uniform_v}.items():
        if len(numbers) != len(v):
            raise ArgumentError(name, f"expected {len(v)} rows, as v has, got {len(numbers)}")
    packed, given = pack(machine), [uniform_v.T, uniform_h.T]
    zeros = jnp.zeros((machine.sizes[1], len(v)), machine.biases[0].dtype)
    states = columns.drawn(columns.means(packed, [v.T, zeros], ODD), given, ODD)
    states = columns.drawn(columns.means(packed, states, EVEN), given, EVEN)
    return states[1].T, states[0].T


def pseudo_log_likelihood(machine: Machine, v: Any) -> jax.Array:
    """``Σ_i log p(v_i | all other visible units)`` of a restricted machine ``[n]`` (Besag 1975).

    All terms are exact: ``log σ(F(v with unit i flipped) - F(v))``. scikit-learn's ``score_samples`` takes
    one of them, drawn at random, times their number; its mean is this.

    Args:
        machine: The parameters.
        v: Visible states ``[n, n_visible]`` in [0, 1].
    """
    machine, v = _restricted(machine, v)
    return columns.pseudo_log_likelihood(pack(machine), v.T)


def reconstruction_error(machine: Machine, v: Any, sweeps: int = 25) -> jax.Array:
    """``Σ_i (v_i - p_i)²`` ``[n]``, p being the visible means given the hidden means that v has.

    Args:
        machine: The parameters, of a restricted or a deep machine.
        v: Visible states ``[n, n_visible]`` in [0, 1].
        sweeps: Of the mean-field iteration; with one hidden layer none is needed.
    """
    machine = as_machine(machine)
    v = as_units(v, machine.biases[0], "v").T
    means = columns.reconstruction(pack(machine), v, checks.as_count(sweeps, "sweeps"))
    return jnp.sum((v - means) ** 2, axis=0)


def _restricted(machine: Machine, v: Any) -> tuple[Machine, jax.Array]:
    machine = as_machine(machine, 2)
    return machine, as_units(v, machine.biases[0], "v")
