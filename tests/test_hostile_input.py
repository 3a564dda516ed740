"""The same numbers in any form, of any dtype, byte order or container, give the same bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import same_bits

import jfnn
from jfnn.arguments.checks import ArgumentError
from jfnn.experiment.options import Options
from jfnn.search.sweep import prepare

pytestmark = pytest.mark.unoptimised

NET = jfnn.mlp((2, 3, 2))
# Numbers that float16 has, so that every kind below holds the same ones.
X = np.random.default_rng(0).integers(-9, 9, (8, 2)) / 4
LABELS = np.arange(8) % 2
PLAIN = {
    "x": X,
    "y": np.eye(2)[LABELS],
    "weights": np.arange(8) / 2,
    "params": jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), NET.init(jax.random.key(0))),
}
RAGGED = [[1.0, 2.0], [3.0]]


def objective(x=X, y=LABELS, params=PLAIN["params"], **options):
    return jfnn.objective(NET, params, x, y, **options)


def backprop(x=X, y=LABELS, params=PLAIN["params"], **options):
    return jfnn.backprop.value_and_grad(params, x, y, **options)


def predict(x=X, params=PLAIN["params"]):
    return jfnn.predict(NET, params, x)


def predict_proba(x=X, params=PLAIN["params"]):
    return jfnn.predict_proba(NET, params, x)


def accuracy(x=X, labels=LABELS, params=PLAIN["params"]):
    return jfnn.accuracy(NET, params, x, labels)


FUNCTIONS = {f.__name__: f for f in (objective, backprop, predict, predict_proba, accuracy)}
TAKES = {"objective": [*PLAIN], "backprop": [*PLAIN]}


def prepared(x=X, y=LABELS, x_test=None, y_test=None, weights=None, **options):
    """All that `jfnn.sweep` does before it trains."""
    options = {"learning_rate": 0.1, "batch_size": 4, "epochs": 1, **options}
    return prepare(Options(NET, jfnn.Split(x, y, x_test, y_test, weights), **options))


class ArrayLike:
    """An array for `np.asarray` alone, as data frames are."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array.astype(dtype or self.array.dtype)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def strided(array):
    """The array as a view with gaps, from the back to the front."""
    wide = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
    wide[::-2] = array
    return wide[::-2]


def frame(array):
    pandas = pytest.importorskip("pandas")
    return pandas.Series(array) if array.ndim == 1 else pandas.DataFrame(array)


