"""Runge's and Franke's functions: numbers by hand, integrals in closed form, what is drawn."""

import numpy as np
import pytest
from scipy.interpolate import BarycentricInterpolator
from scipy.special import erf

import jfnn
from jfnn import datasets


def test_runges_function_has_its_values_and_its_integral():
    x = np.array([[0.0], [0.2], [-0.4], [1.0]])
    np.testing.assert_allclose(datasets.runge_function(x), [[1], [1 / 2], [1 / 5], [1 / 26]])
    nodes, weights = np.polynomial.legendre.leggauss(200)
    integral = weights @ datasets.runge_function(nodes[:, None])[:, 0]
    np.testing.assert_allclose(integral, 2 / 5 * np.arctan(5), rtol=1e-10)
    pairs = np.array([[0.5, 0.5], [0.5, 0.7], [0.9, 0.2]])
    np.testing.assert_allclose(datasets.runge_function(pairs), [[1], [1 / 5], [1 / 26]])
    assert datasets.runge_function([[1e200]]) == datasets.franke_function([[1e200, 0.0]]) == 0


def test_equally_spaced_points_are_those_of_runges_phenomenon():
    """Polynomials through 11 and 21 points are off by 1.92 and 59.8 at most."""
    fine = np.linspace(-1, 1, 20_001)
    for n, largest in ((11, 1.9156), (21, 59.8)):
        x, y = datasets.runge(n, spaced=True)
        error = BarycentricInterpolator(x[:, 0], y[:, 0])(fine) - 1 / (1 + 25 * fine**2)
        np.testing.assert_allclose(np.abs(error).max(), largest, rtol=1e-3)


def gauss(centre, scale):
    """The integral of exp(-(9x - centre)² / scale) over x from 0 to 1."""
    width = np.sqrt(scale)
    return np.sqrt(np.pi) / 2 * width / 9 * (erf((9 - centre) / width) + erf(centre / width))


def test_frankes_function_has_the_integral_of_each_of_its_terms():
    """Over the unit square, in closed form; and at the dip its value by hand."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    nodes, weights = (nodes + 1) / 2, weights / 2
    x = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    integral = np.outer(weights, weights).ravel() @ datasets.franke_function(x)[:, 0]
    slope = 10 / 9 * (np.exp(-0.1) - np.exp(-1))
    expected = 0.75 * gauss(2, 4) ** 2 + 0.75 * gauss(-1, 49) * slope
    expected += 0.5 * gauss(7, 4) * gauss(3, 4) - 0.2 * gauss(4, 1) * gauss(7, 1)
    np.testing.assert_allclose(integral, expected, rtol=1e-12)
    at_dip = 0.75 * np.exp(-29 / 4) + 0.75 * np.exp(-25 / 49 - 0.8) + 0.5 * np.exp(-25 / 4) - 0.2
    np.testing.assert_allclose(datasets.franke_function([[4 / 9, 7 / 9]]), [[at_dip]])


@pytest.mark.parametrize(
    ("make", "truth", "inputs", "low"),
    [
        (lambda *args, **more: datasets.runge(*args, **more), datasets.runge_function, 1, -1),
        (lambda *args, **more: datasets.runge(*args, inputs=2, **more), datasets.runge_function, 2, 0),
        (lambda *args, **more: datasets.franke(*args, **more), datasets.franke_function, 2, 0),
    ],
)
def test_targets_are_the_truth_with_noise_of_a_size(make, truth, inputs, low):
    x, y = make(40_000, 0.1, 3)
    assert (x.shape, y.shape, x.dtype, y.dtype) == ((40_000, inputs), (40_000, 1), np.float64, np.float64)
    noise = y - truth(x)
    assert abs(noise.mean()) < 0.002
    np.testing.assert_allclose(noise.std(), 0.1, rtol=0.02)
    assert low <= x.min() < low + 0.001 and 0.999 < x.max() <= 1
    np.testing.assert_allclose(x.mean(axis=0), (low + 1) / 2, atol=0.01)
    alike, clean = make(40_000, 0.0, 3)
    np.testing.assert_array_equal(alike, x)
    np.testing.assert_array_equal(clean, truth(x))
    assert (make(40_000, 0.1, 4)[0] != x).all()
    grid, values = make(9, spaced=True)
    sides = [np.unique(column).tolist() for column in grid.T]
    assert sides == [np.linspace(low, 1, 9 if inputs == 1 else 3).tolist()] * inputs
    assert len(np.unique(grid, axis=0)) == 9
    np.testing.assert_array_equal(values, truth(grid))


@pytest.mark.thorough
def test_rows_of_a_function_are_learned():
    split = datasets.split(*datasets.runge(60, 0.05))
    result = jfnn.sweep(
        jfnn.mlp((1, 8, 1), "tanh"),
        split,
        loss="quadratic",
        learning_rate=0.1,
        optimizer="adam",
        epochs=40,
        batch_size=8,
    )
    assert result.test_r2.item() > 0.5


def test_a_grid_of_pairs_has_a_square_of_rows_and_columns_are_one_or_two():
    for call, argument in (
        (lambda: datasets.franke(10, spaced=True), "rows"),
        (lambda: datasets.runge(10, inputs=2, spaced=True), "rows"),
        (lambda: datasets.runge(inputs=3), "inputs"),
        (lambda: datasets.franke_function(np.ones((3, 1))), "x"),
        (lambda: datasets.runge_function(np.ones((3, 3))), "x"),
        (lambda: datasets.runge_function(np.ones((3, 1, 1))), "x"),
        (lambda: datasets.runge(noise=-0.1), "noise"),
        (lambda: datasets.runge(10**9 * 2, inputs=2), "rows"),
    ):
        with pytest.raises(ValueError, match=f"^{argument}: "):
            call()
