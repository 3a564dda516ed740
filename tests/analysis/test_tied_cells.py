"""Cells that may be the best: coverage by simulation, by hand, and without a spread."""

import dataclasses

import numpy as np
import pytest
from helpers import make_result
from scipy import integrate, stats

from jfnn.analysis import curve_statistics
from jfnn.analysis.selection import critical_ratio, may_be_best

GRIDS = 500
HELD = 3 * np.sqrt(0.05 * 0.95 / GRIDS)  # standard errors of a proportion of 5%


def tied(scores):
    """Return which cells are tied at each evaluation, for test accuracies ``[cells, seeds, evaluations]``."""
    cells, seeds, evaluations = scores.shape
    result = make_result((cells, 1), seeds=seeds, history=2)
    history = {"test_accuracy": scores[:, None]}
    changed = dataclasses.replace(result, history=history, evaluations=np.arange(evaluations))
    return curve_statistics(changed, "test_accuracy").tied[:, 0]


@pytest.mark.parametrize(("cells", "seeds"), [(2, 5), (8, 3), (49, 3), (49, 5), (32, 10)])
def test_equal_cells_are_each_tied_in_95_percent_of_grids(cells, seeds):
    scores = np.random.default_rng(cells + seeds).normal(size=(cells, seeds, GRIDS))
    assert tied(scores).mean() >= 0.95 - HELD


@pytest.mark.parametrize("scale", [0.1, 10], ids=["quiet best", "noisy best"])
def test_best_cell_is_tied_whatever_the_variances(scale):
    rng = np.random.default_rng(1)
    scales = np.concatenate([[scale], np.geomspace(0.3, 3, 31)])
    scores = scales[:, None, None] * rng.normal(size=(32, 5, GRIDS)) + rng.normal(size=(5, GRIDS))
    assert tied(scores)[0].mean() >= 0.95 - HELD


@pytest.mark.parametrize("chance", [0.9, 0.99])
@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_accuracies_on_few_rows_are_tied_in_95_percent_of_grids(chance, seeds):
    rng = np.random.default_rng(seeds)
    scores = rng.binomial(40, chance, (32, seeds, GRIDS)) / 40
    assert tied(scores).mean() >= 0.95 - HELD


def test_cells_far_behind_are_excluded():
    """By ten standard deviations; the best one is then alone."""
    scores = np.random.default_rng(2).normal(size=(49, 10, GRIDS))
    scores[0] += 10
    assert (tied(scores).sum(axis=0) == 1).mean() > 0.99


@pytest.mark.parametrize(("others", "freedom"), [(1, 4), (2, 2), (7, 1), (48, 2), (48, 19), (999, 4)])
def test_critical_ratio_solves_its_equation(others, freedom):
    """E min(1, m Φ(-c s)) = 5% over s = √(χ² / freedom); Bonferroni's value is an upper bound."""
    ratio = critical_ratio(others, freedom, 0.05)
    s = stats.chi(freedom, scale=freedom**-0.5)
    kink = stats.norm.isf(1 / others) / ratio if others > 2 else 0.0
    below = integrate.quad(lambda x: s.pdf(x), 0, kink)[0]
    above = integrate.quad(lambda x: others * stats.norm.sf(ratio * x) * s.pdf(x), kink, kink + 10 / ratio)[0]
    assert below + above == pytest.approx(0.05, rel=1e-4)
    bonferroni = stats.t.isf(0.05 / others, freedom)
    assert ratio <= bonferroni * (1 + 1e-6)
    if others <= 2:
        assert ratio == pytest.approx(bonferroni, rel=1e-5)


def test_tied_cells_by_hand():
    """The differences 1, 2, 3 have t = 2 √3 = 3.46, and 0.8, 2, 3.2 have 2.89; t(2) is 2.92 at 5%."""
    best = np.array([5.0, 5.5, 6.0])
    near = best - [0.8, 2.0, 3.2]
    far = best - [1.0, 2.0, 3.0]
    assert may_be_best(np.array([best, near]), 0).tolist() == [True, True]
    assert may_be_best(np.array([far, best]), 1).tolist() == [False, True]
    assert may_be_best(np.array([best, near, far]), 0).all()  # t(2) is 4.30 at 2.5%
    assert may_be_best(np.array([best, near, far]), 0, confidence=0.92).tolist() == [
        True,
        True,
        False,
    ]  # 3.32
    # Twice the variance divides t by √2.
    assert may_be_best(np.array([far, best]), 1, variance=2 / 3).all()


def test_differences_without_a_spread_count_if_they_are_several_steps():
    """Correct rows of 40, equal for all seeds: t is at most the difference divided by √(3 / 12) rows."""
    right = np.array([40, 39, 38, 37, 36, 35, 20, 10])
    scores = np.repeat(right[:, None] / 40, 3, axis=1)
    least = critical_ratio(7, 2, 0.05) / 6
    assert may_be_best(scores, 0).tolist() == (40 - right <= least).tolist()
    assert 1 < least < 2
    equal = np.repeat([[0.7]], 3, axis=1) + np.array([[0], [1e-9], [-1e-9]])  # rounding
    assert may_be_best(equal, 1).all()


def test_missing_runs_two_seeds_and_single_cells():
    scores = np.array(
        [[3.0, 3.1, 2.9, 3.0], [1.0, 1.2, np.nan, 1.1], [np.nan] * 4, [1.0, np.nan, np.nan, 1.0]]
    )
    assert may_be_best(scores, 0).tolist() == [True, False, False, True]  # two common runs are too few
    assert may_be_best(scores[:, :2], 0).tolist() == [True, True, False, True]
    assert may_be_best(scores[:1], 0).tolist() == [True]
    infinite = np.array([[3.0, 3.1, 2.9], [-np.inf] * 3, [2.9, 3.1, 3.0]])
    assert may_be_best(infinite, 0).tolist() == [True, False, True]
