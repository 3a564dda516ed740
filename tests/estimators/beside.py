"""Estimators compared with scikit-learn's: shared rows, pairs of equal estimators, common checks."""

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_digits

from jfnn import estimators

X, Y = (array[:150] for array in load_digits(n_class=3, return_X_y=True))
X = X / 16
OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 6, "random_state": 0}


def pair(name, engine, **parameters):
    theirs = getattr(neural_network, name)(**OPTIONS | parameters)
    return theirs, getattr(estimators, name)(**OPTIONS | parameters, engine=engine)


def same_bytes(one, other):
    assert (one.dtype, one.shape) == (other.dtype, other.shape)
    if one.dtype == np.longdouble:  # some of its bytes are unused
        np.testing.assert_array_equal(one, other)
    else:
        assert one.tobytes() == other.tobytes()


def nearly_same(one, other):
    """Check arrays computed in float64."""
    assert (one.dtype, one.shape) == (other.dtype, other.shape)
    if one.dtype.kind == "f":
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    else:
        np.testing.assert_array_equal(one, other)


def check_alike(theirs, ours, x, check=same_bytes):
    """Check that ours has learned everything that scikit-learn's has, and that both predict the same."""
    learned = [name for name in vars(theirs) if name.endswith("_") and not name.startswith("_")]
    assert {"coefs_", "intercepts_", "n_iter_", "n_features_in_"} <= {*learned}
    for name in learned:
        for one, other in zip(*(_leaves(getattr(e, name)) for e in (ours, theirs)), strict=True):
            check(np.asarray(one), np.asarray(other))
    methods = ["predict", "predict_proba", "predict_log_proba"][: 3 if hasattr(theirs, "classes_") else 1]
    for method in methods:
        check(getattr(ours, method)(x), getattr(theirs, method)(x))


def _leaves(value):
    return value if isinstance(value, list) else [np.nan if value is None else value]


def check_float32(ours, theirs):
    """Check losses, scores and parameters computed in float32."""
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
    if theirs.validation_scores_ is not None:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)
    for one, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
