"""The restricted Boltzmann machine beside scikit-learn's: the same functions, and as good a fit."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits

from jfnn import estimators

X = (load_digits().data[:200] > 7).astype(float)
OPTIONS = {"n_components": 12, "n_iter": 30, "random_state": 0}


@pytest.fixture(scope="module")
def both():
    """Ours and scikit-learn's, with the same parameters."""
    rng = np.random.default_rng(0)
    estimators_ = [module.BernoulliRBM(**OPTIONS) for module in (estimators, neural_network)]
    parameters = {"components_": (12, 64), "intercept_hidden_": 12, "intercept_visible_": 64}
    for name, shape in parameters.items():
        values = 0.5 * rng.normal(size=shape)
        for estimator in estimators_:
            setattr(estimator, name, values)
    for estimator in estimators_:
        estimator.n_features_in_ = 64
    return estimators_


def test_functions_of_the_parameters_are_scikit_learns(both):
    ours, theirs = both
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-6)
    np.testing.assert_array_equal(ours.transform(sparse.csr_matrix(X)), ours.transform(X))
    terms = [theirs.set_params(random_state=seed).score_samples(X) for seed in range(300)]
    error = np.std(terms, axis=0) / np.sqrt(len(terms))
    assert (np.abs(np.mean(terms, axis=0) - ours.score_samples(X)) < 5 * error + 1e-3).all()


def test_gibbs_steps_have_the_probabilities_of_scikit_learns(both):
    v = np.repeat(X[:1], 3000, axis=0)
    means = [estimator.gibbs(v).mean(axis=0) for estimator in both]
    np.testing.assert_allclose(*means, atol=5 * np.sqrt(2 * 0.25 / 3000))
    assert both[0].gibbs(v).dtype == bool and np.std(means[0]) > 0.1


@pytest.mark.slow
def test_a_fit_is_as_good_as_scikit_learns_and_goes_on():
    ours = estimators.BernoulliRBM(**OPTIONS).fit(X)
    np.testing.assert_array_equal(clone(ours).fit(X).components_, ours.components_)
    theirs = neural_network.BernoulliRBM(**OPTIONS).fit(X)
    theirs_as_ours = clone(ours)
    for name in ("components_", "intercept_hidden_", "intercept_visible_", "n_features_in_"):
        setattr(theirs_as_ours, name, getattr(theirs, name))
    before, after, reached = (
        estimator.score_samples(X).mean()
        for estimator in (clone(ours).set_params(n_iter=1).fit(X), ours, theirs_as_ours)
    )
    assert before < reached - 2 and after == pytest.approx(reached, abs=1)
    further = pickle.loads(pickle.dumps(ours)).partial_fit(X).partial_fit(X)
    assert after - 0.5 < further.score_samples(X).mean() and (further.components_ != ours.components_).any()


ROUNDED = np.where(X[:50], 1 + 2**-52, -(2.0**-70))


@pytest.mark.thorough
@pytest.mark.unoptimised
@pytest.mark.parametrize("rows", [ROUNDED.astype(np.float32) + 1e-7, 3 * X[:50] - 1], ids=range(2))
def test_rows_beyond_states_are_taken_as_scikit_learn_takes_them(both, rows):
    ours, theirs = (estimator.set_params(random_state=0) for estimator in both)
    for estimator in both:
        vars(estimator).pop("random_state_", None)
    np.testing.assert_allclose(ours.transform(rows), theirs.transform(rows), rtol=1e-12)
    np.testing.assert_array_equal(ours.gibbs(rows), theirs.gibbs(rows))
    terms = [theirs.set_params(random_state=seed).score_samples(rows) for seed in range(100)]
    error = np.std(terms, axis=0) / np.sqrt(len(terms))
    assert (np.abs(np.mean(terms, axis=0) - ours.score_samples(rows)) < 5 * error + 1e-3).all()
    for estimator in (clone(ours).set_params(n_iter=1).fit(rows), clone(ours).partial_fit(rows)):
        assert estimator.components_.dtype == rows.dtype and np.isfinite(estimator.components_).all()


@pytest.mark.unoptimised
def test_a_first_step_on_rows_beyond_states_is_scikit_learns():
    """Chains that start at 0 see visible units of probability 1/2, so weights of 0 move by the rows alone."""
    rows = np.array([[3.0, -1.0, 0.25]])
    options = {"n_components": 1, "batch_size": 1, "n_iter": 1, "learning_rate": 1e-3}
    fits = [
        [module.BernoulliRBM(**options, random_state=seed).fit(rows).intercept_visible_ for seed in range(20)]
        for module in (estimators, neural_network)
    ]
    np.testing.assert_allclose(*(np.mean(of_module, axis=0) for of_module in fits), atol=4e-4)
    assert np.mean(fits[0], axis=0)[0] > 2e-3


@pytest.mark.thorough
@pytest.mark.unoptimised
def test_epochs_are_reported_one_a_line(capsys):
    for epochs in (0, 2):
        fitted = estimators.BernoulliRBM(12, n_iter=epochs, verbose=1, random_state=0).fit(X)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == epochs and all("pseudo-likelihood = -" in line for line in lines)
    assert list(fitted.get_feature_names_out())[:2] == ["bernoullirbm0", "bernoullirbm1"]
    with pytest.raises(ValueError, match=r"^learning_rate: training diverged"):
        estimators.BernoulliRBM(12, n_iter=1, learning_rate=1e38, random_state=0).fit(3 * X)
