"""Metrics compared with scikit-learn's; custom metrics that rank."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise_split
from scipy.special import expit, softmax
from sklearn import metrics as sklearn_metrics

import jfnn
from jfnn.core.engine.scoring import reduce_rows
from jfnn.learners import metrics, output_metric
from jfnn.learners.data import Data

pytestmark = pytest.mark.unoptimized

SPLIT = noise_split()
NET = jfnn.mlp((5, 6, 3))
OPTIONS = dict(learning_rate=[0.002, 0.02, 0.2], seeds=2, epochs=3, batch_size=16)


def as_split(targets):
    return SPLIT._replace(y_train=targets(SPLIT.x_train), y_test=targets(SPLIT.x_test))


def check_scores(result, split, name, oracle):
    """Compare a metric of every member with ``oracle(params, x, y)``."""
    parts = {"train": (split.x_train, split.y_train), "test": (split.x_test, split.y_test)}
    for index in np.ndindex(result.diverged_at.shape):
        for part, (x, y) in parts.items():
            expected = oracle(result.member(*index), x, y)
            np.testing.assert_allclose(result.scores[f"{part}_{name}"][index], expected, rtol=2e-5, atol=1e-5)


def reduced_by(names, loss, outputs, targets, each=False, rows=slice(None)):
    """Return name -> the metric of each member's outputs ``[members, n, k]`` on some rows."""
    data = Data((None, targets), len(targets))
    rows = np.arange(len(targets))[rows]
    named = metrics.named_metrics(names, jfnn.losses.get(loss), each)
    values = {metric: [metric.of_rows(one[rows], targets[rows]) for one in outputs] for metric in named}
    return {metric.name: metric.reduce(np.stack(values[metric]), data, rows) for metric in named}


def test_r2_and_mse_of_a_part_equal_scikit_learns():
    """Rows are sorted by target, so that the part varies less than all rows."""
    rng = np.random.default_rng(3)
    targets = np.sort(rng.normal(size=(40, 2)), axis=0)
    outputs = rng.normal(size=(3, 40, 2)).astype(np.float32)
    found = reduced_by(["r2", "mse"], "quadratic", outputs, targets, rows=slice(15))
    for member, one in enumerate(outputs[:, :15]):
        r2 = sklearn_metrics.r2_score(targets[:15], one, multioutput="variance_weighted")
        assert found["r2"][member] == pytest.approx(r2, rel=1e-5)
        mse = sklearn_metrics.mean_squared_error(targets[:15], one)
        assert found["mse"][member] == pytest.approx(mse, rel=1e-5)


def test_classification_metrics_equal_scikit_learns():
    rng = np.random.default_rng(1)
    outputs = rng.normal(size=(5, 40, 3)).astype(np.float32)
    labels = rng.integers(0, 3, 40)
    found = reduced_by(["auc", "f1", "log_loss"], "cross_entropy", outputs, np.eye(3)[labels])
    for member, one in enumerate(outputs):
        p = softmax(one.astype(np.float64), axis=1)
        auc = sklearn_metrics.roc_auc_score(labels, p, multi_class="ovr")
        f1 = sklearn_metrics.f1_score(labels, p.argmax(axis=1), average="macro")
        expected = {"auc": auc, "f1": f1, "log_loss": sklearn_metrics.log_loss(labels, p)}
        for name, value in expected.items():
            assert found[name][member] == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("loss", ["sigmoid_cross_entropy", "quadratic"])
def test_multi_output_labels_have_scikit_learns_scores(loss):
    """One minus the Hamming loss, the accuracy of whole rows, and means over outputs."""
    rng = np.random.default_rng(2)
    outputs = rng.normal(0.2, 1, size=(5, 40, 4)).astype(np.float32)
    y = rng.integers(0, 2, (40, 4))
    names = ["accuracy", "exact_match", "f1", "balanced_accuracy", "auc"]
    names += ["log_loss"] if loss == "sigmoid_cross_entropy" else []
    found = reduced_by(names, loss, outputs, y.astype(float), each=True)
    for member, one in enumerate(outputs):
        labels = (one > (0 if loss == "sigmoid_cross_entropy" else 0.5)).astype(int)
        columns = [*zip(y.T, labels.T, expit(one.astype(np.float64)).T, strict=True)]
        expected = {
            "accuracy": 1 - sklearn_metrics.hamming_loss(y, labels),
            "exact_match": sklearn_metrics.accuracy_score(y, labels),
            "f1": sklearn_metrics.f1_score(y, labels, average="macro"),
            "balanced_accuracy": np.mean([sklearn_metrics.balanced_accuracy_score(*c[:2]) for c in columns]),
            "auc": sklearn_metrics.roc_auc_score(y, one, average="macro"),
            "log_loss": np.mean([sklearn_metrics.log_loss(c[0], c[2]) for c in columns]),
        }
        for name in names:
            assert np.mean(found[name][member]) == pytest.approx(expected[name], rel=1e-5), name


