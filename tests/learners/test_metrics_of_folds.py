"""Metrics of each fold against scikit-learn's, and directions in which they rank."""

import numpy as np
import pytest
from helpers import compiled, noise_split
from sklearn import metrics as sklearn_metrics
from sklearn.model_selection import KFold, StratifiedKFold

import jfnn
from jfnn.learners import output_metric

pytestmark = pytest.mark.unoptimised

SPLIT = noise_split()
OPTIONS = dict(learning_rate=[0.002, 0.02, 0.2], seeds=2, epochs=3, batch_size=16)


def each_member(result, cuts, split):
    """``(place, part, inputs, targets)`` of every member and part of the data, folds last in a place."""
    for place in np.ndindex(result.diverged_at.shape):
        learned, held_out = cuts[place[-1]]
        yield place, "train", split.x_train[learned], split.y_train[learned]
        yield place, "validation", split.x_train[held_out], split.y_train[held_out]
        yield place, "test", split.x_test, split.y_test


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_r2_of_a_fold_has_the_variance_of_that_fold(n_outputs):
    """Rows are sorted by their targets, so that a fold varies far less than all rows."""
    order = np.argsort(SPLIT.x_train[:, 0])
    split = SPLIT._replace(
        x_train=SPLIT.x_train[order],
        y_train=SPLIT.x_train[order][:, :n_outputs],
        y_test=SPLIT.x_test[:, :n_outputs],
    )
    net, cuts = jfnn.mlp((5, 6, n_outputs), "tanh"), [*KFold(4).split(split.x_train)]
    result = jfnn.sweep(net, split, loss="quadratic", reduction="mean", folds=4, **OPTIONS)
    apply = compiled(net.apply)
    assert result.validation_r2.shape == (3, 1, 2, 4)
    of_other_variance = []
    for place, part, x, y in each_member(result, cuts, split):
        outputs = np.asarray(apply(result.member(*place), x.astype(np.float32)), np.float64)
        r2 = sklearn_metrics.r2_score(y, outputs, multioutput="variance_weighted")
        half_error = n_outputs / 2 * sklearn_metrics.mean_squared_error(y, outputs)
        np.testing.assert_allclose(result.scores[f"{part}_r2"][place], r2, rtol=2e-5, atol=1e-5)
        np.testing.assert_allclose(result.scores[f"{part}_loss"][place], half_error, rtol=2e-5)
        if part == "validation":
            of_other_variance.append(1 - 2 * half_error / split.y_train.var(axis=0).sum() - r2)
    assert np.min(of_other_variance) > 0.05  # all rows' variance would give other numbers


def macro_f1(targets, outputs):
    return sklearn_metrics.f1_score(targets.argmax(1), outputs.argmax(1), average="macro", zero_division=0)


def test_classes_and_all_outputs_of_a_fold_are_scikit_learns():
    net, f1 = jfnn.mlp((5, 6, 3)), output_metric("f1", macro_f1)
    cuts = [*StratifiedKFold(3).split(SPLIT.x_train, SPLIT.y_train)]
    result = jfnn.sweep(net, SPLIT, folds=3, validation=jfnn.Validation(rank_by=f1), **OPTIONS)
    assert result.metrics == {"loss": False, "accuracy": True, "f1": True}

    @compiled
    def predicted(params, x):
        return jfnn.predict(net, params, x), jfnn.predict_proba(net, params, x)

    for place, part, x, y in each_member(result, cuts, SPLIT):
        labels, p = map(np.asarray, predicted(result.member(*place), x))
        p = p.astype(np.float64)
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(y, labels),
            "loss": sklearn_metrics.log_loss(y, p / p.sum(1, keepdims=True), labels=range(3)),
            "f1": sklearn_metrics.f1_score(y, labels, average="macro", zero_division=0),
        }
        scores = {name: result.scores[f"{part}_{name}"][place] for name in expected}
        assert scores == pytest.approx(expected, rel=2e-5)
    assert result.ranked_by == "validation_f1"
    means = result.validation_f1.mean(axis=(2, 3))
    assert result.best().index == np.unravel_index(means.argmax(), means.shape)


@pytest.mark.parametrize("higher_is_better", [True, False])
@pytest.mark.parametrize("validation", [20, None])
def test_a_metric_ranks_in_its_direction(higher_is_better, validation):
    """The spread of outputs grows with the learning rate: the best is the last cell, or the first."""
    metric = output_metric("spread", lambda targets, outputs: outputs.std(), higher_is_better)
    split = SPLIT._replace(y_train=100 * SPLIT.x_train[:, :1], y_test=100 * SPLIT.x_test[:, :1])
    result = jfnn.sweep(
        *(jfnn.mlp((5, 1)), split),
        **dict(loss="quadratic", reduction="mean", validation=jfnn.Validation(validation, rank_by=metric)),
        **OPTIONS,
    )
    assert result.ranked_by == ("test_spread" if validation is None else "validation_spread")
    assert result.higher_is_better(result.ranked_by) == higher_is_better
    means = result.scores[result.ranked_by].mean(-1)[:, 0]
    assert (np.diff(means) > 0).all()
    assert result.best().index == (2 if higher_is_better else 0, 0)
    assert result.best().score == means[2 if higher_is_better else 0]


def test_a_member_whose_loss_is_not_finite_has_no_scores():
    """Its parameters are finite and it has not diverged; only rows of the test data overflow."""
    x_test = SPLIT.x_test.copy()
    x_test[0] = 1e30
    split = SPLIT._replace(y_train=SPLIT.x_train[:, :1], x_test=x_test, y_test=SPLIT.x_test[:, :1])
    constant = output_metric("constant", lambda targets, outputs: 1.0)
    learner = jfnn.supervised(jfnn.mlp((5, 1)), "quadratic", reduction="mean", metrics=["r2", constant])
    result = jfnn.sweep(learner, split, **OPTIONS)
    assert (result.diverged_at == -1).all()
    for name in ("loss", "r2", "constant"):
        assert np.isnan(result.scores[f"test_{name}"]).all(), name
        assert np.isfinite(result.scores[f"train_{name}"]).all(), name
