"""Failed runs: found where they decide the mean, rarely among normal values."""

import numpy as np
import pytest

from jfnn.analysis.outliers import failed


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([0.45, 0.50, 0.40, 0.48, -18.0], 1),
        ([0.45, 0.50, 0.40, -17.0, -18.0], 2),
        ([0.45, 0.50, -16.0, -17.0, -18.0], 0),  # most of them: the cell is bad
        ([0.45, 0.50, 0.40, 0.48, 18.0], 0),  # on the better side
        ([0.45, 0.50, -18.0], 1),
        ([0.45, -18.0], 0),
        ([0.45, 0.50, 0.40, 0.48, np.nan], 0),
        ([0.5, 0.5, 0.5, 0.5, 0.5], 0),
        ([*np.linspace(0, 1, 50), -3], 0),  # the mean is like the others
    ],
)
def test_failed_runs_are_those_that_decide_the_mean(values, count):
    assert failed(values, higher_is_better=True) == count
    assert failed(-np.array(values)[::-1], higher_is_better=False) == count


@pytest.mark.parametrize(("n", "share"), [(3, 0.010), (5, 0.017), (10, 0.004)])
def test_normal_values_seldom_look_failed(n, share):
    counts = failed(np.random.default_rng(0).normal(size=(20_000, n)), higher_is_better=True)
    assert (counts > 0).mean() == pytest.approx(share, abs=0.003)
