"""Claims and exercise answers of the page on a grid with error bars."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

import jfnn

pytestmark = pytest.mark.slow


def test_fewer_seeds_leave_more_cells_tied_with_the_best(page):
    ties = page["ties"]
    assert ties[100] < 10 and ties[3] > ties[100] + 3
    assert ties[3] >= ties[10] >= ties[100]


def test_single_seed_names_another_cell_and_overestimates_it(page):
    assert np.mean(page["chosen"] == page["best"]) < 0.6
    assert len(set(page["chosen"])) >= 4
    assert page["lost"].mean() > 0.05 and page["flattered"].mean() > 0.3


def test_l1_finds_that_runges_function_is_even_and_equals_lasso(page):
    for name, theirs in {"L1": page["lasso"], "L2": page["ridge"]}.items():
        np.testing.assert_allclose(page["coefficients"][name], theirs, atol=1e-4)
    zero = page["coefficients"]["L1"] == 0
    assert zero[2, page["odd"]].all() and not zero[:, ~page["odd"]].all(axis=0)[:3].any()
    assert not (page["coefficients"]["L2"] == 0).any()


def test_l1_gives_zeros_in_a_network_but_no_accuracy(page):
    assert (np.diff(page["zeros"]) > 0).all() and page["zeros"][0] < 0.01
    assert page["zeros"][-2] > 0.2 and page["without_l2"].argmax() < 2


def test_deep_sigmoids_do_not_train_and_relus_do(page):
    accuracy = page["kinds"].validation_accuracy.mean(axis=-1).max(axis=3)[..., 0]  # [f, depth, width]
    assert accuracy[0, 3].max() < 0.4 and accuracy[1, 3, 1] > 0.85
    assert (accuracy[1, 1:] > accuracy[0, 1:]).all()
    assert page["tied"].sum() < 7 and not page["tied"][0].any()
    assert (accuracy[:, 0] == accuracy[0, 0, 0]).all() and accuracy[1, 1, 1] > accuracy[0, 0, 0]


def test_exercise_1_rows_make_a_larger_error_than_seeds(page):
    """√(0.96 · 0.04 / 287) is 1.2 points, ten times the error of the mean over seeds in the best cells."""
    of_rows = 100 * np.sqrt(0.96 * 0.04 / 287)
    assert abs(of_rows - 1.16) < 0.01
    draws = np.random.default_rng(0).binomial(287, 0.96, size=100_000) / 287
    assert abs(100 * draws.std() - of_rows) < 0.01
    of_seeds = page["error"].ravel()[page["best"]]
    assert len(page["digits"].x_train) - 287 == 1150
    assert of_rows > 5 * of_seeds


def test_exercise_2_a_proximal_step_is_the_soft_threshold():
    """w = sign(v) max(|v| - ηλ₁, 0)."""
    threshold = 0.3
    for v in (-2.0, -0.31, -0.2, 0.0, 0.1, 0.29, 0.35, 1.0):
        least = optimize.minimize_scalar(
            lambda w, v=v: (w - v) ** 2 / 2 + threshold * abs(w), bounds=(-3, 3), method="bounded"
        ).x
        right = np.sign(v) * max(abs(v) - threshold, 0)
        assert abs(least - right) < 1e-4
        assert abs(jfnn.penalties.soft_threshold(np.float32(v), threshold) - right) < 1e-6


def test_exercise_3_best_of_49_equal_cells_is_2_2_standard_errors_too_high():
    """The mean of the maximum of 49 normal numbers; with 100 seeds a tenth of it, as for s."""

    def density(z):
        return z * 49 * stats.norm.cdf(z) ** 48 * stats.norm.pdf(z)

    largest = integrate.quad(density, -10, 10)[0]
    assert abs(largest - 2.24) < 0.01
    draw = np.random.default_rng(0)
    one = draw.normal(size=(20_000, 49)).max(axis=1).mean()
    hundred = (draw.normal(size=(2_000, 49, 100)).mean(axis=2)).max(axis=1).mean()
    assert abs(one - largest) < 0.02 and abs(hundred - largest / 10) < 0.01
