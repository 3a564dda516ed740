"""Claims and exercise answers of the page on classification."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

import jfnn

pytestmark = pytest.mark.thorough


def test_network_without_a_hidden_layer_is_logistic_regression(page):
    assert max(page["differences"]) < 1e-3


def test_cancer_rows_do_not_distinguish_the_models_and_digits_do(page):
    difference, low, high, p = page["of_rows"]
    assert low < 0 < high and p > 0.1
    difference, low, high, p = page["on_digits"]
    assert 0.005 < difference < 0.03 and low > 0 and p < 0.05


def test_seeds_give_a_narrower_interval_than_rows(page):
    widths = [page[name][2] - page[name][1] for name in ("of_seeds", "of_rows")]
    assert widths[0] < widths[1] / 2


def test_networks_are_accurate_on_test_rows(page):
    accuracies = [
        (page["chances"][name].argmax(axis=-1) == page["cancer"].y_test).mean()
        for name in ("logistic", "network")
    ]
    assert min(accuracies) > 0.95
    assert (page["predicted"] == page["digits"].y_test).mean() > 0.965
    assert page["counts"].sum() == 20 * 360


def test_exercise_1_difference_of_two_outputs_equals_one_output_at_half_the_penalty(page):
    """z = z₁ - z₀; at the minimum w₁ = -w₀ = w/2, so λ (w₀² + w₁²) / 2 = (λ/2) w² / 2: one output has λ/2."""
    options = {"learning_rate": 1.0, "optimizer": "lbfgs", "reduction": "sum", "batch_size": None}
    x, y = page["cancer"].x_train, page["cancer"].y_train
    two = jfnn.train(jfnn.mlp((30, 2)), x, y, l2=4.0, epochs=200, **options)
    one = jfnn.train(
        jfnn.mlp((30, 1)),
        x,
        np.float32(y[:, None]),
        l2=2.0,
        loss="sigmoid_cross_entropy",
        epochs=200,
        **options,
    )
    w, other = np.asarray(two.params[0].w), np.asarray(one.params[0].w)
    np.testing.assert_allclose(w[:, 1] - w[:, 0], other[:, 0], atol=1e-3)
    assert np.abs(other).max() > 0.3


def test_exercise_2_auc_counts_pairs_in_the_right_order(page):
    """Hanley and McNeil 1982: over all pairs of a benign and a malignant row; ties count one half."""
    outputs, benign = page["chances"]["scikit-learn"][0, :, 1].round(1), page["cancer"].y_test == 1
    pairs = outputs[benign][:, None] - outputs[~benign]
    share = np.mean(pairs > 0) + 0.5 * np.mean(pairs == 0)
    assert np.mean(pairs == 0) > 0
    np.testing.assert_allclose(share, roc_auc_score(benign, outputs))


def test_exercise_3_overlapping_training_rows_make_the_interval_three_times_as_wide(page):
    """t s √(1/30 + n_test/n_train), of five folds with 1/4, and t s √(1/30): 1.09 s and 0.37 s."""
    t = stats.t.ppf(0.975, 29)
    corrected, naive = t * np.sqrt(1 / 30 + 1 / 4), t * np.sqrt(1 / 30)
    assert abs(corrected - 1.09) < 0.005 and abs(naive - 0.37) < 0.005
    scores = page["by_folds"].validation_auc[..., 0, :]
    plain, hidden = (0, 1, 2), (1, 1, 2)
    differences = scores[hidden] - scores[plain]
    compared = jfnn.analysis.compare_cells(page["by_folds"], "validation_auc", reference=plain)
    half = (compared.high[hidden] - compared.low[hidden]) / 2
    np.testing.assert_allclose(half, corrected * differences.std(ddof=1), rtol=0.01)
