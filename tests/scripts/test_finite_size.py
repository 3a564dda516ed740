"""Finite-size scaling in the section on the Ising model, on curves with known critical temperatures."""

import numpy as np
import pytest
from four_kinds import finite_size

pytestmark = [pytest.mark.thorough, pytest.mark.unoptimized]

T_C = 2.3
TEMPERATURES = np.round(np.arange(2.0, 3.0, 0.03), 2)


def test_roots_are_where_curves_cross_zero_downwards():
    curves = np.stack([root - TEMPERATURES + 0.3 * (root - TEMPERATURES) ** 3 for root in (2.5, 2.47, 2.55)])
    np.testing.assert_allclose(finite_size.roots(TEMPERATURES, curves), [2.5, 2.47, 2.55], atol=1e-5)
    # A curve that is nearly zero and noisy on one side has its root where it leaves zero.
    noise = 1e-4 * np.cos(1e3 * TEMPERATURES)
    leaving = np.minimum(2.5 - TEMPERATURES, 1e-3) + noise
    assert finite_size.roots(TEMPERATURES, leaving[None])[0] == pytest.approx(2.5, abs=0.03)
    assert np.isnan(finite_size.roots(TEMPERATURES, np.ones((1, len(TEMPERATURES)))))


def test_extrapolation_is_exact_for_its_own_powers_and_weights_by_variance():
    lengths = np.array([10.0, 20.0, 40.0, 80.0])
    noise = np.array([0.0, 1e-3, -1e-3])
    for powers, factors in (((-1.0,), (4.0,)), ((-1.0, -2.0), (4.0, 9.0))):
        exact = T_C + sum(a * lengths**power for a, power in zip(factors, powers, strict=True))
        found = {length: root + noise for length, root in zip(lengths, exact, strict=True)}
        np.testing.assert_allclose(finite_size.extrapolate(found, powers), T_C + noise, atol=1e-9)
    # A lattice far off, with a correspondingly wide spread, has no weight.
    found = {length: T_C + 4 / length + noise for length in (20, 40, 80)} | {10: 9.0 + 1e6 * noise}
    assert finite_size.extrapolate(found)[0] == pytest.approx(T_C, abs=1e-6)
    merged = finite_size.extrapolate({10: T_C + noise, 20: T_C + 1 + 2 * noise}, ())  # weights 4 and 1
    assert merged[0] == pytest.approx(T_C + 0.2, abs=1e-9)


def test_binders_ratio_has_its_limits_and_is_scale_free():
    rng = np.random.default_rng(0)
    z = np.stack([np.sign(rng.normal(size=(3, 4_000))), rng.normal(size=(3, 4_000))], axis=1)
    z *= np.array([1.0, 5.0, 1e-3])[:, None, None]  # each seed measures in its own units
    curves = finite_size.bootstrap(0, 50, z**2, z**4, statistic=finite_size.binder_ratio)
    assert curves.shape == (51, 2)
    np.testing.assert_allclose(curves[:, 0], 2 / 3)
    assert abs(curves[0, 1]) < 0.03 and 0.005 < curves[1:, 1].std() < 0.05


def test_intervals_cover_the_spread_of_seeds_and_chains():
    rng = np.random.default_rng(1)
    of_seeds = rng.normal(size=(20, 1, 1))
    of_chains = rng.normal(size=(1, 3, 100))
    curves = finite_size.bootstrap(0, 2_000, of_seeds + of_chains)
    np.testing.assert_allclose(curves[0], (of_seeds + of_chains).mean(axis=(0, 2)))
    expected = np.sqrt(of_seeds.var() / 20 + of_chains.var(axis=2)[0] / 100)
    np.testing.assert_allclose(curves[1:].std(axis=0), expected, rtol=0.1)
    found = finite_size.estimate(curves[:, 0])
    half = (found.high - found.low) / 2
    assert found.contains(curves[0, 0]) and not found.contains(curves[0, 0] + 3 * half)
    assert half == pytest.approx(1.96 * expected[0], rel=0.1)
    assert found.deviation == pytest.approx(expected[0], rel=0.1)
