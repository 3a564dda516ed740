"""Bias and variance by enumeration of all data sets, closed forms and loops."""

import itertools

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

import jfnn
from jfnn.analysis import Interval, bias_variance, bias_variance_of


def test_enumeration_of_all_data_sets_gives_exact_expectations():
    """Three rows with noise ±1 give eight data sets, each fitted by a line through 0."""
    x = np.array([1.0, 2.0, -1.0])
    signs = list(itertools.product((-0.5, 0.5), repeat=3))
    at = np.array([-2.0, 0.5, 3.0, 4.0])

    def truth(x):
        return x + 0.3 * x**2

    slopes = [x @ (truth(x) + np.array(noise)) / (x @ x) for noise in signs]
    predictions = np.array(slopes)[:, None] * at
    of_targets = [truth(at) + np.array(noise) for noise in itertools.product((-0.5, 0.5), repeat=4)]
    expected = np.mean([(predictions - t) ** 2 for t in of_targets])
    bias = np.mean([(sum(slopes) / 8 * a - truth(a)) ** 2 for a in at])
    variance = np.mean([(slope - sum(slopes) / 8) ** 2 * a**2 for slope in slopes for a in at])
    parts = [bias_variance_of(predictions, t, truth=truth(at)) for t in of_targets]
    for each in parts:
        assert_allclose([each.bias, each.variance, each.noise], [bias, variance, 0.25])
        assert_allclose(each.error, each.bias + each.variance + each.noise + each.cross)
    assert_allclose(np.mean([each.error for each in parts]), expected)
    assert_allclose(np.mean([each.cross for each in parts]), 0, atol=1e-15)
    assert_allclose(expected, bias + variance + 0.25)


def ols(noise, x, at, coefficients):
    """Return least-squares predictions ``[draws, at]`` for each noise ``[draws, n]`` on a fixed design."""
    return (np.linalg.pinv(x) @ (x @ coefficients + noise).T).T @ at.T


@pytest.mark.thorough
def test_intervals_cover_the_truth_and_estimates_without_bias_have_none():
    rng = np.random.default_rng(1)
    n, sigma, m, shift = 12, 0.7, 25, 0.4
    x, at = rng.normal(size=(n, 3)), rng.normal(size=(20, 3))
    coefficients = rng.normal(size=3)
    variance = sigma**2 * np.einsum("ij,jk,ik->i", at, np.linalg.inv(x.T @ x), at).mean()
    draws = ols(sigma * rng.normal(size=(600 * m, n)), x, at, coefficients).reshape(600, m, 20)
    parts = bias_variance_of(draws, at @ coefficients + shift, corrected=True)
    truth = {"bias": shift**2, "variance": variance, "error": shift**2 + variance}
    for name, right in truth.items():
        found = getattr(parts, name)
        assert abs(found.mean() - right) < 4 * found.std() / np.sqrt(600)
        covered = ((parts.low[name] <= right) & (right <= parts.high[name])).mean()
        assert (0.84 if name == "bias" else 0.9) < covered < 0.98, (name, covered)
    biased = bias_variance_of(draws, at @ coefficients + shift)
    assert_allclose(biased.variance * m / (m - 1), parts.variance)
    assert_allclose(biased.bias + biased.variance, parts.bias + parts.variance)
    narrow = bias_variance_of(draws, at @ coefficients + shift, interval=Interval(confidence=0.5))
    assert (narrow.high["error"] - narrow.low["error"] < parts.high["error"] - parts.low["error"]).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_zero_one_loss_is_decomposed_as_by_domingos(classes):
    rng = np.random.default_rng(4)
    truth = rng.integers(classes, size=30)
    t = np.where(rng.random(30) < 0.2, rng.integers(classes, size=30), truth)
    noise = rng.random((9, 30)) < rng.random(30)
    predictions = np.where(noise, rng.integers(classes, size=(9, 30)), truth)
    parts = bias_variance_of(predictions, t, truth=truth)
    totals = dict.fromkeys(("error", "bias", "unbiased", "biased", "disagreement", "noise", "by_truth"), 0.0)
    for i in range(30):
        votes = [predictions[:, i].tolist().count(c) for c in range(classes)]
        main = votes.index(max(votes))
        totals["bias"] += (main != truth[i]) / 30
        totals["noise"] += (t[i] != truth[i]) / 30
        for y in predictions[:, i]:
            totals["error"] += (y != t[i]) / 270
            totals["by_truth"] += (y != truth[i]) / 270
            totals["disagreement"] += (y != main) / 270
            if main == truth[i]:
                totals["unbiased"] += (y != main) / 270
            else:
                totals["biased"] += (y == truth[i]) / 270
    by_truth = totals.pop("by_truth")
    assert totals["bias"] > 0 and totals["biased"] > 0
    for name, total in totals.items():
        assert_allclose(getattr(parts, name), total, err_msg=name)
    assert_allclose(parts.variance, totals["unbiased"] - totals["biased"])
    assert_allclose(parts.bias + parts.variance, by_truth)
    assert_allclose(parts.cross, totals["error"] - by_truth - totals["noise"])
    if classes == 2:  # disagreeing with a wrong main prediction is right
        assert_allclose(totals["unbiased"] + totals["biased"], totals["disagreement"])


