"""Paired comparisons against scipy's tests, Holm's method against its definition, seeds by search."""

import numpy as np
import pytest
from helpers import make_result, with_scores
from scipy import stats

from jfnn.analysis.comparison import compare_cells, holm, seeds_needed


def test_comparisons_equal_scipys_paired_tests():
    result = make_result((2, 3), seeds=8, diverged=[(0, 1, 3)])
    scores = result.test_accuracy.copy()
    scores[1, 2] += 2
    result = with_scores(result, {"test_accuracy": scores})
    for test, by_scipy in (("t", stats.ttest_rel), ("wilcoxon", stats.wilcoxon)):
        compared = compare_cells(result, reference=(1, 0), test=test)
        for cell in np.ndindex(2, 3):
            if cell in ((0, 1), (1, 0)):
                assert np.isnan([compared.p[cell], compared.p_holm[cell]]).all()
                continue
            expected = by_scipy(scores[cell], scores[1, 0])
            assert compared.p[cell] == pytest.approx(expected.pvalue)
            assert compared.difference[cell] == pytest.approx((scores[cell] - scores[1, 0]).mean())
        interval = stats.ttest_rel(scores[1, 2], scores[1, 0]).confidence_interval()
        np.testing.assert_allclose([compared.low[1, 2], compared.high[1, 2]], interval)
        np.testing.assert_array_equal(compared.p_holm, holm(compared.p))
        assert 4 * np.nanmin(compared.p) == pytest.approx(np.nanmin(compared.p_holm))  # of four made
    assert compare_cells(result).reference == result.best().index


def test_folds_of_one_seed_have_the_corrected_variance():
    result = make_result((1, 2), seeds=1, folds=5)
    compared = compare_cells(result, reference=(0, 0))
    differences = result.validation_accuracy[0, 1, 0] - result.validation_accuracy[0, 0, 0]
    t = differences.mean() / (differences.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4))
    assert compared.p[0, 1] == pytest.approx(2 * stats.t.sf(abs(t), 4))
    assert (compared.low[0, 1] > 0 or compared.high[0, 1] < 0) == (compared.p[0, 1] < 0.05)


def test_equal_runs_do_not_differ_and_equal_differences_are_certain():
    result = make_result((1, 3), seeds=6)
    values = np.zeros((1, 3, 6))
    values[0, 2] = 0.5
    for test, least in (("t", 0), ("wilcoxon", 2**-5)):
        compared = compare_cells(with_scores(result, {"test_accuracy": values}), reference=(0, 0), test=test)
        np.testing.assert_allclose(compared.p, [[np.nan, 1, least]])


def test_holm_equals_the_rule_applied_step_by_step():
    rng = np.random.default_rng(1)
    for _ in range(50):
        p = rng.random(6) ** 4
        corrected = holm(p)
        for alpha in (0.01, 0.05, 0.2):
            rejected = set()
            for step, place in enumerate(np.argsort(p)):  # stop at the first that is not small enough
                if p[place] > alpha / (6 - step):
                    break
                rejected.add(place)
            assert rejected == set(np.flatnonzero(corrected <= alpha))
    np.testing.assert_allclose(holm([0.013, 0.012, 0.01]), 0.03)  # never below a smaller one's
    np.testing.assert_allclose(holm([0.6, 0.9, 0.01]), [1, 1, 0.03])
    np.testing.assert_allclose(holm([[0.04, np.nan], [0.01, 0.9]]), [[0.08, np.nan], [0.03, 0.9]])
    assert holm([]).shape == (0,)


def family_errors(cells, runs, times):
    """Return the proportion of null families with p ≤ 5%, corrected and not; all share a reference."""
    rng = np.random.default_rng(2)
    errors = np.zeros(2)
    values = rng.normal(size=(times, cells, runs)) + rng.normal(size=(times, 1, runs))
    for family in values:
        of_family = with_scores(make_result((1, cells), seeds=runs), {"test_accuracy": family[None]})
        compared = compare_cells(of_family, "test_accuracy", reference=(0, 0))
        errors += [np.nanmin(compared.p_holm) <= 0.05, np.nanmin(compared.p) <= 0.05]
    return errors / times


@pytest.mark.parametrize(
    ("cells", "runs", "times"),
    [
        (6, 5, 400),
        *(pytest.param(c, n, 8000, marks=pytest.mark.slow) for c, n in ((6, 5), (21, 5), (21, 10))),
    ],
)
def test_holms_family_wise_error_is_at_most_5_percent(cells, runs, times):
    corrected, plain = family_errors(cells, runs, times)
    print(f"{cells - 1} comparisons of {runs} runs: family error {corrected:.2%}, uncorrected {plain:.1%}")
    assert corrected <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / times)
    assert plain > 0.12


def test_seeds_needed_is_the_smallest_sufficient_number():
    for std, width in ((0.01, 0.01), (0.01, 0.002), (1.0, 30.0), (0.0, 1.0)):
        n = seeds_needed(std, width)
        widths = {k: 2 * stats.t.ppf(0.975, k - 1) * std / np.sqrt(k) for k in (n - 1, n) if k > 2}
        assert widths[n] <= width and widths.get(n - 1, np.inf) > width
    assert seeds_needed(0.01, 0.01, confidence=0.99) > seeds_needed(0.01, 0.01)
