"""Conformal intervals against order statistics written out, MAPIE, and their coverage in simulations."""

import fractions
import math

import numpy as np
import pytest

from jfnn import analysis

RNG = np.random.default_rng(0)


def exact_ranks(level, n):
    """⌊α(n+1)⌋ and ⌈(1-α)(n+1)⌉ in fractions."""
    share = fractions.Fraction(str(level))
    return math.floor((1 - share) * (n + 1)), math.ceil(share * (n + 1))


@pytest.mark.parametrize("n", [9, 10, 19, 99])
@pytest.mark.parametrize("level", [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
def test_ends_are_the_order_statistics_of_the_paper(level, n):
    residuals = RNG.normal(size=n)
    predictions = RNG.normal(size=(n, 3))
    low, high = analysis.jackknife_plus(residuals, predictions, level)
    below, above = exact_ranks(level, n)
    lows = np.sort(predictions - np.abs(residuals)[:, None], axis=0)
    highs = np.sort(predictions + np.abs(residuals)[:, None], axis=0)
    np.testing.assert_array_equal(low, lows[below - 1] if below >= 1 else np.full(3, -np.inf))
    np.testing.assert_array_equal(high, highs[above - 1] if above <= n else np.full(3, np.inf))
    low, high = analysis.split_conformal(residuals, predictions[0], level)
    q = np.sort(np.abs(residuals))[above - 1] if above <= n else np.inf
    np.testing.assert_array_equal(low, predictions[0] - q)
    np.testing.assert_array_equal(high, predictions[0] + q)


def ridge(x, y):
    return np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ y)


def covered(rng, level, n=30, rows=20):
    """Shares of new targets in the intervals of both kinds, of ridge regressions."""
    weights = rng.normal(size=4)
    x = rng.normal(size=(n + rows, 4))
    y = x @ weights + rng.standard_t(3, size=n + rows)
    new = x[n:]
    truth = y[n:]
    fits = [ridge(np.delete(x[:n], i, 0), np.delete(y[:n], i)) for i in range(n)]
    residuals = [y[i] - x[i] @ fit for i, fit in enumerate(fits)]
    ends = [analysis.jackknife_plus(residuals, np.stack([new @ fit for fit in fits]), level)]
    half = ridge(x[: n // 2], y[: n // 2])
    held = y[n // 2 : n] - x[n // 2 : n] @ half
    ends.append(analysis.split_conformal(held, new @ half, level))
    return [np.mean((low <= truth) & (truth <= high)) for low, high in ends]


def test_intervals_cover_as_promised():
    level = 0.8
    rng = np.random.default_rng(1)
    shares = np.array([covered(rng, level) for _ in range(300)])
    mean = shares.mean(axis=0)
    error = shares.std(axis=0) / np.sqrt(len(shares))
    assert mean[0] > 2 * level - 1 + 4 * error[0]
    assert abs(mean[0] - level) < 0.03  # in practice
    assert level - 4 * error[1] < mean[1] < level + 1 / 16 + 4 * error[1]


@pytest.mark.thorough
def test_jackknife_plus_is_that_of_mapie():
    regression = pytest.importorskip("mapie.regression")
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import LeaveOneOut

    x = RNG.normal(size=(30, 3))
    y = x @ [1.0, -2.0, 0.5] + RNG.normal(size=30)
    new = RNG.normal(size=(7, 3))
    theirs = regression.CrossConformalRegressor(
        Ridge(), confidence_level=0.9, method="plus", cv=LeaveOneOut()
    ).fit_conformalize(x, y)
    _, ends = theirs.predict_interval(new)
    fits = [Ridge().fit(np.delete(x, i, 0), np.delete(y, i)) for i in range(30)]
    residuals = [y[i] - fit.predict(x[i : i + 1])[0] for i, fit in enumerate(fits)]
    low, high = analysis.jackknife_plus(residuals, np.stack([fit.predict(new) for fit in fits]), 0.9)
    np.testing.assert_allclose(ends[:, 0, 0], low)
    np.testing.assert_allclose(ends[:, 1, 0], high)
