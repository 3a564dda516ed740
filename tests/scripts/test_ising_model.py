"""The Ising model compared with Onsager, and with the sum over all configurations of a small lattice."""

import itertools

import numpy as np
import pytest
from four_kinds import ising_model, onsager

T_C = onsager.CRITICAL_TEMPERATURE


def standard_errors(values, chains, expected):
    """Return the distance of the mean over chains from a number, in standard errors."""
    means = values.reshape(chains, -1).mean(axis=1)
    return abs(means.mean() - expected) / (means.std(ddof=1) / np.sqrt(chains))


@pytest.mark.parametrize("update", ising_model.UPDATES)
def test_small_lattice_has_boltzmanns_distribution(update):
    """For all 512 configurations of 3×3 spins, the histogram differs from the weights only by chance."""
    t = 3.0
    n = 20_000
    spins = ising_model.configurations(3, t, n, chains=2_000, seed=5, burn_in=40, apart=12, update=update)
    numbers = (spins.reshape(n, 9) == 1) @ 2 ** np.arange(9)
    every = np.array(list(itertools.product((-1, 1), repeat=9)), np.int8).reshape(-1, 3, 3)
    weights = np.exp(-9 * ising_model.energy(every) / t)
    order = np.argsort((every.reshape(-1, 9) == 1) @ 2 ** np.arange(9))
    expected = n * (weights / weights.sum())[order]
    chi_squared = ((np.bincount(numbers, minlength=512) - expected) ** 2 / expected).sum()
    # 511 degrees of freedom: mean 511, standard deviation 32; samples of a chain are nearly independent.
    assert 511 - 4 * 32 < chi_squared < 511 + 5 * 32


def test_configurations_are_functions_of_the_seed():
    first, second, other = (ising_model.configurations(6, 2.3, 8, chains=4, seed=seed) for seed in (0, 0, 1))
    assert first.shape == (8, 6, 6) and first.dtype == np.int8 and set(first.ravel()) == {-1, 1}
    np.testing.assert_array_equal(first, second)
    assert (first != other).any() and (first[::2] != first[1::2]).any()


def test_energy_and_magnetization_equal_a_loop():
    spins = ising_model.configurations(5, 2.5, 3, seed=2)
    for s, energy, magnetization in zip(
        spins, ising_model.energy(spins), ising_model.magnetization(spins), strict=True
    ):
        pairs = sum(
            int(s[i, j]) * (int(s[(i + 1) % 5, j]) + int(s[i, (j + 1) % 5]))
            for i, j in itertools.product(range(5), repeat=2)
        )
        assert energy == pytest.approx(-pairs / 25, abs=1e-15)
        assert magnetization == pytest.approx(s.sum(dtype=int) / 25, abs=1e-15)
    np.testing.assert_array_equal(ising_model.energy(-spins), ising_model.energy(spins))
    np.testing.assert_array_equal(ising_model.magnetization(-spins), -ising_model.magnetization(spins))
    assert (
        ising_model.energy(np.ones((4, 4))) == -2
        and ising_model.energy(np.indices((4, 4)).sum(0) % 2 * 2 - 1) == 2
    )


@pytest.mark.parametrize("length", [2, 3, 4])
def test_kaufmans_energy_is_the_mean_over_all_configurations(length):
    """At and near the critical temperature, where one factor vanishes, and at both ends."""
    every = np.array(list(itertools.product((-1, 1), repeat=length**2)), np.int8)
    energies = ising_model.energy(every.reshape(-1, length, length))
    temperatures = np.array([0.02, 0.5, 1.0, 2.0, T_C, 2.2692, 3.0, 10.0, 1e6])
    weights = np.exp(-(length**2) * (energies + 2) / temperatures[:, None])
    expected = weights @ energies / weights.sum(axis=1)
    np.testing.assert_allclose(onsager.torus_energy(length, temperatures), expected, rtol=1e-9, atol=1e-15)


def test_kaufmans_energy_of_large_lattices_converges_to_onsagers():
    """Exponentially fast away from the critical temperature, and there as ``-√2 - 0.62243/L``.

    ``2 θ2 θ3 θ4/(θ2 + θ3 + θ4)`` at the nome e^(-π) (Ferdinand and Fisher).
    """
    np.testing.assert_allclose(onsager.torus_energy(64, [1.5, 3.0]), onsager.energy([1.5, 3.0]), atol=1e-12)
    n = np.arange(1, 20)
    series = 2 * np.exp(-np.pi * (np.arange(20) + 0.5) ** 2).sum()
    thetas = np.array([series, *(1 + 2 * (sign**n * np.exp(-np.pi * n**2)).sum() for sign in (1.0, -1.0))])
    amplitude = 2 * thetas.prod() / thetas.sum()
    for length in (100, 400):
        away = onsager.torus_energy(length, T_C) + np.sqrt(2)
        assert away * length == pytest.approx(-amplitude, abs=1 / length**2 + 1e-9)
    assert onsager.torus_energy(8, 2.0).shape == () and onsager.torus_energy(8, [2.0, 3.0]).shape == (2,)
    np.testing.assert_allclose(onsager.torus_energy(80, [1e-300, 1e9, 1e300]), [-2, -2e-9, 0], atol=1e-14)


@pytest.mark.parametrize(("length", "update", "burn_in"), [(20, "all", 30), (10, "one", 150)])
def test_energies_of_finite_lattices_equal_kaufmans(length, update, burn_in):
    """Even if clusters are as large as the lattice; single clusters take longer from a random start."""
    for t in (2.0, T_C, 2.6):
        spins = ising_model.configurations(length, t, 160, chains=80, seed=7, burn_in=burn_in, update=update)
        assert standard_errors(ising_model.energy(spins), 80, onsager.torus_energy(length, t)) < 4


def test_spontaneous_magnetization_equals_yangs():
    np.testing.assert_allclose(onsager.magnetization(2.0), 0.911319377877496, rtol=1e-12)
    np.testing.assert_array_equal(onsager.magnetization([T_C, 2.3, 10]), 0)
    np.testing.assert_allclose(onsager.magnetization(1e-3), 1)
    t = 1.2  # the series at low temperatures, x = e^(-4/T)
    x = np.exp(-4 / t)
    np.testing.assert_allclose(onsager.magnetization(t), 1 - 2 * x**2 - 8 * x**3 - 34 * x**4, atol=200 * x**5)


@pytest.mark.parametrize("cancelling", [False, True])
def test_extreme_temperatures_are_ground_states_and_random_spins(cancelling):
    split = ising_model.extreme_temperatures(6, 40, 8, seed=1, cancelling=cancelling)
    assert split.x_train.shape == (40, 36) and split.x_train.dtype == np.float32
    assert split.x_test.shape == (8, 36) and split.y_test.tolist() == [1, 0] * 4
    ordered = split.x_train[split.y_train == 1]
    random = split.x_train[split.y_train == 0]
    assert sorted(ordered.sum(axis=1)) == [-36] * 10 + [36] * 10
    assert (random.sum(axis=1) == 0).all() == cancelling and set(random.ravel()) == {-1, 1}
    assert len(np.unique(np.concatenate([random, split.x_test[1::2]]), axis=0)) == 24
    image = ising_model.extreme_temperatures(6, 40, 8, seed=1, image=True, cancelling=cancelling)
    np.testing.assert_array_equal(image.x_train.reshape(40, 36), split.x_train)
    assert ising_model.extreme_temperatures(6, 4, cancelling=cancelling).x_test is None
    assert (
        ising_model.extreme_temperatures(6, 40, seed=2, cancelling=cancelling).x_train != split.x_train
    ).any()
