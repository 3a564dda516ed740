"""Arrays that callers modify during a run: training uses their values at the start of the call."""

import jax
import numpy as np
import pytest
from helpers import same_bits

import jfnn
from jfnn.core.search.prepare import prepare
from jfnn.core.search.sweep import train_run

pytestmark = pytest.mark.unoptimized

N = 24
EPOCHS = 4
OWN = jfnn.Network(  # the engine trains its parameters as they are given
    lambda key: {"w": 0.1 * jax.random.normal(key, (3, 2))}, lambda params, x: x @ params["w"]
)


def arrays_of_a_sweep():
    """Return every array that a caller may keep, in the form in which the engine holds it."""
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.normal(size=(N, 3)).astype(np.float32),
        "y_train": np.arange(N) % 2,
        "x_test": rng.normal(size=(5, 3)).astype(np.float32),
        "y_test": np.arange(5) % 2,
        "weights": rng.uniform(0.5, 2, N).astype(np.float32),
        "batches": rng.integers(0, 16, (EPOCHS, 3, 4)).astype(np.int32),
        "initial_params": {"w": rng.normal(size=(3, 2)).astype(np.float32)},
        "learning_rate": np.array([0.1, 0.2]),
        "l2": np.array([0.0, 0.1]),
        "seeds": np.array([0, 3]),
        "folds": [(np.arange(16), np.arange(16, N)), (np.arange(8, N), np.arange(8))],
    }


def options_of(arrays, progress=None, **changes):
    arrays = dict(arrays)
    split = jfnn.Split(*(arrays.pop(name) for name in jfnn.Split._fields[:5]))
    options = dict(epochs=EPOCHS, execution=jfnn.Execution(tile=4, eval_every=1, progress=progress))
    return {"split": split} | options | arrays | changes


def scribble(arrays):
    for leaf in jax.tree.leaves(arrays):
        leaf[...] = leaf.flat[0]


def assert_same(result, expected):
    assert same_bits((result.params, result.scores), (expected.params, expected.scores))
    assert same_bits(dict(result.axes), dict(expected.axes))
    np.testing.assert_array_equal(result.seeds, expected.seeds)


@pytest.fixture(scope="module")
def untouched():
    return jfnn.sweep(OWN, **options_of(arrays_of_a_sweep()))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name",
    arrays_of_a_sweep(),
)
def test_array_changed_before_or_during_training_changes_nothing(untouched, name):
    arrays = arrays_of_a_sweep()
    run = prepare(jfnn.Options(OWN, **options_of(arrays)))
    scribble(arrays[name])
    assert_same(train_run(run), untouched)
    arrays = arrays_of_a_sweep()
    assert_same(jfnn.sweep(OWN, **options_of(arrays, lambda progress: scribble(arrays[name]))), untouched)


@pytest.mark.thorough
@pytest.mark.parametrize("several", [False, True])
def test_refit_uses_the_arrays_as_they_were(several):
    def swept(change):
        arrays = arrays_of_a_sweep()
        del arrays["batches"], arrays["folds"]
        options = options_of(arrays, lambda _: change and scribble(arrays), validation=8, refit=True)
        # The second of several programs starts when the first has ended.
        return jfnn.sweep(OWN, batch_size=[4, 8] if several else 4, **options)

    expected = swept(False)
    result = swept(True)
    assert_same(result.refit, expected.refit)
    assert_same(result, expected)
