"""Inputs on which training diverges or stands still are warned of before it begins."""

import warnings

import numpy as np
import pytest
from helpers import noise_split
from sklearn import datasets

import jfnn
from jfnn.experiment.options import Options
from jfnn.search.sweep import prepare

SPLIT = noise_split()
NET = jfnn.mlp((5, 4, 3))


def prepared(network=NET, split=SPLIT, **options):
    """A sweep, checked and not trained."""
    return prepare(Options(network, split, learning_rate=0.1, batch_size=16, **options))


def warned(*args, **options):
    """What is warned of before a sweep."""
    with warnings.catch_warnings(record=True, action="always") as said:
        prepared(*args, **options)
    return [str(warning.message) for warning in said]


def large(column, most=1.24e6):
    """The split with a column that reaches a number, on its negative side."""
    x = SPLIT.x_train.copy()
    x[:, column] *= -most / x[:, column].max()
    x[:, column] = np.minimum(x[:, column], most / 2)
    return SPLIT._replace(x_train=x)


@pytest.mark.parametrize("loss", ["cross_entropy", "quadratic"])
def test_a_warning_says_how_large_inputs_are_and_the_cure_removes_it(loss):
    text = r"^inputs reach 1\.2e6, where .*; jfnn\.datasets\.standardise\(split\) scales them$"
    split = large(2)
    with pytest.warns(UserWarning, match=text) as said:
        prepared(split=split, loss=loss)
    assert len(said) == 1
    with pytest.warns(UserWarning, match=text):
        jfnn.train(NET, split.x_train, split.y_train, loss=loss, learning_rate=0.1, epochs=1, batch_size=16)
    prepared(split=jfnn.datasets.standardise(split), loss=loss)  # of which a warning would be an error


def test_rows_to_test_on_tokens_and_rows_of_custom_functions_are_not_warned_of():
    assert len(warned(NET, large(2))) == 1
    assert warned(NET, SPLIT._replace(x_test=1e6 * SPLIT.x_test)) == []
    assert warned(NET, large(2, 900.0)) == []
    tokens = jfnn.sequential([jfnn.Embedding(5000, 2), jfnn.Flatten(), jfnn.Dense(3, "identity")], 2)
    assert warned(tokens, jfnn.Split(np.full((40, 2), 4999), np.arange(40) % 3)) == []
    custom = jfnn.learner(lambda key: np.zeros(5, np.float32), lambda w, batch, key: (batch[0] @ w).mean())
    assert warned(custom, large(2)) == []
    scales = jfnn.Network(NET.init, lambda params, x: NET.apply(params, x / 1e6))
    assert warned(scales, large(2)) == []


@pytest.mark.thorough
def test_large_inputs_are_hardly_learned_and_pixels_are():
    """scikit-learn's wines reach 1,680, its breast cancers 4,254; digits at 16 times their numbers 256."""

    def accuracy(split, outputs):
        network = jfnn.mlp((split.x_train.shape[1], 50, outputs), "tanh", init="glorot_normal")
        grid = jfnn.sweep(network, split, learning_rate=np.logspace(-6, 1, 8), epochs=50, batch_size=35)
        return np.nanmax(grid.cell_scores("test_accuracy"))

    for load, outputs in ((datasets.load_wine, 3), (datasets.load_breast_cancer, 2)):
        split = jfnn.datasets.split(*load(return_X_y=True))
        with pytest.warns(UserWarning, match="inputs reach"):
            raw = accuracy(split, outputs)
        assert raw < accuracy(jfnn.datasets.standardise(split), outputs) - 0.1
    digits = jfnn.datasets.digits()
    with warnings.catch_warnings(action="error"):
        assert accuracy(digits._replace(x_train=16 * digits.x_train, x_test=16 * digits.x_test), 10) > 0.9
