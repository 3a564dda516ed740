"""Metrics against scikit-learn's on each part of the data and each fold; metrics of one's own that rank."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, noise_split
from sklearn import metrics as sklearn_metrics
from sklearn.model_selection import KFold, StratifiedKFold

import jfnn
from jfnn.core.engine.scoring import reduced
from jfnn.learners import metrics, output_metric
from jfnn.learners.data import Data

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


@pytest.mark.thorough
def test_r2_of_a_fold_has_the_variance_of_that_fold():
    """Rows are sorted by their targets, so that a fold varies far less than all rows."""
    order = np.argsort(SPLIT.x_train[:, 0])
    n_outputs = 2
    split = as_split(lambda x: x[:, :n_outputs])
    split = split._replace(x_train=split.x_train[order], y_train=split.y_train[order])
    net = jfnn.mlp((5, 6, n_outputs), "tanh")
    cuts = [*KFold(4).split(split.x_train)]
    by_mse = jfnn.Validation(rank_by="mse")
    result = jfnn.sweep(net, split, loss="quadratic", reduction="mean", folds=4, validation=by_mse, **OPTIONS)
    assert result.metrics == {"loss": False, "r2": True, "mse": False}
    assert result.best().score == result.validation_mse.mean(axis=(2, 3)).min()
    apply = compiled(net.apply)

    def error(params, x, y):
        return sklearn_metrics.mean_squared_error(y, apply(params, x.astype(np.float32)))

    def half_error(params, x, y):
        return n_outputs / 2 * error(params, x, y)

    def r2(params, x, y):
        outputs = np.asarray(apply(params, x.astype(np.float32)), np.float64)
        return sklearn_metrics.r2_score(y, outputs, multioutput="variance_weighted")

    check_scores(result, split, {"loss": half_error, "r2": r2, "mse": error}, cuts)
    of_all_rows = 1 - 2 * result.validation_loss / split.y_train.var(axis=0).sum()
    assert (of_all_rows - result.validation_r2).min() > 0.05  # the variance of all rows is another


def of_probabilities(function, net, loss):
    """An oracle of a function ``(targets, probabilities) -> score``."""
    probabilities = compiled(lambda params, x: jfnn.predict_proba(net, params, x, loss))
    return lambda params, x, y: function(
        y, np.asarray(probabilities(params, x.astype(np.float32)), np.float64)
    )


@pytest.mark.thorough
def test_metrics_of_classes_in_folds_are_scikit_learns_and_rank_by_name():
    cuts = [*StratifiedKFold(3).split(SPLIT.x_train, SPLIT.y_train)]
    learner = jfnn.supervised(NET, metrics=["accuracy", "f1", "balanced_accuracy", "log_loss"])
    result = jfnn.sweep(learner, SPLIT, folds=3, validation=jfnn.Validation(rank_by="auc"), **OPTIONS)
    assert list(result.metrics) == ["loss", "accuracy", "f1", "balanced_accuracy", "log_loss", "auc"]

    def decided(function, **options):
        return of_probabilities(lambda y, p: function(y, p.argmax(1), **options), NET, "cross_entropy")

    def auc(y, p):
        return sklearn_metrics.roc_auc_score(y, p / p.sum(1, keepdims=True), multi_class="ovr")

    def log_loss(y, p):
        return sklearn_metrics.log_loss(y, p / p.sum(1, keepdims=True), labels=range(3))

    oracles = {
        "accuracy": decided(sklearn_metrics.accuracy_score),
        "log_loss": of_probabilities(log_loss, NET, "cross_entropy"),
        "loss": of_probabilities(lambda y, p: -np.log(p[np.arange(len(y)), y]).mean(), NET, "cross_entropy"),
        "f1": decided(sklearn_metrics.f1_score, average="macro"),
        "balanced_accuracy": decided(sklearn_metrics.balanced_accuracy_score),
        "auc": of_probabilities(auc, NET, "cross_entropy"),
    }
    check_scores(result, SPLIT, oracles, cuts)
    assert (result.ranked_by, result.ranking_metric) == ("validation_auc", "auc")
    means = result.validation_auc.mean(axis=(2, 3))
    assert result.best().index == np.unravel_index(means.argmax(), means.shape)


def multilabel(classes=4, seed=0):
    """The noise with several labels a row, 0 or 1 each."""
    weights = np.random.default_rng(seed).normal(size=(5, classes))
    return as_split(lambda x: (x @ weights > 0.4).astype(float))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "loss", ["sigmoid_cross_entropy", pytest.param("quadratic", marks=pytest.mark.thorough)]
)
def test_labels_of_several_outputs_have_scikit_learns_scores(loss):
    """One minus the Hamming loss, the accuracy of whole rows, and means over outputs."""
    split = multilabel()
    net = jfnn.mlp((5, 6, 4), "tanh", init="glorot_normal")
    names = ["accuracy", "exact_match", "f1", "balanced_accuracy", "auc"]
    learner = jfnn.supervised(net, loss, reduction="mean", metrics=names)
    result = jfnn.sweep(learner, split, validation=jfnn.Validation(rank_by="exact_match"), **OPTIONS)
    outputs = compiled(lambda params, x: net.apply(params, x))

    def oracle(function):
        def score(params, x, y):
            a = np.asarray(outputs(params, x.astype(np.float32)), np.float64)
            return function(
                y.astype(int), a, (a > (0 if loss == "sigmoid_cross_entropy" else 0.5)).astype(int)
            )

        return score

    oracles = {
        "accuracy": lambda y, a, labels: 1 - sklearn_metrics.hamming_loss(y, labels),
        "exact_match": lambda y, a, labels: sklearn_metrics.accuracy_score(y, labels),
        "f1": lambda y, a, labels: sklearn_metrics.f1_score(y, labels, average="macro", zero_division=0),
        "balanced_accuracy": lambda y, a, labels: np.mean(
            [sklearn_metrics.balanced_accuracy_score(*pair) for pair in zip(y.T, labels.T, strict=True)]
        ),
        "auc": lambda y, a, labels: sklearn_metrics.roc_auc_score(y, a, average="macro"),
    }
    check_scores(result, split, {name: oracle(function) for name, function in oracles.items()})
    assert result.ranked_by == "test_exact_match"
    if loss == "sigmoid_cross_entropy":
        of_scores = jfnn.sweep(jfnn.supervised(net, loss, metrics=["log_loss"]), split, **OPTIONS)

        def log_loss(params, x, y):
            p = 1 / (1 + np.exp(-np.asarray(outputs(params, x.astype(np.float32)), np.float64)))
            return np.mean([sklearn_metrics.log_loss(*pair) for pair in zip(y.T, p.T, strict=True)])

        check_scores(of_scores, split, {"log_loss": log_loss})
        inferred = jfnn.supervised(net, loss).bind(split)[0]
        assert [metric.name for metric in inferred.metrics] == ["loss", "accuracy", "exact_match"]
        assert inferred.ranked_by == "accuracy"


@pytest.mark.thorough
def test_what_a_metric_counts_is_scikit_learns_also_where_a_class_is_absent_or_numbers_are_tied():
    """Members at once, beside a call for each."""
    rng = np.random.default_rng(3)
    targets = rng.integers(0, 3, 40)
    predicted = rng.integers(0, 5, (9, 40))
    predicted[:3] = predicted[:3] % 3
    values = rng.integers(0, 4, (9, 40, 3)) / 4  # many ties
    data = Data((None, np.eye(5)[targets]), 40)
    rows = np.arange(40)
    f1 = [sklearn_metrics.f1_score(targets, one, average="macro", zero_division=0) for one in predicted]
    np.testing.assert_allclose(metrics.f1_of_labels(predicted, data, rows), f1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of labels that no row has
        balanced = [sklearn_metrics.balanced_accuracy_score(targets, one) for one in predicted]
    np.testing.assert_allclose(metrics.balanced_accuracy_of_labels(predicted, data, rows), balanced)
    three = data._replace(rows=(None, np.eye(3)[targets]))
    expected = [
        np.mean([sklearn_metrics.roc_auc_score(targets == label, one[:, label]) for label in range(3)])
        for one in values
    ]
    np.testing.assert_allclose(metrics.auc_of_classes(values, three, rows), expected)
    binary = data._replace(rows=(None, (targets == 1).astype(float)[:, None]))
    of_one = [sklearn_metrics.f1_score(targets == 1, one) for one in predicted % 2]
    np.testing.assert_allclose(metrics.f1_of_labels(predicted % 2, binary, rows), of_one)
    assert np.isnan(
        metrics.auc_of_classes(values, data._replace(rows=(None, np.eye(3)[targets * 0])), rows)
    ).all()
    assert metrics.f1_of_labels(predicted * 0, binary, rows).tolist() == [0] * 9


def test_a_ranking_metric_that_no_network_can_have_is_refused():
    options = OPTIONS | {"learning_rate": 0.01}
    sorted_rows = np.argsort(SPLIT.y_train)
    by_class = SPLIT._replace(x_train=SPLIT.x_train[sorted_rows], y_train=SPLIT.y_train[sorted_rows])
    folds = [(np.arange(20, 70), np.arange(20))]  # rows of a class or two
    numbers = as_split(lambda x: x[:, :3])
    for split, loss, name, changes in (
        (by_class, "cross_entropy", "auc", {"folds": folds}),
        (SPLIT, "cross_entropy", "r2", {}),
        (SPLIT, "cross_entropy", "acu", {}),
        (numbers, "quadratic", "auc", {}),
        (numbers, "huber", "f1", {}),
        (numbers, "quadratic", "log_loss", {}),
        (SPLIT, "cross_entropy", "mse", {}),
    ):
        with pytest.raises(ValueError, match=r"^rank_by: "):
            jfnn.sweep(NET, split, loss=loss, validation=jfnn.Validation(rank_by=name), **options | changes)


def macro_f1(targets, outputs):
    return sklearn_metrics.f1_score(targets.argmax(1), outputs.argmax(1), average="macro", zero_division=0)


def test_metrics_that_a_loss_does_not_have_are_refused_and_other_names_are_understood():
    for loss, name, meant in (
        ("quadratic", "log_loss", "probabilities"),
        ("cross_entropy", "mse", "numbers"),
        ("quadratic", "mean_squared_error", "'mse'"),
        ("quadratic", "rmse", "'mse'"),
        ("cross_entropy", "neg_log_loss", "'log_loss'"),
        ("cross_entropy", "roc_auc", "'auc'"),
    ):
        with pytest.raises(ValueError, match=rf"^metrics: .*{meant}"):
            jfnn.supervised(NET, loss, metrics=[name])
    with pytest.raises(ValueError, match="'quadratic'"):
        jfnn.supervised(NET, "mean_squared_error")


OWN = jfnn.losses.LOSSES["sigmoid_cross_entropy"]._replace(probabilities=lambda z, axis=-1: jax.nn.sigmoid(z))


SURE = [
    *[(1, "sigmoid_cross_entropy"), (3, "sigmoid_cross_entropy"), (1, OWN), (3, OWN)],
    *[(3, "cross_entropy"), (2, "softmax_binary_cross_entropy")],
]


@pytest.mark.thorough
@pytest.mark.parametrize(("outputs", "loss"), SURE)
def test_the_log_loss_is_that_of_the_probabilities_however_sure(outputs, loss):
    """Of logits up to ±17, also of outputs that exclude each other without a softmax."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % max(outputs, 2)
    logits = np.asarray(rng.uniform(-17, 17, (60, outputs)), np.float32)
    loss = jfnn.losses.get(loss)
    targets = np.eye(outputs)[labels] if outputs > 1 else labels[:, None]
    found = metrics.log_loss_metric(loss).of_rows(logits, jnp.asarray(targets, jnp.float32))
    z = logits.astype(np.float64)
    p = np.exp(z - z.max(1, keepdims=True)) if loss.excludes else 1 / (1 + np.exp(-z))
    if loss == OWN and outputs == 1:
        p = p.clip(2**-23, 1 - 2**-23)
    p = p / p.sum(1, keepdims=True) if outputs > 1 else np.hstack([1 - p, p])
    expected = -np.log(p[np.arange(60), labels])
    np.testing.assert_allclose(found, expected, rtol=2e-2 if loss == OWN else 1e-5, atol=1e-6)
    assert np.isfinite(
        metrics.log_loss_metric(loss).of_rows(-1e4 * jnp.ones((1, outputs)), targets[-1:])
    ).all()
    np.testing.assert_allclose(
        expected.mean(), sklearn_metrics.log_loss(labels, p, labels=range(max(outputs, 2))), rtol=1e-6
    )


@pytest.mark.thorough
def test_a_metric_of_ones_own_of_all_outputs_is_that_by_name():
    own = output_metric("own", macro_f1)
    learner = jfnn.supervised(NET, metrics=["f1", own])
    result = jfnn.sweep(learner, SPLIT, folds=3, **OPTIONS)
    for part in ("train", "validation", "test"):
        np.testing.assert_allclose(result.scores[f"{part}_own"], result.scores[f"{part}_f1"])


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


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("gradient", "own_network"),
    [("backprop", False), ("autodiff", True)],
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


@pytest.mark.thorough
@pytest.mark.parametrize(("higher_is_better", "validation"), [(True, 20), (False, None)])
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


@pytest.mark.thorough
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
