"""A study's function sees each step of each member as in a sweep."""

import jax
import numpy as np
import pytest
from helpers import complaint, noise_split, refusal

import jfnn
from jfnn.extend import make_experiment, observe_steps

NET = jfnn.mlp((5, 4, 3))
SPLIT = noise_split()
OPTIONS = dict(learning_rate=[0.01, 0.1], l2=[0.0, 0.1], seeds=2, epochs=3, batch_size=16)


def seen(learner, before, batch, after, hyper):
    return before.params, batch.rows[0], learner.unpack(after.params), dict(hyper)


@pytest.mark.thorough
def test_steps_equal_those_of_a_sweep():
    experiment = make_experiment(jfnn.Options(NET, SPLIT, **OPTIONS))
    before, rows, after, hyper = observe_steps(experiment, seen)
    result = jfnn.sweep(NET, SPLIT, **OPTIONS)
    steps = rows.shape[3] // OPTIONS["epochs"]
    for leaf, trained in zip(jax.tree.leaves(after), jax.tree.leaves(result.params), strict=True):
        np.testing.assert_allclose(leaf[:, :, :, -1], trained, rtol=2e-5, atol=1e-6)
    for leaf in jax.tree.leaves(before):
        np.testing.assert_array_equal(leaf[0, 0, :, 0], leaf[-1, -1, :, 0])  # all cells start alike
    np.testing.assert_array_equal(hyper["l2"][0, :, 0, 0], np.float32(OPTIONS["l2"]))
    n = len(SPLIT.x_train)
    for seed in range(2):
        for step in range(rows.shape[3]):
            numbers = jfnn.Minibatches(16).fitted(n).epoch(n, seed, step // steps)[step % steps]
            counted = numbers >= 0
            expected = np.asarray(SPLIT.x_train)[numbers[counted]]
            np.testing.assert_allclose(rows[1, 0, seed, step][counted], expected, rtol=1e-6)


REFUSED = {
    "options": lambda: make_experiment(NET),
    "experiment": lambda: observe_steps(jfnn.Options(NET, SPLIT, **OPTIONS), seen),
    "observe": lambda: observe_steps(make_experiment(jfnn.Options(NET, SPLIT, **OPTIONS)), len),
    "folds": lambda: make_experiment(jfnn.Options(NET, SPLIT, folds=2, **OPTIONS)),
}


@pytest.mark.parametrize("argument", REFUSED)
def test_invalid_studies_are_refused(argument):
    assert complaint(refusal(REFUSED[argument]), {argument}) is None