# What the same numbers may come as.
FORMS = {
    "longdouble": lambda array: array.astype(np.longdouble),
    "big-endian longdouble": lambda array: array.astype(np.dtype(np.longdouble).newbyteorder(">")),
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "big-endian float32": lambda array: array.astype(">f4"),
    "masked, but nowhere": np.ma.masked_array,
    "float32": lambda array: array.astype(np.float32),
    "float16": lambda array: array.astype(np.float16),
    "Fortran order": np.asfortranarray,
    "read-only": read_only,
    "strided": strided,
    "jax": jnp.asarray,
    "list": np.ndarray.tolist,
    "array-like": ArrayLike,
    "data frame": frame,
}
# Arithmetic in float16; a tree of numbers; leaves without the shapes that the hand derivation reads.
NOT_OF_PARAMS = {"float16", "list", "array-like", "data frame"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_same_numbers_in_any_form_give_the_same_bits(name, form):
    function = FUNCTIONS[name]
    plain = {argument: PLAIN[argument] for argument in TAKES.get(name, ["x", "params"])}
    expected = function(**plain)
    for argument, value in plain.items():
        if argument == "params" and form in NOT_OF_PARAMS:
            continue
        formed = jax.tree.map(FORMS[form], value)
        assert same_bits(function(**plain | {argument: formed}), expected), argument


@pytest.mark.parametrize("kind", ["i1", "u2", ">i4", "i8", "?"])
@pytest.mark.parametrize("name", ["objective", "backprop", "accuracy"])
def test_labels_of_any_kind_of_whole_number_are_the_same(name, kind):
    function, argument = FUNCTIONS[name], "labels" if name == "accuracy" else "y"
    assert same_bits(function(**{argument: LABELS.astype(kind)}), function(**{argument: LABELS}))


@pytest.mark.parametrize("form", FORMS)
def test_a_sweep_of_the_same_numbers_in_any_form_is_the_same_run(form):
    start = PLAIN["params"]
    expected = prepared(X, PLAIN["y"], X, PLAIN["y"], PLAIN["weights"], initial_params=start)
    formed = {name: jax.tree.map(FORMS[form], PLAIN[name]) for name in ("x", "y", "weights")}
    start = start if form in NOT_OF_PARAMS else jax.tree.map(FORMS[form], start)
    run = prepared(
        *(formed["x"], formed["y"], formed["x"], formed["y"], formed["weights"]), initial_params=start
    )
    assert run.description == expected.description
    assert same_bits(run.experiment.data[:3], expected.experiment.data[:3])
    data, start = run.experiment.data, run.experiment.replicates[0].params
    assert same_bits(start, expected.experiment.replicates[0].params)
    assert all(leaf.dtype.isnative for leaf in jax.tree.leaves((data.rows, data.weights, start)))


def test_inputs_are_never_written_to():
    arrays = jax.tree.map(np.copy, PLAIN)
    jfnn.train(
        *(NET, arrays["x"], arrays["y"]),
        **dict(learning_rate=0.1, epochs=1, batch_size=4),
        weights=arrays["weights"],
        initial_params=arrays["params"],
    )
    assert same_bits(arrays, PLAIN)


@pytest.mark.parametrize("l2", [0, 1, 0.5, np.float16(0.5), np.float64(0.5), np.array(0.5), jnp.int32(1)])
def test_a_penalty_may_be_any_number(l2):
    expected = objective() + float(l2) * jfnn.losses.l2_penalty(PLAIN["params"])
    for value in (objective(l2=l2), backprop(l2=l2)[0], jax.jit(lambda l2: objective(l2=l2))(float(l2))):
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_networks_of_ones_own_get_native_numbers():
    own = jfnn.Network(lambda key: {"w": jnp.ones((2, 2))}, lambda params, x: x @ params["w"])
    params, weights = {"w": np.eye(2)}, np.linspace(0, 2, 8)
    swapped = jax.tree.map(FORMS["big-endian"], (params, X, LABELS, weights))
    expected = jfnn.objective(own, params, X, LABELS, weights=weights)
    assert jfnn.objective(own, *swapped[:3], weights=swapped[3]) == expected
    np.testing.assert_array_equal(jfnn.predict(own, *swapped[:2]), jfnn.predict(own, params, X))


def test_what_float32_has_no_room_for_float64_has(x64):
    beyond = jax.tree.map(lambda leaf: np.full(leaf.shape, 1e39), PLAIN["params"])
    run = prepared(x=X * 1e39, weights=np.where(LABELS, 1e39, 1.0), initial_params=beyond, l2=1e39)
    assert same_bits(run.experiment.data.rows[0], X * 1e39)
    assert jax.tree.leaves(run.experiment.replicates[0].params)[0].max() == 1e39


@pytest.mark.parametrize("value", [np.nan, np.inf, np.ma.masked])
def test_standardise_refuses_what_is_not_there(value):
    def refused(argument, call):
        with pytest.raises(ArgumentError, match=rf"^{argument}: "):
            call()

    bad = np.ma.masked_array(X) if value is np.ma.masked else X.copy()
    bad[3, 1] = value
    refused("x_train", lambda: jfnn.datasets.standardise(jfnn.Split(bad, LABELS)))
    refused("x_test", lambda: jfnn.datasets.standardise(jfnn.Split(X, LABELS, bad, LABELS)))
    refused("y_train", lambda: jfnn.datasets.standardise(jfnn.Split(X, bad)))
    refused("x_train", lambda: jfnn.datasets.standardise(jfnn.Split(RAGGED, LABELS)))
