"""Means and samples of machines of any depth: mean field, Gibbs chains, annealed importance sampling."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from numpy.typing import ArrayLike

import jfnn.boltzmann.columns as columns
from jfnn.arguments import checks, memory
from jfnn.boltzmann.columns import EVEN, ODD
from jfnn.boltzmann.machine import Machine, as_columns, as_machine, pack
from jfnn.numerics.compiling import compiled

COPIES = 12.0  # bytes for a unit's state, mean and random number


class LogZ(NamedTuple):
    """An estimate of ``log Z`` and its standard error, both scalars."""

    value: jax.Array
    error: jax.Array


def mean_field(machine: Machine, v: ArrayLike, sweeps: int = 25) -> list[jax.Array]:
    """Return the mean-field means of the hidden layers, with the visible units clamped to v.

    ``μ_k = σ(b_k + μ_{k-1} W_{k-1} + μ_{k+1} W_kᵀ)`` (Salakhutdinov and Hinton, AISTATS 2009), odd and even
    layers in turn, starting from 1/2. With one hidden layer the means are exact.

    Args:
        machine: The parameters.
        v: Rows ``[n, n_visible]`` in [0, 1].
        sweeps: Number of iterations over all layers.

    Returns:
        One array ``[n, n_k]`` for each hidden layer.
    """
    states = columns.mean_field(*as_columns(machine, v), checks.as_count(sweeps, "sweeps"))
    return [state.T for state in states[1:]]


def sample(machine: Machine, key: jax.Array, n: int, sweeps: int = 1000) -> list[jax.Array]:
    """Return states of all layers after many Gibbs sweeps of n chains, started from random states.

    A sweep samples the even layers given the odd ones, then the odd ones given the even ones.

    Args:
        machine: The parameters.
        key: A random key.
        n: Number of chains.
        sweeps: Sweeps before the states are returned.

    Returns:
        One array ``[n, n_k]`` of 0 and 1 for each layer, the visible layer first.
    """
    machine = as_machine(machine)
    checks.check_key(key)
    n = checks.as_count(n, "n")
    sweeps = checks.as_count(sweeps, "sweeps")
    memory.check("n", COPIES * n * sum(machine.sizes))
    return [state.T for state in _sample(pack(machine), key, n, sweeps)]


@functools.partial(compiled, static_argnums=(2, 3))
def _sample(machine: Machine, key: jax.Array, n: int, sweeps: int) -> list[jax.Array]:
    halves = [jnp.full((size, n), 0.5, machine.biases[0].dtype) for size in machine.sizes]
    odd = columns.draw_odd(halves, jax.random.fold_in(key, sweeps))
    states, odd = columns.gibbs(machine, odd, key, sweeps)
    return [odd[k // 2] if k % 2 else state for k, state in enumerate(states)]


def annealed_log_z(machine: Machine, key: jax.Array, n: int = 100, temperatures: int = 1000) -> LogZ:
    """Estimate ``log Z`` by annealed importance sampling (Neal 2001; Salakhutdinov and Murray 2008).

    The weights of the machine grow in equal steps from 0, where ``Z = Z_0`` is known, to their values. Each
    of n runs does one Gibbs sweep per step, and accumulates ``log w = Σ_t F_t(s_t) - F_{t+1}(s_t)``, where F
    is the free energy of the even layers, with the odd ones summed over. The estimate is ``Z_0`` times the
    mean of ``w``.

    Args:
        machine: The parameters of a restricted or deep machine.
        key: A random key.
        n: Number of runs.
        temperatures: Number of steps.

    Returns:
        The estimate and its standard error, ``std(w) / (mean(w) √n)``, which ignores states that no run
            visited.
    """
    machine = as_machine(machine)
    checks.check_key(key)
    n = checks.as_count(n, "n", 2)
    temperatures = checks.as_count(temperatures, "temperatures")
    memory.check("n", COPIES * n * sum(machine.sizes))
    return LogZ(*_anneal(pack(machine), key, n, temperatures))


@functools.partial(compiled, static_argnums=(2, 3))
def _anneal(machine: Machine, key: jax.Array, n: int, temperatures: int) -> tuple[jax.Array, jax.Array]:
    def tempered(step: Any) -> Machine:
        weights = tuple(w * (step / temperatures) for w in machine.weights)
        return Machine(weights, machine.biases)

    def one_step(step: Any, carry: tuple[Any, jax.Array]) -> tuple[list[jax.Array], jax.Array]:
        states, log_w = carry
        before, after = (columns.free_energy(tempered(t), states, EVEN) for t in (step, step + 1))
        key_of_step = jax.random.fold_in(key, step)
        uniforms = columns.uniforms(key_of_step, machine.sizes, n, dtype)
        states = columns.sample_side(columns.means(tempered(step + 1), states, ODD), uniforms, ODD)
        states = columns.sample_side(columns.means(tempered(step + 1), states, EVEN), uniforms, EVEN)
        return states, log_w + before - after

    dtype = machine.biases[0].dtype
    start = columns.uniforms(jax.random.fold_in(key, temperatures), machine.sizes, n, dtype)
    means = [jnp.broadcast_to(jax.nn.sigmoid(b)[:, None], (len(b), n)) for b in machine.biases]
    states = columns.sample_side(columns.sample_side(means, start, EVEN), start, ODD)
    _, log_w = jax.lax.fori_loop(0, temperatures, one_step, (states, jnp.zeros(n, dtype)))
    log_z_0 = sum(jnp.sum(jax.nn.softplus(b)) for b in machine.biases)
    log_mean = jax.nn.logsumexp(log_w) - jnp.log(n)
    error = jnp.std(jnp.exp(log_w - log_mean), ddof=1) / jnp.sqrt(n)
    return log_z_0 + log_mean, error