@pytest.mark.thorough
def test_metrics_equal_scikit_learns_even_with_absent_classes_and_ties():
    """Compute all members at once, and compare with one call for each."""
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
        warnings.simplefilter("ignore")  # about labels that no row has
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


def test_ranking_metric_undefined_for_every_network_is_refused():
    options = OPTIONS | {"learning_rate": 0.01}
    sorted_rows = np.argsort(SPLIT.y_train)
    by_class = SPLIT._replace(x_train=SPLIT.x_train[sorted_rows], y_train=SPLIT.y_train[sorted_rows])
    folds = [(np.arange(20, 70), np.arange(20))]  # rows of one class or two
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


def test_metrics_unsupported_by_a_loss_are_refused_and_aliases_accepted():
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
def test_log_loss_follows_from_the_probabilities_even_near_certainty(outputs, loss):
    """For logits up to ±17, and for mutually exclusive outputs without a softmax."""
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
def test_accuracy_of_one_output_follows_from_its_threshold():
    split = SPLIT._replace(y_train=SPLIT.y_train % 2, y_test=SPLIT.y_test % 2)
    net = jfnn.mlp((5, 1))
    for loss in ("sigmoid_cross_entropy", "quadratic"):
        result = jfnn.sweep(net, split, loss=loss, **OPTIONS | {"learning_rate": 1e-3})

        def accuracy(params, x, y, loss=loss):
            return np.mean(np.asarray(jfnn.predict(net, params, x, loss, "classification")) == y)

        check_scores(result, split, "accuracy", accuracy)


def test_r2_of_constant_targets_is_not_finite_and_does_not_warn():
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
def test_reduction_must_return_one_number_per_member(what):
    metric = jfnn.Metric("worst", False, largest_error, REDUCED[what])
    with pytest.raises(ValueError, match=r"^metrics: worst: expected "):
        reduce_rows(metric, np.ones((2, 5), np.float32), None, np.arange(5))


def worst_row(values, data, rows):
    assert values.shape[1:] == (len(rows),)
    return values.max(axis=1).astype(np.float64)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("gradient", "own_network"),
    [("backprop", False), ("autodiff", True)],
)
def test_metric_with_a_custom_reduction_ranks_in_descending_order(gradient, own_network):
    """In both layouts: ``axis`` is the axis of a row's outputs."""
    net = jfnn.Network(NET.init, NET.apply) if own_network else NET
    metric = jfnn.Metric("worst", False, largest_error, worst_row)
    learner = jfnn.supervised(net, "quadratic", reduction="mean", gradient=gradient, metrics=[metric])
    result = jfnn.sweep(learner, SPLIT, validation=jfnn.Validation(rank_by="worst"), **OPTIONS)
    assert (result.metrics, result.ranked_by) == ({"loss": False, "worst": False}, "test_worst")

    def worst(params, x, y):
        return np.abs(net.apply(params, x.astype(np.float32)) - np.eye(3)[y]).max()

    check_scores(result, SPLIT, "worst", worst)
    assert result.best().score == result.test_worst.mean(-1).min()
    # The same metric passed with the network, for which the learner is then made.
    options = dict(loss="quadratic", reduction="mean", gradient=gradient) | OPTIONS
    again = jfnn.sweep(net, SPLIT, validation=jfnn.Validation(rank_by=metric), **options)
    np.testing.assert_array_equal(again.test_worst, result.test_worst)
    assert again.metrics == {"loss": False, "accuracy": True, "worst": False}


@pytest.mark.thorough
def test_members_without_a_finite_loss_have_no_scores_of_any_metric():
    """The parameters of one cell diverge; in the others, only test rows overflow."""
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


def test_overflowing_mean_over_rows_is_infinite_without_a_warning():
    assert np.isinf(jfnn.Metric("loss").reduce(np.full((1, 2), 1.5e308), None, None))