X = np.random.default_rng(5).normal(size=(40, 2))
SPLIT = jfnn.Split(
    X[:30], X[:30] @ [[1.0], [2.0]] + 0.3 * np.sin(9 * X[:30, :1]), X[30:], X[30:] @ [[1.0], [2.0]]
)
SUBSETS = jfnn.subsets.shares(30, 15, 6)


def swept(split=SPLIT, folds=SUBSETS, network=None, **options):
    given = {"learning_rate": [0.05, 0.3], "loss": "quadratic", "epochs": 200, "batch_size": None} | options
    return jfnn.sweep(network or jfnn.mlp((2, 1)), split, folds=folds, **given)


DIGITS = jfnn.datasets.digits()


@pytest.mark.thorough
def test_seed_subset_and_evaluation_axes_are_recognized():
    """Compare with indexing into predictions, for every cell and epoch."""
    folds = jfnn.subsets.shares(len(DIGITS.x_train), 60, 4)
    execution = jfnn.Execution(eval_every=1, keep_params="evaluations")
    options = {"learning_rate": [0.01, 0.3], "epochs": 2, "batch_size": 20, "seeds": 3}
    result = jfnn.sweep(jfnn.mlp((64, 10)), DIGITS, folds=folds, execution=execution, **options)
    labels = result.predict(DIGITS.x_test)  # [2, 1, 3 seeds, 4 subsets, epochs, n]
    parts = bias_variance(result, DIGITS)
    assert list(parts.axes) == ["learning_rate", "l2", "epoch"]
    assert parts.error.shape == (2, 1, labels.shape[-2]) and (parts.draws == 12).all()
    for index in np.ndindex(parts.error.shape):
        of_cell = labels[index[0], index[1], :, :, index[2]].reshape(12, -1)
        alone = bias_variance_of(of_cell, DIGITS.y_test)
        for name in ("error", "bias", "variance"):
            assert_allclose(getattr(parts, name)[index], getattr(alone, name))
    # With several seeds per subset, the four subsets are the independent draws.
    errors = (labels[1, 0, :, :, -1] != DIGITS.y_test).mean(axis=(0, 2))
    low, high = jfnn.analysis.interval(errors, bounds=(0, 1))
    assert_allclose([parts.low["error"][1, 0, -1], parts.high["error"][1, 0, -1]], [low, high])
    squared = bias_variance(result, DIGITS, kind="squared")
    brier = ((result.predict_proba(DIGITS.x_test) - np.eye(10)[DIGITS.y_test]) ** 2).mean(axis=(2, 3, 5, 6))
    assert_allclose(squared.error, brier, rtol=1e-6)
    starts = jfnn.sweep(jfnn.mlp((64, 10)), DIGITS, **options)
    of_starts = bias_variance_of(starts.predict(DIGITS.x_test), DIGITS.y_test)
    assert_allclose(bias_variance(starts, DIGITS).variance, of_starts.variance)
    assert_allclose(bias_variance(starts, DIGITS).low["variance"], of_starts.low["variance"])


@pytest.mark.thorough
def test_cells_with_diverged_members_have_no_parts_or_those_of_the_others():
    result = swept(learning_rate=[0.3, 1.2], epochs=2000)
    assert (result.diverged_at[0] < 0).all() and (result.diverged_at[1] >= 0).any()
    parts = bias_variance(result, SPLIT)
    assert np.isfinite(parts.error[0, 0]) and np.isnan(parts.error[1, 0])
    assert parts.draws.ravel().tolist() == [6, 0]
    left = (result.diverged_at[1, 0, 0] < 0).sum()
    omitted = bias_variance(result, SPLIT, missing="omit")
    assert omitted.draws.ravel().tolist() == [6, left]
    assert np.isfinite(omitted.error[1, 0]) == (left >= 2)


