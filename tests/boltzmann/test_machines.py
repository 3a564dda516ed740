"""Boltzmann machines compared with scikit-learn, sums over all states, jax.grad and finite differences."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import central_differences, compiled, perturbed, representatives
from sklearn.neural_network import BernoulliRBM

from jfnn import boltzmann
from jfnn.boltzmann import Machine, enumeration

RNG = np.random.default_rng(0)
# Restricted machines with either side smaller, and deep ones with three and four layers.
SIZES = [(2, 4), (2, 3, 1, 2)]


def machine_of(sizes, scale=1.0):
    weights = tuple(scale * RNG.normal(size=pair) for pair in itertools.pairwise(sizes))
    return Machine(weights, tuple(scale * RNG.normal(size=n) for n in sizes))


def states_of(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def energy_by_loops(machine, layers):
    total = 0.0
    for bias, state in zip(machine.biases, layers, strict=True):
        total -= sum(b * s for b, s in zip(bias, state, strict=True))
    for w, lower, upper in zip(machine.weights, layers, layers[1:], strict=False):
        total -= sum(s * w[i, j] * t for i, s in enumerate(lower) for j, t in enumerate(upper))
    return total


def joint_by_loops(machine):
    """Return visible states ``[2^n, n]``, their probabilities and log Z, from the energies of all states."""
    weight_of = {}
    everything = []
    for state in states_of(sum(machine.sizes)):
        layers = np.split(state, np.cumsum(machine.sizes)[:-1])
        weight = np.exp(-energy_by_loops(machine, layers))
        weight_of[tuple(layers[0])] = weight_of.get(tuple(layers[0]), 0.0) + weight
        everything.append(weight)
    z = sum(everything)
    return np.array([*weight_of]), np.array([*weight_of.values()]) / z, np.log(z)


def scikit_learn(machine):
    model = BernoulliRBM(machine.sizes[1])
    model.components_ = machine.weights[0].T
    model.intercept_visible_, model.intercept_hidden_ = machine.biases
    return model


@pytest.mark.thorough
def test_conditionals_free_energy_and_a_gibbs_step_equal_scikit_learns(x64):
    machine = machine_of((6, 4))
    model = scikit_learn(machine)
    v = (RNG.random((50, 6)) < 0.5).astype(float)
    np.testing.assert_allclose(boltzmann.hidden_means(machine, v), model.transform(v), rtol=1e-12)
    np.testing.assert_allclose(boltzmann.free_energy(machine, v), model._free_energy(v), rtol=1e-12)
    model.random_state_ = np.random.RandomState(3)
    stream = np.random.RandomState(3)
    new = model.gibbs(v)
    h, mine = boltzmann.gibbs_step(machine, v, stream.uniform(size=(50, 4)), stream.uniform(size=(50, 6)))
    np.testing.assert_array_equal(mine, new)
    visible = 1 / (1 + np.exp(-(np.asarray(h) @ machine.weights[0].T + machine.biases[0])))
    np.testing.assert_allclose(boltzmann.visible_means(machine, h), visible, rtol=1e-12)
    # The mean over sites; scikit-learn draws one of them.
    sites = [
        model._free_energy(np.where(np.arange(6) == i, 1 - v, v)) - model._free_energy(v) for i in range(6)
    ]
    np.testing.assert_allclose(
        boltzmann.pseudo_log_likelihood(machine, v), -np.logaddexp(0, -np.array(sites)).sum(0), rtol=1e-12
    )


@pytest.mark.thorough
@pytest.mark.parametrize("sizes", SIZES)
def test_sums_equal_those_over_all_states_and_gradients_equal_jaxs_and_differences(sizes, x64):
    machine = machine_of(sizes)
    v, probabilities, log_z = joint_by_loops(machine)
    rows = v[RNG.integers(0, len(v), 7)]

    @compiled
    def everything(machine):
        def mean(machine):
            return jnp.mean(boltzmann.log_likelihood(machine, rows))

        moved = jax.vmap(mean)(perturbed(machine, 1e-5))
        by_hand = boltzmann.gradient(machine, rows)
        by_jax = jax.grad(mean)(machine)
        log_p = boltzmann.log_likelihood(machine, v)
        kl = boltzmann.kl_divergence(machine, rows)
        return boltzmann.log_z(machine), log_p, kl, by_hand, by_jax, moved

    z, log_p, kl, by_hand, by_jax, moved = everything(machine)
    np.testing.assert_allclose(z, log_z, rtol=1e-12)
    np.testing.assert_allclose(np.exp(log_p), probabilities, rtol=1e-12)
    differences = central_differences(moved, machine, 1e-5)
    for ours, other, difference in zip(*map(jax.tree.leaves, (by_hand, by_jax, differences)), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(ours, difference, rtol=1e-6, atol=1e-8)
    states, counts = np.unique(rows, axis=0, return_counts=True)
    shares = counts / len(rows)
    of_states = [probabilities[(v == state).all(1)][0] for state in states]
    np.testing.assert_allclose(kl, np.sum(shares * np.log(shares / of_states)), rtol=1e-10)


def test_energies_and_states_equal_their_definitions(x64):
    machine = machine_of((2, 3, 2))
    layers = [states_of(n)[RNG.integers(0, 2**n, 5)] for n in machine.sizes]
    expected = [energy_by_loops(machine, row) for row in zip(*layers, strict=True)]
    np.testing.assert_allclose(compiled(boltzmann.energy)(machine, *layers), expected, rtol=1e-12)
    for n in (1, 4):
        np.testing.assert_array_equal(boltzmann.all_states(n), states_of(n))


def test_mean_field_is_a_fixed_point_and_exact_with_one_hidden_layer(x64):
    deep = machine_of((4, 3, 2), 0.7)
    v = states_of(4)
    restricted = machine_of((4, 3))

    @compiled
    def everything(deep, restricted):
        (means,) = boltzmann.mean_field(restricted, v, sweeps=1)
        exact = boltzmann.hidden_means(restricted, v)
        error = jnp.sum((v - boltzmann.visible_means(restricted, exact)) ** 2, axis=1)
        errors = error, boltzmann.reconstruction_error(restricted, v)
        return boltzmann.mean_field(deep, v, sweeps=200), (means, exact), errors

    (first, second), of_restricted, errors = everything(deep, restricted)
    (w, u), (_, b, c) = deep
    np.testing.assert_allclose(first, 1 / (1 + np.exp(-(b + v @ w + second @ u.T))), rtol=1e-10)
    np.testing.assert_allclose(second, 1 / (1 + np.exp(-(c + first @ u))), rtol=1e-10)
    np.testing.assert_allclose(*of_restricted, rtol=1e-12)
    np.testing.assert_allclose(*errors, rtol=1e-12)


@pytest.mark.thorough
def test_annealing_is_unbiased_for_z_and_few_sweeps_keep_the_means_of_the_first_states():
    """The mean of ``w`` is unbiased after any number of steps if each step keeps the next distribution."""
    rng = np.random.default_rng(1)
    sizes = (2, 3, 1, 2)
    n = 20_000
    weights = tuple(np.float32(1.5 * rng.normal(size=pair)) for pair in itertools.pairwise(sizes))
    machine = Machine(weights, tuple(np.float32(1.5 * rng.normal(size=units)) for units in sizes))
    estimate = boltzmann.annealed_log_z(machine, jax.random.key(0), n, 3)
    _, _, exact = joint_by_loops(machine)
    assert 0 < estimate.error < 0.01
    assert abs(estimate.value - exact) < 4 * estimate.error
    drawn = boltzmann.sample(machine, jax.random.key(1), n, sweeps=30)
    assert [states.shape for states in drawn] == [(n, units) for units in sizes]
    for found, expected in zip(drawn, _model_averages(machine).biases, strict=True):
        error = np.sqrt(expected * (1 - expected) / n)
        assert (np.abs(found.mean(axis=0) - expected) < 4.5 * error + 1e-6).all()


def _model_averages(machine):
    """Return ``⟨s_k s_{k+1}ᵀ⟩`` and ``⟨s_k⟩`` in column form, by a sum over all states of all layers."""
    states = states_of(sum(machine.sizes))
    layers = np.split(states, np.cumsum(machine.sizes)[:-1], axis=1)
    weights = np.exp([-energy_by_loops(machine, row) for row in zip(*layers, strict=True)])
    weights /= weights.sum()
    pairs = tuple((upper * weights[:, None]).T @ lower for lower, upper in itertools.pairwise(layers))
    return Machine(pairs, tuple(weights @ layer for layer in layers))


MACHINE = machine_of((3, 2))


@pytest.mark.parametrize(
    "function", representatives([boltzmann.free_energy, boltzmann.log_likelihood], boltzmann.free_energy)
)
def test_states_may_be_rounded(function):
    plain = np.array([[0.0, 1, 1]])
    rounded = np.array([[-(2.0**-70), 1 + 2**-52, 1 + 2**-23]])
    np.testing.assert_allclose(function(MACHINE, rounded), function(MACHINE, plain), rtol=1e-5)


def test_initial_weights_are_normal_with_the_given_deviation_and_biases_are_0():
    first, second = boltzmann.init(jax.random.key(0), (200, 150, 100), scale=0.05).weights
    for w in (first, second):
        z = np.sort(np.ravel(w)) / 0.05
        assert abs(z.mean()) < 4 / np.sqrt(z.size)
        shares = [np.mean(np.abs(z) < width) for width in (1, 2, 3)]
        np.testing.assert_allclose(shares, [0.6827, 0.9545, 0.9973], atol=0.01)
    assert abs(np.corrcoef(first[:100, :100].ravel(), second[:100].ravel())[0, 1]) < 0.05
    by_default = boltzmann.init(jax.random.key(0), (200, 150, 100))
    np.testing.assert_allclose(by_default.weights[0], first / 5, rtol=1e-6)
    assert by_default.sizes == (200, 150, 100) and not any(bias.any() for bias in by_default.biases)


def test_enumeration_is_limited_to_20_units():
    for sizes in [(20, 50), (50, 20), (30, 20, 30)]:
        enumeration.check_can_enumerate(sizes, "sizes")
    for sizes in [(21, 50), (50, 21), (10, 21, 11)]:
        with pytest.raises(ValueError, match=r"^sizes: expected at most 20 units .* got 21"):
            enumeration.check_can_enumerate(sizes, "sizes")
