"""Metrics against scikit-learn's, on each part of the data; metrics of one's own that rank."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import noise_split
from sklearn import metrics as sklearn_metrics
from sklearn.model_selection import train_test_split

import jfnn
from jfnn.learners import METRICS, output_metric

pytestmark = pytest.mark.unoptimised

SPLIT = noise_split()
NET = jfnn.mlp((5, 6, 3))
OPTIONS = dict(learning_rate=[0.02, 0.5], seeds=2, epochs=3, batch_size=16)
HELD_OUT = 20
LEARNED, VALIDATION = (
    np.sort(rows) for rows in train_test_split(np.arange(70), test_size=HELD_OUT, random_state=0)
)


def parts(split, validates):
    """Name of a part -> its inputs and targets."""
    learned, held_out = (LEARNED, VALIDATION) if validates else (np.arange(70), [])
    rows = {"train": (split.x_train[learned], split.y_train[learned])}
    if validates:
        rows["validation"] = split.x_train[held_out], split.y_train[held_out]
    return rows | {"test": (split.x_test, split.y_test)}


def check_scores(result, split, metric, oracle):
    """Holds a score of every member on every part to ``oracle(params, x, y)``."""
    validates = result.ranked_by.startswith("validation")
    for part, (x, y) in parts(split, validates).items():
        for place in np.ndindex(result.diverged_at.shape):
            expected = oracle(result.member(*place), x, y)
            score = result.scores[f"{part}_{metric}"][place]
            np.testing.assert_allclose(score, expected, rtol=2e-5, atol=1e-6, err_msg=f"{part} {metric}")


def as_split(targets):
    """The noise with float targets made of its inputs."""
    return SPLIT._replace(y_train=targets(SPLIT.x_train), y_test=targets(SPLIT.x_test))


@pytest.mark.parametrize("validation", [None, HELD_OUT])
def test_accuracy_and_loss_are_scikit_learns(validation):
    result = jfnn.sweep(NET, SPLIT, validation=validation, **OPTIONS)
    assert result.metrics == {"loss": False, "accuracy": True}
    check_scores(
        *(result, SPLIT, "accuracy"),
        lambda params, x, y: sklearn_metrics.accuracy_score(y, jfnn.predict(NET, params, x)),
    )
    check_scores(
        *(result, SPLIT, "loss"),
        lambda params, x, y: sklearn_metrics.log_loss(
            y, np.asarray(jfnn.predict_proba(NET, params, x)), labels=range(3)
        ),
    )
    if validation is None:
        assert np.isnan(result.validation_accuracy).all()


def test_r2_of_targets_that_do_not_vary_is_no_number_and_no_warning():
    split = as_split(lambda x: np.ones((len(x), 1)))
    result = jfnn.sweep(jfnn.mlp((5, 1)), split, loss="quadratic", **OPTIONS | {"learning_rate": 1e-3})
    assert np.isfinite(result.test_loss).all()
    assert not np.isfinite(result.test_r2).any()


def test_one_output_has_the_accuracy_of_its_threshold():
    split = SPLIT._replace(y_train=SPLIT.y_train % 2, y_test=SPLIT.y_test % 2)
    for loss in ("sigmoid_cross_entropy", "quadratic"):
        net = jfnn.mlp((5, 1))
        result = jfnn.sweep(net, split, loss=loss, **OPTIONS | {"learning_rate": 1e-3})
        check_scores(
            *(result, split, "accuracy"),
            lambda params, x, y: sklearn_metrics.accuracy_score(
                y,
                jfnn.predict(net, params, x, loss, "classification"),  # noqa: B023
            ),
        )


def test_accuracy_of_numbers_is_refused():
    """A quadratic loss takes classes as well as numbers; targets other than 0 and 1 are no classes."""
    learner = jfnn.supervised(jfnn.mlp((5, 2)), "quadratic", metrics=["accuracy"])
    with pytest.raises(ValueError, match=r"^metrics: "):
        learner.bind(as_split(lambda x: x[:, :2]))
    learner.bind(as_split(lambda x: np.eye(2)[(x[:, 0] > 0).astype(int)]))


def worst_probability(targets, outputs):
    """The least probability that any row's own class has: higher is better."""
    exponentials = np.exp(outputs - outputs.max(1, keepdims=True))
    return (exponentials / exponentials.sum(1, keepdims=True))[targets > 0].min()


def largest_error(outputs, targets, axis=-1):
    return jnp.max(jnp.abs(outputs - targets), axis=axis)


def worst_row(values, data, rows):
    assert values.shape[1:] == (len(rows),)
    return values.max(axis=1).astype(np.float64)


@pytest.mark.parametrize(("gradient", "own_network"), [("backprop", False), ("autodiff", True)])
def test_a_metric_of_rows_with_a_reduction_of_ones_own_ranks_downwards(gradient, own_network):
    """In both forms: ``axis`` says where the outputs of a row are."""
    net = jfnn.Network(NET.init, NET.apply) if own_network else NET
    metric = jfnn.Metric("worst", False, largest_error, worst_row)
    learner = jfnn.supervised(net, "quadratic", reduction="mean", gradient=gradient, metrics=[metric])
    result = jfnn.sweep(learner, SPLIT, validation=jfnn.Validation(rank_by="worst"), **OPTIONS)
    assert result.metrics == {"loss": False, "worst": False}
    assert result.ranked_by == "test_worst"
    check_scores(
        *(result, SPLIT, "worst"),
        lambda params, x, y: np.abs(net.apply(params, x.astype(np.float32)) - np.eye(3)[y]).max(),
    )
    assert result.best().score == result.test_worst.mean(-1).min()
    # The same metric given where the network is: the learner is made for it.
    again = jfnn.sweep(
        *(net, SPLIT),
        **(dict(loss="quadratic", reduction="mean", gradient=gradient) | OPTIONS),
        validation=jfnn.Validation(rank_by=metric),
    )
    np.testing.assert_array_equal(again.test_worst, result.test_worst)
    assert again.metrics == {"loss": False, "accuracy": True, "worst": False}


def test_members_that_diverge_have_no_scores_of_any_metric():
    metrics = ["accuracy", output_metric("worst", worst_probability)]
    learner = jfnn.supervised(jfnn.mlp((5, 3)), metrics=metrics)
    result = jfnn.sweep(learner, SPLIT, **OPTIONS | {"learning_rate": [0.02, 1e38]})
    assert (result.diverged_at[1] >= 0).all()
    for name in ("loss", "accuracy", "worst"):
        assert np.isfinite(result.scores[f"test_{name}"][0]).all()
        assert np.isnan(result.scores[f"test_{name}"][1]).all()


def test_every_registered_metric_is_held_to_scikit_learn_here():
    assert {*METRICS} == {"loss", "accuracy", "r2"}