def test_missing_draws_are_skipped_if_allowed():
    rng = np.random.default_rng(6)
    numbers, t = rng.normal(size=(3, 5, 8)), rng.normal(size=8)
    numbers[0, 1, 2] = numbers[1, :4, 0] = np.nan
    parts = bias_variance_of(numbers, t, missing="omit")
    assert parts.draws.tolist() == [4, 0, 5] or parts.draws.tolist() == [4, 1, 5]
    assert_allclose(parts.variance[0], bias_variance_of(np.delete(numbers[0], 1, axis=0), t).variance)
    assert np.isnan([parts.error[1], parts.cross[1], parts.low["bias"][1]]).all()
    assert np.isnan(bias_variance_of(numbers, t).error[:2]).all()
    labels = rng.integers(2, size=(5, 8))
    labels[3] = -1
    assert bias_variance_of(labels, t > 0, missing="omit").draws == 4
    signs = 2 * rng.integers(2, size=(5, 8)) - 1
    assert bias_variance_of(signs, np.sign(t).astype(int)).draws == 5  # there -1 is a label


def test_known_noise_is_subtracted_from_the_bias():
    rng = np.random.default_rng(7)
    numbers, t = rng.normal(size=(5, 8)), 3 + rng.normal(size=8)
    plain = bias_variance_of(numbers, t)
    known = bias_variance_of(numbers, t, noise=0.5)
    assert_allclose(known.bias, plain.bias - 0.5)
    assert_allclose(known.error, known.bias + known.variance + known.noise)
    assert_allclose(known.low["bias"], plain.low["bias"] - 0.5)


def test_equal_predictions_have_no_variance_however_large():
    parts = bias_variance_of(np.full((4, 3), 1e8 + 0.1), np.full(3, 1e8))
    assert parts.variance == 0 and np.isnan(parts.low["variance"]) and parts.low["bias"] == parts.high["bias"]


OF = {"predictions": np.zeros((4, 3)), "targets": np.zeros(3)}
LABELS = {"predictions": np.zeros((4, 3), int), "targets": np.zeros(3, int)}


@pytest.mark.parametrize(
    ("changed", "argument"),
    [
        (OF | {"predictions": np.zeros((1, 3))}, "predictions"),
        (OF | {"predictions": np.zeros((4, 2))}, "predictions"),
        (OF | {"predictions": np.zeros(3)}, "predictions"),
        (OF | {"predictions": np.full((4, 3), np.inf)}, "predictions"),
        (OF | {"predictions": [["a"]]}, "predictions"),
        (OF | {"targets": np.zeros(0)}, "targets"),
        (OF | {"targets": np.array([0, np.nan, 0])}, "targets"),
        (OF | {"truth": np.zeros(2)}, "truth"),
        (OF | {"kind": "zero_one"}, "predictions"),
        (OF | {"kind": "mse"}, "kind"),
        (OF | {"interval": Interval("median")}, "interval"),
        (OF | {"missing": 0.5}, "missing"),
        (OF | {"corrected": 2}, "corrected"),
        (OF | {"axes": {"width": [1]}}, "axes"),
        (LABELS | {"noise": 0.1}, "noise"),
    ],
)
def test_predictions_that_cannot_be_decomposed_are_refused(changed, argument):
    with pytest.raises(jfnn.ArgumentError) as error:
        bias_variance_of(**changed)
    assert error.value.argument == argument


@pytest.mark.thorough
def test_results_that_cannot_be_decomposed_are_refused():
    result = swept(epochs=1)
    for changed, argument in (
        ({"split": SPLIT._replace(x_test=None, y_test=None)}, "split"),
        ({"split": SPLIT._replace(y_test=SPLIT.y_test[:3])}, "split"),
        ({"kind": "zero_one"}, "kind"),
        ({"truth": SPLIT.y_test[:3]}, "truth"),
        (
            {
                "result": jfnn.train(
                    jfnn.mlp((2, 1)), *SPLIT[:2], learning_rate=0.1, epochs=1, batch_size=5, loss="quadratic"
                )
            },
            "result",
        ),
        ({"result": swept(epochs=1, execution=jfnn.Execution(keep_params="none"))}, "keep_params"),
    ):
        with pytest.raises(jfnn.ArgumentError) as error:
            bias_variance(**{"result": result, "split": SPLIT} | changed)
        assert error.value.argument == argument
    assert jax.tree.leaves(result.params)
