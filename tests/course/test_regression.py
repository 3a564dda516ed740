"""Claims and exercise answers of the page on regression."""

import numpy as np
import pytest

import jfnn

pytestmark = pytest.mark.thorough


def test_training_error_decreases_with_the_degree_and_the_distance_does_not(page):
    training, distance = page["by_degree"].T
    assert (np.diff(training) < 1e-12).all() and training[-1] < 0.012
    assert 6 <= page["best_degree"] <= 13 and distance[-1] > distance.min()
    even, odd = distance[1:9:2] / distance[:8:2], distance[2:9:2] / distance[1:8:2]
    assert (even < 0.7).all() and (odd > 0.9).all()


def test_ridge_and_wide_networks_are_closer_to_the_truth(page):
    assert page["by_strength"][:, 1].min() < page["by_degree"][:, 1].min()
    means = 2 * page["of_widths"].mean[:, 0, 0]
    assert means[0] > 0.03 and means[-1] < 0.7 * page["by_strength"][:, 1].min()


def test_even_powers_have_the_larger_parameters_and_ridge_limits_them(page):
    least_squares, ridge = page["thetas"]["least squares"], page["thetas"]["Ridge"]
    sizes = abs(least_squares[8, :9])
    assert sizes[1::2].mean() > 1.5 * sizes[::2].mean()
    norms = [np.sqrt(np.nansum(theta**2, axis=1)) for theta in (least_squares, ridge)]
    assert norms[0][14] > 5 * norms[1][14] and norms[0][14] > 20 * norms[0][7]
    assert (norms[1] <= norms[0]).all()
    x, y = page["x"], page["y"][:, 0]
    powers = x ** np.arange(1, 5)
    design = (powers - powers.mean(axis=0)) / powers.std(axis=0)
    exact = np.linalg.lstsq(design, y - y.mean())[0]
    np.testing.assert_allclose(least_squares[3, :4], exact, rtol=1e-6)


def test_bootstrap_estimates_a_larger_error_than_cross_validation(page):
    cross, boot = (errors.mean(axis=1) for errors in page["by_scheme"].values())
    gaps = np.array(page["gaps"])
    assert (boot[[0, 3, 5, 7]] > cross[[0, 3, 5, 7]]).all() and (gaps[[0, 3, 5, 7], 0] > 0).all()
    assert boot[14] > 5 * cross[14]
    truth = page["by_degree"][:8, 1] + 0.01
    assert (abs(cross[:8] / truth - 1) < 0.3).all()
    for pairs in page["schemes"].values():
        assert not any(set(fitted) & set(left) for fitted, left in pairs)
    for fitted, left in page["schemes"]["cross-validation"]:
        assert len(fitted) == 72 and len(left) == 8


def test_variance_of_polynomials_grows_with_the_degree_and_that_of_networks_decreases(page):
    of_degrees, of_networks = page["of_degrees"], page["of_networks"]
    assert of_degrees.variance[-1] > 10 * of_degrees.variance[7] > 10 * 0.0005
    assert of_degrees.bias[7] < 0.2 * of_degrees.bias[0]
    assert 4 <= page["degrees"][of_degrees.error.argmin()] <= 13
    variance, bias = of_networks.variance.ravel(), of_networks.bias.ravel()
    assert variance[-1] < 0.5 * variance[1] and bias[-1] < 0.1 * bias[0]
    for parts in (of_degrees, of_networks):
        np.testing.assert_allclose(parts.bias + parts.variance, parts.error, rtol=1e-5)


def test_best_network_beats_the_best_polynomial_draw_by_draw(page):
    assert page["high"] < 0 and np.mean(page["difference"] < 0) > 0.7
    errors = [each.mean() for each in page["error_of_draws"]]
    expected = [page[name].error.min() for name in ("of_degrees", "of_networks")]
    np.testing.assert_allclose(errors, expected, rtol=1e-4)


def test_exercise_1_variance_of_least_squares_is_sigma_squared_p_over_n(page):
    x, sigma = page["x"], 0.1
    draw = np.random.default_rng(0)
    model = page["polynomial"](5, page["LinearRegression"]())
    f = page["runge"](x)[:, 0]
    targets = f + sigma * draw.normal(size=(2000, len(x)))
    predictions = [model.fit(x, t).predict(x) for t in targets]
    parts = jfnn.analysis.bias_variance_of(predictions, f)
    np.testing.assert_allclose(parts.variance, sigma**2 * 6 / len(x), rtol=0.05)


def test_exercise_2_ridge_shrinks_by_s_squared_over_s_squared_plus_lambda(page):
    """Hastie, Tibshirani and Friedman 2009, section 3.4.1; Σ s²/(s² + λ) is the trace of the hat matrix."""
    x, y, strength = page["x"], page["y"][:, 0], page["best_strength"]
    model = page["polynomial"](15, page["Ridge"](alpha=strength)).fit(x, y)
    design = model[:-1].transform(x)
    u, s, _ = np.linalg.svd(design, full_matrices=False)
    shrunk = s**2 / (s**2 + strength)
    np.testing.assert_allclose(model.predict(x), y.mean() + u @ (shrunk * (u.T @ (y - y.mean()))), atol=1e-6)
    assert 10 < shrunk.sum() < 13
    ridge = page["Ridge"](alpha=strength, fit_intercept=False)
    trace = sum(ridge.fit(design, one).predict(design)[i] for i, one in enumerate(np.eye(len(x))))
    np.testing.assert_allclose(trace, shrunk.sum(), rtol=1e-4)


def test_exercise_3_a_bootstrap_has_63_percent_of_the_rows(page):
    """1 - (1 - 1/80)^80 = 0.634, which converges to 1 - 1/e."""
    share = 1 - (1 - 1 / 80) ** 80
    assert abs(share - 0.634) < 5e-4
    drawn = page["draws"].included.mean()
    assert abs(drawn - share) < 4 * 0.035 / np.sqrt(100)
