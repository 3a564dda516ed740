"""Exact answers by enumeration, for restricted and deep machines with few units.

Sums run over the states of the smaller side (layers 0, 2, … or layers 1, 3, …); the other side is summed in
closed form, since its units are then independent.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

import jfnn.boltzmann.enumeration as enumeration
from jfnn import checks
from jfnn.boltzmann.machine import Machine, as_machine, as_units, pack


def log_z(machine: Machine) -> jax.Array:
    """``log Z = log Σ exp(-E)`` over all states of all layers, a scalar.

    Raises:
        ValueError: The smaller side has more units than `jfnn.boltzmann.MOST_UNITS`.
    """
    return enumeration.log_z(pack(_few(machine)))


def log_likelihood(machine: Machine, v: Any) -> jax.Array:
    """``log p(v) = log Σ_h exp(-E(v, h)) - log Z`` ``[n]``; ``v [n, n_visible]`` of 0 and 1.

    Raises:
        ValueError: Too many units, as for `log_z`, or other values.
    """
    machine = _few(machine)
    v = as_units(v, machine.biases[0], "v", binary=True)
    return enumeration.log_likelihood(pack(machine), v.T)


def gradient(machine: Machine, v: Any) -> Machine:
    """``∂/∂θ`` of the mean log-likelihood of rows v, by hand.

    ``∂/∂W_k = ⟨s_k s_{k+1}⟩_data - ⟨s_k s_{k+1}⟩_model`` and ``∂/∂b_k = ⟨s_k⟩_data - ⟨s_k⟩_model``; for
    the data the visible units are held at the rows (the notes; Ackley, Hinton and Sejnowski 1985).

    Args:
        machine: The parameters.
        v: Rows ``[n, n_visible]`` of 0 and 1.

    Returns:
        Shaped like the parameters.

    Raises:
        ValueError: Too many units, as for `log_z`, or other values.
    """
    machine = _few(machine)
    v, packed = as_units(v, machine.biases[0], "v", binary=True), pack(machine)
    data, model = enumeration.data_statistics(packed, v.T), enumeration.model_statistics(packed)
    return pack(jax.tree.map(jnp.subtract, data, model))


def kl_divergence(machine: Machine, v: Any) -> jax.Array:
    """``KL(data ‖ model) = Σ_v p_data(v) log(p_data(v) / p(v))`` in nats, a scalar.

    Args:
        machine: The parameters.
        v: Rows ``[n, n_visible]`` of 0 and 1, whose shares are the distribution of the data.

    Raises:
        ValueError: Too many units, as for `log_z`, or other values.
    """
    return -jnp.mean(log_likelihood(machine, v)) - entropy(v)


def entropy(v: Any) -> float:
    """Entropy in nats of the distribution of rows ``[n, n_visible]``: the least mean of ``-log p``."""
    counts = np.unique(np.asarray(checks.as_inputs(v, "v")), axis=0, return_counts=True)[1]
    return float(special.entr(counts / counts.sum()).sum())


def all_states(n: int) -> np.ndarray:
    """Every state of n units, one a row ``[2^n, n]``, in binary order (the last unit changes fastest).

    Raises:
        ValueError, TypeError: No whole number, below 1 or above `jfnn.boltzmann.MOST_UNITS`.
    """
    n = checks.as_count(n, "n", 1, enumeration.MOST_UNITS)
    return np.asarray(enumeration.all_states(n)).T


def _few(machine: Machine) -> Machine:
    machine = as_machine(machine)
    enumeration.check_can_enumerate(machine.sizes, "machine")
    return machine
