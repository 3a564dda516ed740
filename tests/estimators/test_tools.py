"""scikit-learn's tools with these estimators equal plain fits, in other processes too."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn import model_selection
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jfnn import estimators

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:os.fork"),
]
X, Y = load_breast_cancer(return_X_y=True)
X = X[:300, :8]
Y = Y[:300]
PERCEPTRON = estimators.MLPClassifier((8,), max_iter=10, random_state=0, engine="jfnn")
PIPELINE = make_pipeline(StandardScaler(), PERCEPTRON)
GRID = {"mlpclassifier__alpha": [0.1, 1.0]}
SEARCHES = [module.GridSearchCV(PIPELINE, GRID, cv=3) for module in (estimators, model_selection)]


def test_cross_validation_scores_equal_those_of_manual_fits_and_other_processes():
    scores = model_selection.cross_val_score(PIPELINE, X, Y, cv=3)
    splits = model_selection.StratifiedKFold(3).split(X, Y)
    by_hand = [PIPELINE.fit(X[train], Y[train]).score(X[test], Y[test]) for train, test in splits]
    np.testing.assert_array_equal(scores, by_hand)
    np.testing.assert_array_equal(model_selection.cross_val_score(PIPELINE, X, Y, cv=3, n_jobs=2), scores)
    curve = model_selection.learning_curve(PIPELINE, X, Y, cv=3, train_sizes=[0.5, 1.0])
    np.testing.assert_array_equal(curve[2][1], scores)


def test_several_metrics_are_scored_on_one_fit_even_of_a_copy_in_other_processes():
    searches = [
        clone(search).set_params(scoring=["accuracy", "roc_auc"], refit="roc_auc").fit(X, Y)
        for search in SEARCHES
    ]
    for name, values in searches[1].cv_results_.items():
        if "time" not in name:
            np.testing.assert_array_equal(searches[0].cv_results_[name], values)
    copy = pickle.loads(pickle.dumps(searches[0]))
    for there in joblib.Parallel(2)(joblib.delayed(copy.predict_proba)(X) for _ in range(2)):
        np.testing.assert_array_equal(there, searches[0].predict_proba(X))
