"""Claims and exercise answers of the page on differential equations."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

pytestmark = pytest.mark.slow


def largest_error(page, cells, r, time):
    x, u, steps = page["euler"](cells, r, time)
    return np.abs(u - page["exact"](x, steps * r / cells**2)).max()


def test_eulers_error_is_second_order_and_explodes_above_one_half(page):
    for time in (0.1, 0.5):
        assert 80 < largest_error(page, 10, 0.5, time) / largest_error(page, 100, 0.5, time) < 125
    assert largest_error(page, 10, 0.6, 1.5) > 1e3


def test_trial_functions_satisfy_the_conditions_whatever_the_weights(page):
    ticks = np.linspace(0, 1, 11, dtype=np.float32)
    nought = np.zeros_like(ticks)

    def values(x, t):
        return page["solved"].predict(np.stack([x, t], axis=1), network=page["u"])[..., 0]

    np.testing.assert_allclose(
        values(ticks, nought), np.broadcast_to(np.sin(np.pi * ticks), (3, 1, 10, 11)), atol=1e-6
    )
    for end in (nought, nought + 1):
        np.testing.assert_allclose(values(end, ticks), 0, atol=1e-6)


def test_networks_are_about_as_accurate_as_the_coarse_scheme(page):
    for time, errors in page["largest"].items():
        ratio = np.median(errors) / largest_error(page, 10, 0.5, time)
        assert 0.2 < ratio < 4
        assert np.median(errors) > 10 * largest_error(page, 100, 0.5, time)


def test_relu_cannot_solve_it_and_one_layer_of_tanh_can(page):
    errors = page["of_kinds"]  # [hidden layers, activation]
    assert errors[:, 2].min() > 1.5 * errors[:, :2].max()
    assert errors[1, 0] < errors[2, 0] and errors[1, 0] < errors[0, 0]
    assert page["residuals"][:, 2].min() > 1.5 * page["residuals"][:, :2].max()


def test_several_starts_find_every_largest_eigenvalue_and_one_does_not(page):
    assert 0.5 < page["right"].mean() < 0.9
    assert np.any(page["right"], axis=0).mean() > 0.95
    assert page["arrived"].mean() > page["right"].mean() + 0.1
    assert (page["found"] < page["eigenvalues"][:, -1] + 1e-4).all()


def flow(a, x0, end):
    """Return the length and quotient of Yi, Fu and Tang's flow at the end, integrated by SciPy."""

    def change(t, x):
        return (x @ x) * (a @ x) - (x @ a @ x) * x

    x = solve_ivp(change, (0, end), x0, rtol=1e-9, atol=1e-12).y[:, -1]
    return np.linalg.norm(x), x @ a @ x / (x @ x)


def test_closed_form_of_the_flow_equals_scipys_integration(page):
    for seed, number in [(0, 0), (3, 7), (9, 29)]:
        x0 = np.float64(page["x0"][seed, number])
        length, quotient = flow(np.float64(page["matrices"][number]), x0, page["END"])
        np.testing.assert_allclose(quotient, page["of_flow"][seed, number], atol=1e-4)
        np.testing.assert_allclose(length, 1, atol=1e-5)


def test_exercise_1_factor_is_one_minus_4_r_sine_squared_and_one_sixth_has_order_four(page):
    for cells, r in [(10, 0.5), (10, 0.2), (20, 1 / 6)]:
        x, u, steps = page["euler"](cells, r, 0.1)
        factor = 1 - 4 * r * np.sin(np.pi / (2 * cells)) ** 2
        np.testing.assert_allclose(u, factor**steps * np.sin(np.pi * x), atol=1e-12)
    falls = {r: largest_error(page, 10, r, 0.1) / largest_error(page, 20, r, 0.1) for r in (1 / 6, 0.1, 0.5)}
    assert abs(np.log2(falls[1 / 6]) - 4) < 0.1
    assert abs(np.log2(falls[0.1]) - 2) < 0.1 and abs(np.log2(falls[0.5]) - 2) < 0.1


def test_exercise_2_steepest_mode_grows_by_a_third_each_step(page):
    """The factor of sin(9πx) is 1 - 2.4 sin²(9π/20) = -1.341: 1e-16 has grown to 1 after 125 steps."""
    factor = 1 - 4 * 0.6 * np.sin(9 * np.pi / 20) ** 2
    assert abs(factor + 1.341) < 1e-3
    steps = np.log(1e16) / np.log(-factor)
    assert round(steps) == 125
    taken = [steps for steps in range(1, 250) if largest_error(page, 10, 0.6, steps * 0.006) > 1]
    assert 0.8 * steps < taken[0] < 1.4 * steps
    late, later = (page["euler"](10, 0.6, time)[1] for time in (1.2, 1.206))
    np.testing.assert_allclose(later[1:-1] / late[1:-1], factor, rtol=1e-3)


def test_exercise_3_length_is_constant_and_minus_a_gives_the_smallest_eigenvalue(page):
    """d(xᵀx)/dt = 2 (xᵀx)(xᵀAx) - 2 (xᵀAx)(xᵀx) = 0; the largest of -A is minus the smallest of A."""
    draw = np.random.default_rng(2)
    for number in range(3):
        a = np.float64(page["matrices"][number])
        x0 = draw.normal(size=6)
        length, quotient = flow(-a, x0, 300.0)
        np.testing.assert_allclose(length, np.linalg.norm(x0), rtol=1e-6)
        np.testing.assert_allclose(-quotient, np.linalg.eigvalsh(a)[0], atol=1e-4)
