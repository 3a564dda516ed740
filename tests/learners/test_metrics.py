"""Metrics against scikit-learn's on each part of the data and each fold; metrics of one's own that rank."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, noise_split, representatives
from sklearn import metrics as sklearn_metrics
from sklearn.model_selection import KFold, StratifiedKFold

import jfnn
from jfnn.engine.scoring import reduced
from jfnn.learners import output_metric

pytestmark = pytest.mark.unoptimised

SPLIT = noise_split()
NET = jfnn.mlp((5, 6, 3))
OPTIONS = dict(learning_rate=[0.002, 0.02, 0.2], seeds=2, epochs=3, batch_size=16)


def as_split(targets):
    """The noise with float targets made of its inputs."""
    return SPLIT._replace(y_train=targets(SPLIT.x_train), y_test=targets(SPLIT.x_test))


def each_member(result, split, cuts):
    """``(index, part, inputs, targets)`` of every member and part of the data, folds last in an index."""
    for index in np.ndindex(result.diverged_at.shape):
        learned, held_out = cuts[index[-1]] if result.folds else (np.arange(70), [])
        yield index, "train", split.x_train[learned], split.y_train[learned]
        if result.folds:
            yield index, "validation", split.x_train[held_out], split.y_train[held_out]
        yield index, "test", split.x_test, split.y_test


def check_scores(result, split, oracles, cuts=()):
    """Holds each metric, for every member and part, to its oracle ``(params, x, y) -> score``."""
    for index, part, x, y in each_member(result, split, cuts):
        for name, oracle in oracles.items():
            expected = oracle(result.member(*index), x, y)
            found = result.scores[f"{part}_{name}"][index]
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5, err_msg=f"{part} {name}")


def test_r2_of_a_fold_has_the_variance_of_that_fold():
    """Rows are sorted by their targets, so that a fold varies far less than all rows."""
    order = np.argsort(SPLIT.x_train[:, 0])
    n_outputs = 2
    split = as_split(lambda x: x[:, :n_outputs])
    split = split._replace(x_train=split.x_train[order], y_train=split.y_train[order])
    net = jfnn.mlp((5, 6, n_outputs), "tanh")
    cuts = [*KFold(4).split(split.x_train)]
    result = jfnn.sweep(net, split, loss="quadratic", reduction="mean", folds=4, **OPTIONS)
    assert result.metrics == {"loss": False, "r2": True}
    apply = compiled(net.apply)

    def half_error(params, x, y):
        return n_outputs / 2 * sklearn_metrics.mean_squared_error(y, apply(params, x.astype(np.float32)))

    def r2(params, x, y):
        outputs = np.asarray(apply(params, x.astype(np.float32)), np.float64)
        return sklearn_metrics.r2_score(y, outputs, multioutput="variance_weighted")

    check_scores(result, split, {"loss": half_error, "r2": r2}, cuts)
    of_all_rows = 1 - 2 * result.validation_loss / split.y_train.var(axis=0).sum()
    assert (of_all_rows - result.validation_r2).min() > 0.05  # the variance of all rows is another


def macro_f1(targets, outputs):
    return sklearn_metrics.f1_score(targets.argmax(1), outputs.argmax(1), average="macro", zero_division=0)


@pytest.mark.thorough
def test_classes_and_all_outputs_of_a_fold_are_scikit_learns_and_rank():
    f1 = output_metric("f1", macro_f1)
    cuts = [*StratifiedKFold(3).split(SPLIT.x_train, SPLIT.y_train)]
    result = jfnn.sweep(NET, SPLIT, folds=3, validation=jfnn.Validation(rank_by=f1), **OPTIONS)
    assert result.metrics == {"loss": False, "accuracy": True, "f1": True}
    labels = compiled(lambda params, x: jfnn.predict(NET, params, x))
    probabilities = compiled(lambda params, x: jfnn.predict_proba(NET, params, x))

    def log_loss(params, x, y):
        p = np.asarray(probabilities(params, x), np.float64)
        return sklearn_metrics.log_loss(y, p / p.sum(1, keepdims=True), labels=range(3))

    oracles = {
        "accuracy": lambda params, x, y: sklearn_metrics.accuracy_score(y, labels(params, x)),
        "loss": log_loss,
        "f1": lambda params, x, y: sklearn_metrics.f1_score(
            y, labels(params, x), average="macro", zero_division=0
        ),
    }
    check_scores(result, SPLIT, oracles, cuts)
    assert (result.ranked_by, result.ranking_metric) == ("validation_f1", "f1")
    means = result.validation_f1.mean(axis=(2, 3))
    assert result.best().index == np.unravel_index(means.argmax(), means.shape)


@pytest.mark.thorough
def test_one_output_has_the_accuracy_of_its_threshold():
    split = SPLIT._replace(y_train=SPLIT.y_train % 2, y_test=SPLIT.y_test % 2)
    net = jfnn.mlp((5, 1))
    for loss in ("sigmoid_cross_entropy", "quadratic"):
        result = jfnn.sweep(net, split, loss=loss, **OPTIONS | {"learning_rate": 1e-3})

        def accuracy(params, x, y, loss=loss):
            return np.mean(np.asarray(jfnn.predict(net, params, x, loss, "classification")) == y)

        check_scores(result, split, {"accuracy": accuracy})


def test_r2_of_targets_that_do_not_vary_is_not_finite_and_warns_of_nothing():
    split = as_split(lambda x: np.ones((len(x), 1)))
    result = jfnn.sweep(jfnn.mlp((5, 1)), split, loss="quadratic", **OPTIONS | {"learning_rate": 1e-3})
    assert np.isfinite(result.test_loss).all()
    assert not np.isfinite(result.test_r2).any()


def test_accuracy_of_targets_other_than_0_and_1_raises_an_error():
    learner = jfnn.supervised(jfnn.mlp((5, 2)), "quadratic", metrics=["accuracy"])
    with pytest.raises(ValueError, match=r"^metrics: "):
        learner.bind(as_split(lambda x: x[:, :2]))
    learner.bind(as_split(lambda x: np.eye(2)[(x[:, 0] > 0).astype(int)]))


def largest_error(outputs, targets, axis=-1):
    return jnp.max(jnp.abs(outputs - targets), axis=axis)


REDUCED = {
    "one number of all members": lambda values, data, rows: values.mean(),
    "one number of each row": lambda values, data, rows: values,
    "no numbers": lambda values, data, rows: ["a"] * len(values),
    "nothing": lambda values, data, rows: None,
}


@pytest.mark.parametrize("what", REDUCED)
def test_a_reduction_to_other_than_a_number_of_each_member_raises_an_error(what):
    metric = jfnn.Metric("worst", False, largest_error, REDUCED[what])
    with pytest.raises(ValueError, match=r"^metrics: worst: expected "):
        reduced(metric, np.ones((2, 5), np.float32), None, np.arange(5))


@pytest.mark.thorough
def test_an_invalid_reduction_ends_a_sweep():
    metric = jfnn.Metric("worst", False, largest_error, REDUCED["one number of all members"])
    learner = jfnn.supervised(NET, "quadratic", metrics=[metric])
    with pytest.raises(ValueError, match=r"^metrics: worst: expected \[.\] .*got shape \[\]$"):
        jfnn.sweep(learner, SPLIT, **OPTIONS)


def worst_row(values, data, rows):
    assert values.shape[1:] == (len(rows),)
    return values.max(axis=1).astype(np.float64)


@pytest.mark.parametrize(
    ("gradient", "own_network"),
    representatives([("backprop", False), ("autodiff", True)], ("backprop", False)),
)
def test_a_metric_of_rows_with_a_reduction_of_ones_own_ranks_downwards(gradient, own_network):
    """In both forms: ``axis`` says where the outputs of a row are."""
    net = jfnn.Network(NET.init, NET.apply) if own_network else NET
    metric = jfnn.Metric("worst", False, largest_error, worst_row)
    learner = jfnn.supervised(net, "quadratic", reduction="mean", gradient=gradient, metrics=[metric])
    result = jfnn.sweep(learner, SPLIT, validation=jfnn.Validation(rank_by="worst"), **OPTIONS)
    assert (result.metrics, result.ranked_by) == ({"loss": False, "worst": False}, "test_worst")

    def worst(params, x, y):
        return np.abs(net.apply(params, x.astype(np.float32)) - np.eye(3)[y]).max()

    check_scores(result, SPLIT, {"worst": worst})
    assert result.best().score == result.test_worst.mean(-1).min()
    # The same metric given where the network is: the learner is made for it.
    options = dict(loss="quadratic", reduction="mean", gradient=gradient) | OPTIONS
    again = jfnn.sweep(net, SPLIT, validation=jfnn.Validation(rank_by=metric), **options)
    np.testing.assert_array_equal(again.test_worst, result.test_worst)
    assert again.metrics == {"loss": False, "accuracy": True, "worst": False}


@pytest.mark.parametrize(
    ("higher_is_better", "validation"), representatives([(True, 20), (False, None)], (True, 20))
)
def test_a_metric_ranks_in_its_direction(higher_is_better, validation):
    """The spread of outputs grows with the learning rate: the best is the last cell, or the first."""
    metric = output_metric("spread", lambda targets, outputs: outputs.std(), higher_is_better)
    split = as_split(lambda x: 100 * x[:, :1])
    ranked = jfnn.Validation(validation, rank_by=metric)
    options = dict(loss="quadratic", reduction="mean", validation=ranked) | OPTIONS
    result = jfnn.sweep(jfnn.mlp((5, 1)), split, **options)
    assert result.ranked_by == ("test_spread" if validation is None else "validation_spread")
    means = result.scores[result.ranked_by].mean(-1)[:, 0]
    assert (np.diff(means) > 0).all()
    index = 2 if higher_is_better else 0
    assert (result.best().index, result.best().score) == ((index, 0), means[index])


def test_members_without_a_finite_loss_have_no_scores_of_any_metric():
    """Of one cell the parameters diverge; of the others only test rows overflow."""
    x_test = SPLIT.x_test.copy()
    x_test[0] = 1e30
    split = as_split(lambda x: x[:, :1])._replace(x_test=x_test)
    constant = output_metric("constant", lambda targets, outputs: 1.0)
    learner = jfnn.supervised(jfnn.mlp((5, 1)), "quadratic", reduction="mean", metrics=["r2", constant])
    result = jfnn.sweep(learner, split, **OPTIONS | {"learning_rate": [0.002, 1e38]})
    np.testing.assert_array_equal(result.diverged_at[:, 0] >= 0, [[False] * 2, [True] * 2])
    for name in ("loss", "r2", "constant"):
        assert np.isnan(result.scores[f"test_{name}"]).all(), name
        assert np.isfinite(result.scores[f"train_{name}"][0]).all(), name
        assert np.isnan(result.scores[f"train_{name}"][1]).all(), name


def test_a_mean_over_rows_near_the_largest_number_is_infinite_without_a_warning():
    assert np.isinf(jfnn.Metric("loss").reduce(np.full((1, 2), 1.5e308), None, None))
