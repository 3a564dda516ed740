"""Failed runs are detected if they dominate the mean, and rarely among normal values."""

import numpy as np
import pytest

from jfnn.analysis.outliers import count_failed_runs


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
def test_failed_runs_are_those_that_dominate_the_mean(values, count):
    assert count_failed_runs(values, higher_is_better=True) == count
    assert count_failed_runs(-np.array(values)[::-1], higher_is_better=False) == count


@pytest.mark.parametrize(("n", "share"), [(3, 0.010), (5, 0.017), (10, 0.004)])
def test_normal_values_rarely_look_failed(n, share):
    counts = count_failed_runs(np.random.default_rng(0).normal(size=(20_000, n)), higher_is_better=True)
    assert (counts > 0).mean() == pytest.approx(share, abs=0.003)


@pytest.mark.parametrize(
    ("right", "rows", "count"),
    [
        ([284, 285, 285, 285], 288, 0),  # one row fewer than the others, which agree
        ([284, 284, 284, 285], 288, 0),
        ([280, 288, 288, 288], 288, 0),  # √288 / 2 = 8.5 rows
        ([279, 288, 288, 288], 288, 1),
        ([250, 284, 285, 285, 286], 288, 1),
        ([2, 4, 3, 4, 4], 4, 2),  # XOR, two seeds stuck
        ([3, 4, 4, 4], 4, 1),
    ],
)
def test_run_within_the_noise_of_its_rows_has_not_failed(right, rows, count):
    assert count_failed_runs(np.array(right) / rows, higher_is_better=True, rows=rows) == count


@pytest.mark.parametrize(
    ("losses", "rows", "count"),
    [
        ([0.41, 0.4, 0.4, 0.4], 100, 0),
        ([0.43, 0.4, 0.4, 0.4], 100, 0),  # a tenth of the median is 0.04
        ([0.45, 0.4, 0.4, 0.4], 100, 1),
        ([0.43, 0.4, 0.4, 0.4], 1000, 1),
        ([9.0, 0.4, 0.5, 0.4, 0.45], 100, 1),
        ([4.1e-6, 4e-6, 4e-6, 4e-6], 100, 0),  # in any unit
        ([0.25, 1e-4, 2e-4, 2e-4, 1e-4], 4, 1),  # XOR
    ],
)
def test_loss_within_the_noise_of_its_rows_has_not_failed(losses, rows, count):
    assert count_failed_runs(losses, higher_is_better=False, rows=rows) == count
