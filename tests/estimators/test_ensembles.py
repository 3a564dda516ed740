"""Greedy ensemble selection against every subset tried by hand, and what sweeps and searches make of it."""

import dataclasses
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import check_cv
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jfnn
from jfnn import estimators
from jfnn.estimators.ensemble import select

pytestmark = pytest.mark.unoptimised

X, Y = (array[:150] for array in load_digits(n_class=3, return_X_y=True))


def scores_of(mean, targets, metric):
    """A prediction's score, and what breaks ties."""
    log_loss = -np.mean(np.log([row[t.argmax()] for row, t in zip(mean, targets, strict=True)]))
    if metric == "accuracy":
        return np.mean(mean.argmax(axis=1) == targets.argmax(axis=1)), -log_loss
    return (-log_loss if metric == "log_loss" else -np.mean((mean - targets) ** 2)), 0.0


def greedy(predictions, targets, metric, rounds):
    """The best round's members by a loop over everything, and its score."""
    chosen = []
    best = (-np.inf, 0.0, [])
    for _ in range(rounds):
        options = []
        for member in range(len(predictions)):
            mean = np.mean([predictions[m] for m in [*chosen, member]], axis=0)
            options.append((*scores_of(mean, targets, metric), -member))
        chosen.append(-max(options)[2])
        if max(options)[:2] > best[:2]:
            best = (*max(options)[:2], list(chosen))
    return best


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "squared_error"])
@pytest.mark.parametrize("seed", range(2))
def test_greedy_selection_is_that_of_a_loop(seed, metric):
    rng = np.random.default_rng(seed)
    targets = np.eye(3)[rng.integers(0, 3, 40)]
    predictions = rng.dirichlet(np.ones(3), (7, 40)) + 0.3 * targets
    predictions /= predictions.sum(axis=-1, keepdims=True)
    selection = select(predictions, targets, metric, rounds=6)
    score, _, chosen = greedy(predictions, targets, metric, 6)
    np.testing.assert_array_equal(selection.counts, np.bincount(chosen, minlength=7))
    assert selection.score == pytest.approx(score) and selection.score >= selection.best_score


NETWORK = jfnn.mlp((64, 8, 3), activation="relu", init="he_uniform")
SPLIT = jfnn.Split(X[:100], Y[:100], X[100:], Y[100:])


def assert_ensemble_of(result):
    """It is the weighted mean of members of a sweep, and its scores are of the test rows."""
    ensemble = jfnn.Ensemble.of_sweep(NETWORK, result, X[100:], Y[100:])
    by_hand = sum(
        weight * np.asarray(jfnn.predict_proba(NETWORK, result.member(*index), X))
        for weight, index in zip(ensemble.weights, ensemble.indices, strict=True)
    )
    np.testing.assert_allclose(ensemble.predict_proba(X), by_hand, atol=1e-6)
    assert ensemble.weights.sum() == pytest.approx(1)
    right = np.mean(ensemble.predict(X[100:]) == Y[100:])
    assert ensemble.score == pytest.approx(right)
    assert ensemble.best_score == pytest.approx(np.nanmax(result.test_accuracy))


def test_an_ensemble_of_a_sweep_is_the_weighted_mean_of_its_members():
    grid = {"learning_rate": [1e-4, 1e-3, 1e30], "l2": [0.1, 1.0]}
    result = jfnn.sweep(NETWORK, SPLIT, **grid, seeds=2, epochs=3)
    assert (result.diverged_at >= 0).any()
    assert_ensemble_of(result)
    with pytest.raises(ValueError, match="every member diverged"):
        diverged = dataclasses.replace(result, diverged_at=np.zeros_like(result.diverged_at))
        jfnn.Ensemble.of_sweep(NETWORK, diverged, X[100:], Y[100:])


@pytest.mark.thorough
def test_ensembles_are_of_all_that_one_network_was_trained_to():
    options = {"learning_rate": [1e-4, 1e-3], "epochs": 3}
    assert_ensemble_of(jfnn.sweep(NETWORK, SPLIT, batch_size=[20, 50], **options))
    assert_ensemble_of(jfnn.sweep({"8": NETWORK}, SPLIT, **options))
    kept = {"eval_every": 1, "keep_params": "evaluations"}
    several = jfnn.sweep({"8": NETWORK, "4": jfnn.mlp((64, 4, 3))}, SPLIT, **options)
    at_evaluations = jfnn.sweep(NETWORK, SPLIT, execution=jfnn.Execution(**kept), **options)
    for result, reason in ((several, "one network, got 2"), (at_evaluations, "keep_params='all'")):
        with pytest.raises(ValueError, match=f"^result: .*{reason}"):
            jfnn.Ensemble.of_sweep(NETWORK, result, X[100:], Y[100:])


@pytest.mark.thorough
def test_the_ensemble_of_a_single_network_is_that_network():
    test = (X[100:], Y[100:])
    assert_ensemble_of(jfnn.train(NETWORK, X[:100], Y[:100], test=test, learning_rate=1e-3, epochs=3))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_ensemble_of_a_search_scores_rows_that_its_folds_held_out():
    perceptron = estimators.MLPClassifier((8,), max_iter=8, random_state=0, engine="jfnn")
    pipeline = make_pipeline(StandardScaler(), perceptron)
    grid = {"mlpclassifier__learning_rate_init": [1e-4, 3e-3], "mlpclassifier__solver": ["sgd"]}
    search = estimators.GridSearchCV(pipeline, grid, cv=3).fit(X, Y)
    ensemble = search.ensemble_
    rights = []
    for number, (_, rows) in enumerate(check_cv(3, Y, classifier=True).split(X, Y)):
        mean = sum(
            weight * folds[number].predict_proba(X[rows])
            for weight, folds in zip(ensemble.weights, ensemble.members, strict=True)
        )
        rights += (mean.argmax(axis=1) == Y[rows]).tolist()
    assert ensemble.score == pytest.approx(np.mean(rights))
    assert ensemble.best_score == pytest.approx(search.best_score_)
    copy = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(copy.ensemble_.predict(X), ensemble.predict(X))
    assert not hasattr(pickle.loads(pickle.dumps(search.fit(X, Y))), "ensemble_")


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_ensembles_for_numbers_score_by_the_squared_error():
    targets = X[:, 20:22]
    split = jfnn.Split(X[:100], targets[:100], X[100:], targets[100:])
    network = jfnn.mlp((64, 8, 2), activation="relu", init="he_uniform")
    result = jfnn.sweep(network, split, learning_rate=[1e-6, 1e-5], loss="quadratic", epochs=2)
    ensemble = jfnn.Ensemble.of_sweep(network, result, X[100:], targets[100:], loss="quadratic")
    assert ensemble.score == pytest.approx(-np.mean((ensemble.predict(X[100:]) - targets[100:]) ** 2))
    perceptron = estimators.MLPRegressor(hidden_layer_sizes=(8,), max_iter=4, random_state=0, engine="jfnn")
    search = estimators.GridSearchCV(perceptron, {"alpha": [0.1, 1.0]}, cv=2).fit(X, targets[:, 0])
    errors = []
    for fold, (_, rows) in enumerate(check_cv(2).split(X)):
        mean = sum(
            weight * folds[fold].predict(X[rows])
            for weight, folds in zip(search.ensemble_.weights, search.ensemble_.members, strict=True)
        )
        errors += ((mean - targets[rows, 0]) ** 2).tolist()
    assert search.ensemble_.score == pytest.approx(-np.mean(errors))
    assert search.ensemble_.predict(X).shape == (150,)
